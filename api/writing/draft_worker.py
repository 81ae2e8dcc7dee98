"""Reads one document or graph, or checks a draft, in a process of its own: one that takes too long or too much ends with it.

Standard input has a line of JSON (task, memory_mb, seconds; build, name, jurisdiction and status for a draft; build, name,
slug and code for a plan; media and graph for a graph) and then the bytes of the document. Standard output gets lines of
JSON: ``step`` as one begins, and at the end ``report``, ``plan``, ``quads`` or ``error``. Nothing is written to any file.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from graph.errors import BadInput, BadParameter, StoreError, ZhengmaiError

_SAMPLE = """武汉市江夏区推动大规模设备更新实施方案
一、主要目标
到2027年，工业领域设备投资规模较2023年增长25%以上。（牵头单位：区经信局）
"""
# Each task imports what it needs: a graph is read in a tenth of the time that all of it would take to load.


def main() -> None:
    """Read the question, answer it; with the folder of a build as an argument, load before what it may need."""
    if sys.argv[1:]:
        _load(Path(sys.argv[1]))
    line = sys.stdin.buffer.readline()
    if not line:  # nothing came
        return
    asked: dict[str, Any] = json.loads(line)
    limit = int(asked["memory_mb"]) << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Should the service be killed, nobody else ends this: the kernel's alarm does.
    signal.setitimer(signal.ITIMER_REAL, float(asked["seconds"]) + 1)
    try:
        data = sys.stdin.buffer.read()
        _tell({"step": "reading"})
        if asked.get("task") == "graph":
            told = _graph(data, asked)
        else:
            told = _plan(data, asked) if asked.get("task") == "plan" else _draft(data, asked)
    except ZhengmaiError as error:
        told = {"error": _told(error)}
    except (MemoryError, RecursionError):
        told = {"error": {"kind": "memory"}}
    _tell(told)
    os._exit(0)  # who asked waits for the end: what was loaded need not be taken apart


def _load(build: Path) -> None:
    """What the reading of most documents needs. What goes wrong here is told where a document is read."""
    from graph.build import read_plan
    from graph.catalog import vocabularies_of
    from graph.reading import source_of
    from ontology.vocabulary import using
    from shapes import drafts as drafts

    # The build may be removed in this moment: another is named with the document
    with suppress(ZhengmaiError, OSError), using(vocabularies_of(build)):
        read_plan(source_of(_SAMPLE.encode(), "sample.txt"), "sample", None)
    gc.freeze()


def _draft(data: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    from graph.reading import source_of

    source = source_of(data, asked["name"])
    from shapes.drafts import Status, check_draft

    status: Status = "issued" if asked["status"] == "issued" else "draft"
    _tell({"step": "checking"})
    report = check_draft(
        source,
        Path(asked["build"]),
        name=asked["name"],
        jurisdiction=asked["jurisdiction"],
        status=status,
        today=date.today(),  # noqa: DTZ011 - the day where the service runs
    )
    return {"report": report.model_dump(mode="json")}


def _plan(data: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    from graph.reading import source_of

    source = source_of(data, asked["name"])
    from graph.account import account
    from graph.build import read_plan
    from graph.catalog import vocabularies_of
    from ontology.vocabulary import using

    _tell({"step": "extracting"})
    with using(vocabularies_of(Path(asked["build"]))):
        record = read_plan(source, asked["slug"], asked["code"])
    found = account(record)
    return {
        "plan": {
            "form": source.form,
            "notes": list(source.notes),
            "figures": {"all": found.figures, "targets": found.targets, "cited": found.cited, **found.others},
            "record": record.model_dump(mode="json"),
        }
    }


def _graph(data: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    """The triples as quads of the graph, in N-Quads; or what is wrong with the body.

    Oxigraph's parsers fetch nothing: an external entity or a remote JSON-LD context is an error.
    """
    import pyoxigraph as ox
    from lxml import etree

    graph, found, size = ox.NamedNode(asked["graph"]), dict[str, None](), 0
    form = ox.RdfFormat.from_media_type(asked["media"])
    try:
        if form == ox.RdfFormat.RDF_XML:
            # It bounds neither depth nor entities; libxml2 does.
            etree.fromstring(data, etree.XMLParser(no_network=True))
        for quad in ox.parse(data, format=form, base_iri=asked["graph"]):
            if quad.graph_name not in (ox.DefaultGraph(), graph):
                return {"fault": "graph-quads", "reason": str(quad.graph_name)[:300]}
            line = f"{ox.Quad(quad.subject, quad.predicate, quad.object, graph)} ."
            size += 0 if line in found else len(line)
            found[line] = None
            if size > asked["most"]:
                return {"fault": "graph-body", "reason": f"expands to more than {asked['most'] >> 20} MB"}
    except (SyntaxError, ValueError) as error:  # lxml's is a SyntaxError
        return {"fault": "graph-body", "reason": str(error)[:300]}
    return {"quads": "".join(f"{line}\n" for line in found)}


def _tell(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _told(error: ZhengmaiError) -> dict[str, Any]:
    kinds = {BadParameter: "parameter", BadInput: "input", StoreError: "store"}
    kind = next((name for type_, name in kinds.items() if isinstance(error, type_)), "other")
    told: dict[str, Any] = {"kind": kind, "message": error.message, "zh": error.zh}
    if isinstance(error, BadParameter):
        told |= {"parameter": error.parameter, "allowed": error.allowed}
    return told


if __name__ == "__main__":
    main()
