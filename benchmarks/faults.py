"""Recall and precision of the checks: every fault made in a generated corpus is reported, and nothing else as a violation.

    make bench                              or: python benchmarks/faults.py [--plans 1000] [--seed 1] [--seeded 0.3]

The corpus (benchmarks/corpus.py) is written as texts, built and judged by the project's own build. A fault counts as found
where a finding has its plan, upper plan, indicator, year and outcome, and its severity; a finding of the grave kinds that
no fault explains is counted as false. Kinds of faults that no rule is for yet are listed apart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import corpus  # noqa: E402
from benchmarks.generated.drafts import Fault  # noqa: E402
from benchmarks.generated.seeding import KINDS  # noqa: E402
from graph.build import BuildJob  # noqa: E402
from shapes.finding_store import report_of  # noqa: E402
from shapes.findings import Finding, Report  # noqa: E402
from shapes.judging import Engine, judge_build  # noqa: E402
from shapes.rules import RuleBook  # noqa: E402
from shapes.validation import load_shapes  # noqa: E402


@dataclass
class Score:
    """What came of a check: faults by kind, found, missed or told with another severity; findings that none explains."""

    found: Counter[str] = field(default_factory=Counter)
    missed: list[Fault] = field(default_factory=list)
    severity: list[tuple[Fault, str]] = field(default_factory=list)
    false: list[Finding] = field(default_factory=list)
    unruled: Counter[str] = field(default_factory=Counter)


def ruled(kinds: Iterable[str] = KINDS) -> list[str]:
    """The kinds of faults that the shapes at hand have a rule for."""
    rules = set(RuleBook(load_shapes()).named)
    return [kind for kind in kinds if kind.partition("/")[0] in rules]


def score(report: Report, faults: Iterable[Fault]) -> Score:
    """Hold a report against the faults that were made.

    What holds against several levels alike is told once, against the nearest; against the others the matrix must have it.
    """
    findings = report.findings
    told: dict[tuple[str | None, str], list[Finding]] = {}
    for finding in findings:
        told.setdefault((finding.document, finding.outcome), []).append(finding)
    result, explained, kinds = Score(), set(), set(ruled())
    above = _levels(report)
    for fault in faults:
        hits = [one for one in told.get((fault.slug, fault.outcome), []) if _is_about(one, fault, above)]
        explained |= {id(one) for one in hits}
        if fault.rule not in kinds and not hits:
            result.unruled[fault.rule] += 1
        elif not hits:
            result.missed.append(fault)
        elif any(one.severity != fault.severity for one in hits):
            result.severity.append((fault, hits[0].severity))
        else:
            result.found[fault.rule] += 1
    result.false = [one for one in findings if one.severity == "violation" and id(one) not in explained]
    return result


def _levels(report: Report) -> dict[str, set[str]]:
    """By finding: the documents whose targets the matrix gives it for."""
    found: dict[str, set[str]] = {}
    rows = {row.key: row.document for row in report.matrix.rows} if report.matrix else {}
    for key, cells in (report.matrix.cells if report.matrix else {}).items():
        for cell in cells.values():
            if cell.finding:
                found.setdefault(cell.finding, set()).add(rows[key])
    return found


def _is_about(finding: Finding, fault: Fault, above: dict[str, set[str]]) -> bool:
    if fault.what:
        return fault.what in finding.reason.zh
    indicator = (finding.indicator_iri or "").rpartition("/")[2] or None
    if fault.because and fault.because not in _reasons(finding):
        return False
    if (indicator, finding.year) != (fault.indicator, fault.year):
        return False
    upper = finding.upper.document if finding.upper else None
    return fault.upper in (None, upper) or fault.upper in above.get(finding.id, set())


def _reasons(finding: Finding) -> str:
    """The keys of incomparability that a finding's English words name."""
    names = {"measure": "measure", "baseline": "base year", "scope": "scope"}
    return " ".join(key for key, word in names.items() if word in finding.reason.en.lower())


def build(
    folder: Path, plans: int, seed: int, seeded: float, kinds: Sequence[str], engine: Engine | None = None
) -> Path:
    """Write a corpus into a folder and build it there; returns the build."""
    corpus.write(folder / "plans", plans, seed, seeded, kinds)
    with BuildJob(folder / "plans", folder / "data") as job:
        judge_build(job.folder, engine)
        job.publish()
        return job.folder


def read_report(built: Path) -> Report:
    """The report of a build."""
    return report_of(built, date.today())  # noqa: DTZ011 - there are no waivers


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--plans", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeded", type=float, default=0.3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder), given.plans, given.seed, given.seeded, KINDS)
        report = read_report(built)
    faults = [fault for plan in corpus.plans(given.plans, given.seed, given.seeded) for fault in plan.faults]
    result = score(report, faults)
    total = len(faults) - sum(result.unruled.values())
    print(
        f"{given.plans:,} plans, {len(faults)} faults in {len({fault.slug for fault in faults})} plans, {len(report.findings):,} findings"
    )
    print(f"recall {sum(result.found.values())}/{total}; false violations {len(result.false)}")
    made, grave = Counter(fault.rule for fault in faults), Counter(one.outcome for one in result.false)
    for kind, count in sorted(result.found.items()):
        print(f"  {kind:<26}{count:>5} of {made[kind]}")
    for outcome in sorted({one.outcome for one in report.findings if one.severity == "violation"}):
        every = sum(one.outcome == outcome and one.severity == "violation" for one in report.findings)
        print(f"  violations {outcome:<15}{every:>5}, precision {1 - grave[outcome] / every:.2%}")
    for fault in result.missed:
        print(f"  missed: {fault}")
    for fault, severity in result.severity:
        print(f"  told as {severity}: {fault}")
    for finding in result.false[:20]:
        print(f"  false: {finding.id}: {finding.reason.zh}")
    if result.unruled:
        print(
            "  no rule yet: " + ", ".join(f"{kind} {count}" for kind, count in sorted(result.unruled.items()))
        )


if __name__ == "__main__":
    main()
