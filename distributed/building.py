"""A build made on Spark: into the usual store and published, or as parts and tables under an address."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from distributed.flow import Flow, Progress, Sizes
from distributed.folders import Folder, address, local_path
from graph import kept_heads, search_index, stores
from graph.build import (
    BuildJob,
    Summary,
    code_hash,
    current_build,
    digest_of,
    input_files,
    read_summary,
)
from graph.catalog import Corpus, read_corpus
from graph.errors import BadInput
from ontology.extension import FOLDER as VOCABULARIES
from ontology.vocabulary import using
from shapes.waivers import keep, load_waivers

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PARTS, TABLES, WORK = "quads", "tables", "_work"
_SMALL = (
    ("", ("catalog.yaml", "waivers.yaml")),
    ("records", ".yaml"),
    ("corrections", ".yaml"),
    (VOCABULARIES, ".ttl"),
    ("graphs", ".nq"),
)
"""What is fetched of a folder elsewhere: by folder the names, or how they end. Documents are read by the workers."""


@contextmanager
def source_at(spark: SparkSession, path: str) -> Iterator[tuple[Folder, Path, frozenset[str] | None]]:
    """A folder of plans by path or address.

    Yields:
        It; where its small files are on this machine; and the names of its files, None where it is on this machine itself.
    """
    source = Folder(spark, address(path))
    names = source.names()
    here = local_path(source.uri)
    if here is not None:
        yield source, here, None
        return
    with tempfile.TemporaryDirectory() as scratch:
        mirror = Path(scratch) / (source.uri.rpartition("/")[2] or "plans")
        mirror.mkdir()
        for folder, wanted in _SMALL:
            for name in source.names(folder):
                if name.endswith(wanted) if folder else name in wanted:
                    source.fetch(f"{folder}/{name}" if folder else name, mirror / folder / name)
        yield source, mirror, frozenset(names)


class SparkJob(BuildJob):
    """A build as `BuildJob` makes it, its documents read, compared and judged on Spark; publish it, or it is gone.

    Args:
        spark: a session.
        plans: where the small files of the folder of plans are on this machine.
        data: the data folder, on this machine.
        source: the folder of plans.
        names: those of its files, where it is not on this machine.
        work: the address of a folder that all workers reach, for what lies between the steps; None for one in the build.
    """

    def __init__(
        self,
        spark: SparkSession,
        plans: Path,
        data: Path,
        *,
        source: Folder,
        names: frozenset[str] | None = None,
        work: str | None = None,
        progress: Progress | None = None,
        fresh: bool = False,
    ) -> None:
        super().__init__(plans, data, progress=progress, fresh=fresh, processes=1)
        self._spark = spark
        self._source = source
        self._names = names
        self._work = work
        self.sizes: Sizes | None = None

    def __enter__(self) -> SparkJob:
        super().__enter__()
        return self

    def _corpus(self) -> Corpus:
        return read_corpus(self.plans, names=self._names)

    def _run(self, corpus: Corpus) -> None:
        made = datetime.now(UTC)
        waivers = load_waivers(self.plans)
        scratch = self.data / "builds" / f"spark-{made:%Y%m%dT%H%M%S}{made.microsecond // 1000:03}.part"
        work = Folder(self._spark, self._work or address(str(scratch)))
        flow = Flow(self._spark, self._source, corpus, work, self._progress)
        try:
            inputs = inputs_with(corpus, flow.read())
            digest = digest_of(inputs)
            now = current_build(self.data)
            if now and not self._fresh and read_summary(now).inputs_hash == digest:
                self.folder, self.unchanged = now, True
                return
            self._open(corpus, made, digest)
            with (self.folder / kept_heads.FILE).open("w", encoding="utf-8") as heads:
                flow.derive(heads)
            flow.judge(made, self._trail(), waivers, date.today())  # noqa: DTZ011 - the day where the build is made
            self._take(flow, made, digest, inputs)
            keep(waivers, self.folder)
        finally:
            work.remove()

    def _take(self, flow: Flow, made: datetime, digest: str, inputs: dict[str, str]) -> None:
        """Bring what the workers wrote into the folder of the build."""
        spark, folder = self._spark, self.folder
        parts = Folder(spark, f"{self._work}/{PARTS}" if self._work else address(str(folder / PARTS)))
        flow.write_parts(parts)
        tables = Folder(spark, f"{self._work}/{TABLES}" if self._work else address(str(folder / TABLES)))
        flow.write_tables(tables)
        if self._work:
            parts.fetch_all(folder / PARTS)
            tables.fetch_all(folder / TABLES)
        for slug, text, record in flow.documents():
            if text is not None:
                (folder / "texts" / f"{slug}.txt").write_text(text, encoding="utf-8")
            else:
                (folder / "records" / f"{slug}.json").write_text(record, encoding="utf-8")
        self._progress("indexing and loading", 0, 1)
        search_index.write(folder, flow.search_rows())
        total = stores.create(folder / "store", sorted((folder / PARTS).glob("*.nq")))
        flow.write_findings(folder)
        self._progress("indexing and loading", 1, 1)
        self._summarize(digest, made, inputs, flow.counts(total), 0, flow.gathering.idle)
        if self._names is not None:
            self._write_summary(replace(read_summary(folder), plans=self._source.uri))
        self.sizes = flow.sizes


def write_out(
    spark: SparkSession,
    plans: Path,
    source: Folder,
    names: frozenset[str] | None,
    out: str,
    progress: Progress,
) -> Summary:
    """Write the quads and tables of a folder of plans under an address, where nothing may stand yet.

    ``out/quads/part-*.nq``, ``out/tables/*.parquet/``, and last ``out/build.json``: without it the run was broken off.
    Raises BadInput where something stands there.
    """
    target = Folder(spark, address(out))
    if not target.is_empty():
        raise BadInput(
            f"--out {out}: something stands there; name a folder that is empty or not there yet",
            zh=f"--out {out}：那里已有文件；请指定一个空的或尚不存在的文件夹",
        )
    corpus = read_corpus(plans, names=names)
    made = datetime.now(UTC)
    work = target.child(WORK)
    with using(corpus.vocabularies):
        flow = Flow(spark, source, corpus, work, progress)
        try:
            inputs = inputs_with(corpus, flow.read())
            flow.derive()
            flow.judge(made, [], load_waivers(plans), date.today())  # noqa: DTZ011 - the day of the build
            total = flow.write_parts(target.child(PARTS))
            flow.write_tables(target.child(TABLES))
        finally:
            work.remove()
    digest = digest_of(inputs)
    summary = Summary(
        f"{made:%Y%m%dT%H%M%S}-{digest[:8]}",
        made.isoformat(timespec="seconds"),
        digest,
        inputs,
        flow.counts(total),
        0,
        flow.gathering.idle,
        source.uri,
        code_hash(),
    )
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "build.json"
        told.write_text(json.dumps(summary.__dict__, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        target.put(told, told.name)
    return summary


def inputs_with(corpus: Corpus, documents: Mapping[str, str]) -> dict[str, str]:
    """All files of a folder of plans by their names, each with its SHA-256; those of the documents are told."""
    paths = {str(path.relative_to(corpus.folder)): path for path in input_files(corpus)}
    return {
        name: documents[name] if name in documents else sha256(path.read_bytes()).hexdigest()
        for name, path in paths.items()
    }
