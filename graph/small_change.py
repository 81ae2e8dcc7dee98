"""A small change: the build made out of the one before, where only the texts of a few documents changed.

What it rests on, and when it may be done, is told in `graph.incremental`; here the steps stand in their order.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from graph import (
    ahead,
    cascade,
    incremental,
    inside,
    making,
    sealing,
    search_index,
    stages,
    trail,
    triples,
)
from graph.agency_identity import AgencyIdentity
from graph.catalog import Corpus
from graph.corrections import load_corrections
from graph.incremental import Step
from graph.kept_heads import Heads, KeptLineage
from graph.making import Desk, read_cached
from graph.reading import read_source
from graph.record import PlanRecord
from ontology import terms


@dataclass(frozen=True)
class Before:
    """What the build before told of itself: how many things it holds, and the corrections that found nothing."""

    counts: Mapping[str, int]
    idle: Sequence[dict[str, str]]


@dataclass(frozen=True)
class After:
    """The same of the new build, and how many documents were not read again."""

    counts: dict[str, int]
    idle: list[dict[str, str]]
    reused: int


@dataclass(frozen=True)
class SmallChange:
    """What a small change is made with: the folder of the new build, empty as yet, and what is to be read.

    ``corrections`` are files by slug; ``made``, ``code`` and ``changes`` are what the dataset tells of its build.
    """

    folder: Path
    corpus: Corpus
    corrections: Mapping[str, Path]
    desk: Desk
    made: datetime
    code: str
    changes: Sequence[trail.Entry]
    progress: Callable[[str, int, int], None]

    def make(self, step: Step, before: Before) -> After | None:
        """Make the build; None where it cannot be made alone: then nothing of the one before stands in the folder.

        ``step`` is told which plans are affected.
        """
        with ThreadPoolExecutor(1) as aside:
            after = self._make(step, before, aside)
        if after is None:
            for name in incremental.TAKEN_OVER:
                (self.folder / name).unlink(missing_ok=True)
        return after

    def _make(self, step: Step, before: Before, aside: ThreadPoolExecutor) -> After | None:
        """The same; ``aside`` does what takes time with files only."""
        now = step.before
        others = aside.submit(self._take_over, now)
        heads = Heads(now)
        known = heads.known(self.corpus.stubs)
        found = self._read(step.changed, heads)
        if found is None:
            return None
        fresh, reused = found
        for slug, record in fresh.items():
            stages.settle(record, known)
            (self.folder / "records" / f"{slug}.json").write_text(record.to_json(), encoding="utf-8")
        old = {slug: incremental.read_record(now, slug) for slug in fresh}
        lineage = KeptLineage(heads, fresh, self.corpus.stubs)
        step.affected = incremental.affected(lineage, heads, old, fresh)
        respelled = incremental.respelled(old.values(), fresh.values())
        ahead.take_store(now, self.folder)
        change = incremental.StoreChange(self.folder / "store")
        named = change.holders(respelled)
        spellers = [
            slug
            for slug in (heads if named else ())
            if slug not in fresh and str(terms.document_graph(slug)) in named
        ]
        if not incremental.few({*step.affected, *spellers}, len(lineage)) or not others.result():
            change.close()
            shutil.rmtree(self.folder / "store")
            return None
        linked = None if ahead.take(now, self.folder) else aside.submit(self._link, now, step.changed)
        comparisons = incremental.compare_again(step, lineage, heads)
        spelling = [incremental.read_record(now, slug) for slug in spellers]
        before_of, now_of = (incremental.Agencies.of([*some.values(), *spelling]) for some in (old, fresh))
        texts = {slug: making.read_text(self.folder, slug) for slug in fresh}
        checks = {slug: inside.checks(record, texts[slug], known) for slug, record in fresh.items()}
        told = {slug: inside.agencies_in_text(record, texts[slug]) for slug, record in fresh.items()}
        change.remove_build()
        said = chain(
            *(triples.document_quads(record, known) for record in fresh.values()),
            cascade.changed_quads([lineage.place(slug) for slug in fresh], checks, told),
            stages.provenance_quads(fresh.values(), self.made, self.code),
        )
        change.replace_documents(fresh, said)
        gone = 0
        for slug in list(step.affected):
            own = [one for one in comparisons if one.lower_plan == slug]
            number, otherwise = change.replace_comparisons(slug, own, fresh)
            gone += number
            if not otherwise and slug not in fresh:
                step.affected.remove(slug)
        change.relabel(respelled, now_of.labels)
        change.add(trail.trail_quads(self.changes))
        change.close()
        heads.write(self.folder, fresh)
        rows = [search_index.rows_of(record, texts[slug]) for slug, record in fresh.items()]
        search_index.update(self.folder, rows)
        counts = dict(before.counts)
        for sign, some in ((-1, old), (1, fresh)):
            for record in some.values():
                for name, number in stages.contents(record).items():
                    counts[name] += sign * number
        for sign, agencies in ((-1, before_of.known), (1, now_of.known)):
            # Whoever else names an agency that comes or goes is among those that were read.
            for name, number in _agencies([agencies[iri] for iri in respelled if iri in agencies]).items():
                counts[name] += sign * number
        counts["comparisons"] += len(comparisons) - gone
        counts["triples"] += change.added - change.removed
        idle = [one for one in before.idle if one["document"] not in fresh]
        for record in fresh.values():
            idle += stages.idle_corrections(record)
        if linked is not None:
            linked.result()
        return After(counts, idle, reused)

    def _read(
        self, changed: Sequence[str], heads: Mapping[str, PlanRecord]
    ) -> tuple[dict[str, PlanRecord], int] | None:
        """The documents that changed, and how many were not read again; None where one is not what it was."""
        fresh: dict[str, PlanRecord] = {}
        reused = len(self.corpus.documents) - len(changed)
        for path, entry in self.corpus.documents:
            if entry.slug not in changed:
                continue
            self.progress(path.name, len(fresh), len(changed))
            source = read_source(path)
            file = self.corrections.get(path.stem)
            corrections = load_corrections(file) if file else []
            record, _, cached = read_cached(self.desk, source, path.stem, entry, corrections)
            reused += cached
            if not incremental.same_identity(record, heads[path.stem]):
                return None
            fresh[path.stem] = record
            (self.folder / "texts" / f"{path.stem}.txt").write_text(source.text, encoding="utf-8")
        return fresh, reused

    def _take_over(self, before: Path) -> bool:
        """Put the large files of the build before into this one; False where they are not as they were published."""
        if not sealing.is_whole(before, incremental.TAKEN_OVER, anew=False):
            return False
        ahead.take_files(before, self.folder)
        return True

    def _link(self, before: Path, changed: Sequence[str]) -> None:
        """Texts and records as they were, but for those that changed, which stand here already."""
        for part, suffix in ahead.PARTS:
            fresh = [f"{slug}{suffix}" for slug in changed]
            ahead.link_tree(before / part, self.folder / part, fresh)


def _agencies(agencies: Collection[AgencyIdentity]) -> dict[str, int]:
    return {
        "agencies": len(agencies),
        "agencies_collective": sum(agency.collective for agency in agencies),
        "agencies_unresolved": sum(not agency.resolved for agency in agencies),
    }
