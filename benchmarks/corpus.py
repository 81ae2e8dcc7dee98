"""A corpus of plans made by chance, with known conflicts: to measure the checks, and to load the machine.

    python benchmarks/corpus.py FOLDER [--plans 1000] [--seed 1] [--seeded 0.3]

Each plan is one of a real division (graph/divisions.py) and answers to the real divisions above it. It has a head, goals
with the nine national targets, numbered tasks with agencies and counts, and sometimes an annex of targets; the wording
is drawn from benchmarks/generated/wordings.yaml. The folder gets a text a plan, catalog.yaml, and truth.jsonl: what was made
wrong on purpose, one fault a line. In code, :func:`plans` yields them one at a time, each with its text, with the record
that a careful reader makes of it, and with its faults; the record is made with the text, not read from it.

What a plan says follows from the seed and its slug alone, so a corpus of 1,000 plans begins with those of one of 100.
When the divisions are used up (3,213), each issues a plan of the next year.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.generated.chance import chance_of  # noqa: E402
from benchmarks.generated.drafting import copy_of, draft_of  # noqa: E402
from benchmarks.generated.places import is_leaf, order  # noqa: E402
from benchmarks.generated.seeding import KINDS, seed_fault  # noqa: E402
from benchmarks.generated.writing import Plan, Writer  # noqa: E402


def plans(count: int, seed: int = 1, seeded: float = 0.3, kinds: Sequence[str] = KINDS) -> Iterator[Plan]:
    """``count`` plans, those above first; a part ``seeded`` of those with nothing below them has a fault each.

    The kinds of faults take turns, so that each has about as many.
    """
    places = order(seed)
    turn = 0
    for index in range(count):
        round_, at = divmod(index, len(places))
        division = places[at]
        draft = draft_of(division.code, round_, seed)
        chance = chance_of(seed, draft.slug, "words")
        if is_leaf(division) and len(draft.above) >= 2 and chance.random() < seeded:
            draft = copy_of(draft)
            if kinds[turn % len(kinds)] == "sum_exceeds" and places[at - 1].code == division.parent:
                turn += 1  # the first place below another: there is nothing yet to add it to
            seed_fault(draft, kinds[turn % len(kinds)], chance, seed)
            turn += 1
        yield Writer(draft, chance).write()


def write(folder: Path, count: int, seed: int = 1, seeded: float = 0.3, kinds: Sequence[str] = KINDS) -> None:
    """Write a corpus into a folder, one plan at a time: texts, catalog.yaml, truth.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "catalog.yaml").open("w", encoding="utf-8") as catalog,
        (folder / "truth.jsonl").open("w", encoding="utf-8") as truth,
    ):
        catalog.write("documents:\n")
        for plan in plans(count, seed, seeded, kinds):
            (folder / f"{plan.slug}.txt").write_text(plan.text, encoding="utf-8")
            catalog.write(f"  - {json.dumps(plan.entry, ensure_ascii=False)}\n")
            for fault in plan.faults:
                truth.write(json.dumps(fault.__dict__, ensure_ascii=False) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plans", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeded", type=float, default=0.3)
    given = parser.parse_args()
    write(given.folder, given.plans, given.seed, given.seeded)


if __name__ == "__main__":
    main()
