"""Whether two builds say the same, triple for triple and finding for finding."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox

from graph import finding_file
from graph.build import open_current
from ontology import terms

BUILD = f"{terms.ID}build/"


def statements(folder: Path) -> set[str]:
    """The quads of a store, without the build itself: its IRI and its time are its own."""
    store = ox.Store.read_only(str(folder))
    found, unnamed = set[str](), ox.Dataset()
    for quad in store:
        text = str(quad)
        if BUILD in text:
            continue
        if isinstance(quad.subject, ox.BlankNode) or isinstance(quad.object, ox.BlankNode):
            unnamed.add(quad)
        else:
            found.add(text)
    # Nodes without a name are named by what is said of them.
    unnamed.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return found | {str(quad) for quad in unnamed}


_FINDINGS = (
    "SELECT sort, finding.*, packed FROM finding JOIN body USING (number) ORDER BY sort",
    "SELECT sort, iri FROM node JOIN finding USING (number) ORDER BY sort, iri",
    "SELECT * FROM rule WHERE name IN (SELECT rule FROM finding) ORDER BY name",
    "SELECT * FROM ground ORDER BY key",
    "SELECT * FROM document ORDER BY slug",
    "SELECT * FROM concept ORDER BY iri, kind, key",
    "SELECT iri, sort, key, document, concept, body FROM target ORDER BY iri",
    "SELECT * FROM below ORDER BY document",
    """SELECT iri, cell.document, cell.outcome, outcomes, cell.value, cell.ratio, finding.id FROM cell
       JOIN target ON target.id = cell.target LEFT JOIN finding ON finding.number = cell.finding ORDER BY 1, 2""",
)


def findings(build: Path) -> list[list[tuple[object, ...]]]:
    """All that the file of findings of a build tells: numbers are its own, and left out."""
    base = finding_file.opened(build)
    try:
        tables = [base.execute(query).fetchall() for query in _FINDINGS]
        tables[0] = [(sort, *row) for sort, _, *row in tables[0]]
        return tables
    finally:
        base.close()


def differences(one: Path, other: Path) -> list[str]:
    """What differs between the published builds of two data folders; nothing where they are equal."""
    builds = [open_current(data) for data in (one, other)]
    first, second = (statements(build / "store") for build in builds)
    found = [f"only in the first: {line}" for line in sorted(first - second)[:5]]
    found += [f"only in the second: {line}" for line in sorted(second - first)[:5]]
    if findings(builds[0]) != findings(builds[1]):
        found.append("findings differ")
    for name in ("heads.jsonl", "waivers.json"):
        if (builds[0] / name).read_bytes() != (builds[1] / name).read_bytes():
            found.append(f"{name} differs")
    for part in ("texts", "records"):
        contents = [{path.name: path.read_bytes() for path in (build / part).iterdir()} for build in builds]
        if contents[0] != contents[1]:
            found.append(f"{part} differ")
    return found
