"""The audit trail: who changed what through the service, when, and from which file; one JSON object a line, only added to.

``audit.jsonl`` of the data folder. Each build tells of it in the graph of provenance (PROV-O): an activity a change, with
the agent, the time, the file that was handed in by its SHA-256, and what it made or took away. What is deleted keeps its
lines.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from rdflib import URIRef
from rdflib.namespace import DCTERMS, PROV, RDF, RDFS

from graph.errors import StoreError
from graph.quads import QuadWriter, typed
from ontology import terms

FILE: Final = "audit.jsonl"
Kind = Literal[
    "add", "replace", "delete", "waive", "put-graph", "post-graph", "delete-graph", "rollback", "restore"
]


class Entry(BaseModel):
    """One change. ``document`` is a slug, ``graph`` an IRI, ``finding`` an identifier, ``build`` the name of the one that
    was published again; ``sha256`` is that of the bytes that were handed in, and ``file`` what they were called there.
    ``time`` is ISO 8601 with its zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    kind: Kind
    agent: str
    time: str
    document: str | None = None
    graph: str | None = None
    finding: str | None = None
    sha256: str | None = None
    file: str | None = None
    reason: str | None = None
    build: str | None = None


def read_trail(data: Path) -> list[Entry]:
    """All changes, the oldest first. A last line that a crash cut short does not count. Raises StoreError."""
    path = data / FILE
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{path}: the audit trail cannot be read: {error.strerror}") from error
    try:
        return [Entry.model_validate_json(line) for line in lines]
    except ValidationError as error:
        raise StoreError(
            f"{path}: a line of the audit trail is damaged; mend it by hand ({error})"
        ) from error


def append(data: Path, *entries: Entry) -> None:
    """Write changes down for good, each once: one that is there already is not written again."""
    known = {one.id for one in read_trail(data)}
    new = [one for one in entries if one.id not in known]
    if not new:
        return
    with (data / FILE).open("ab+") as out:
        # What a crash left of a line is cut off.
        out.seek(0)
        whole = out.read().rfind(b"\n") + 1
        out.truncate(whole)
        out.write(b"".join(one.model_dump_json(exclude_none=True).encode() + b"\n" for one in new))
        out.flush()
        os.fsync(out.fileno())


def trail_quads(entries: Sequence[Entry]) -> QuadWriter:
    """The trail as PROV-O, for the graph of provenance."""
    out = QuadWriter(terms.GRAPH_PROVENANCE)
    for entry in entries:
        activity = URIRef(f"{terms.ID}change/{terms.segment(entry.id)}")
        agent = URIRef(f"{terms.ID}writer/{terms.segment(entry.agent)}")
        out.add(activity, RDF.type, PROV.Activity)
        out.add(activity, DCTERMS.type, entry.kind)
        out.add(activity, PROV.endedAtTime, typed(entry.time, "dateTime"))
        out.add(activity, PROV.wasAssociatedWith, agent)
        out.add(agent, RDF.type, PROV.Agent)
        out.add(agent, RDFS.label, entry.agent)
        about = terms.document_iri(entry.document) if entry.document else URIRef(entry.graph or "")
        if about:
            gone = entry.kind in ("delete", "delete-graph")
            out.add(activity, PROV.invalidated if gone else PROV.generated, about)
        if entry.sha256:
            file = URIRef(f"{terms.ID}file/{entry.sha256}")
            out.add(activity, PROV.used, file)
            out.add(file, RDF.type, PROV.Entity)
            out.add(file, DCTERMS.identifier, entry.sha256)
            # The name belongs to the change: the same bytes may come under another.
            out.add(activity, DCTERMS.title, entry.file)
        out.add(activity, DCTERMS.subject, entry.finding or entry.build)
        out.add(activity, DCTERMS.description, entry.reason)
    return out
