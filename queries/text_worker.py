"""Looks at long texts of queries, in a process of its own: `python -m queries.text_worker FD`. Started by `queries.looking`.

Over the socket FD come messages of JSON, each after its length (four bytes, the most significant first): {text, nesting,
service_hosts}, or {text, message} for what an engine said of a text. Answers are "query", what is known of the text, or
"syntax" or "refused", what the error is made of.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import asdict
from typing import Any

from graph.errors import QueryRefused, QuerySyntaxError
from ontology.terms import PREFIXES
from queries.sparql_text import engine_syntax_error, inspect
from queries.worker import receive, reply

NICE = 15  # who sends long texts can wait for those who send short ones
MEGABYTES = 1024  # it needs some 40


def look(asked: dict[str, Any]) -> dict[str, Any]:
    """What there is to tell of a text."""
    try:
        if "message" in asked:
            raise engine_syntax_error(asked["text"], asked["message"])
        query = inspect(
            asked["text"],
            nesting=asked["nesting"],
            known_prefixes=PREFIXES,
            service_hosts=frozenset(asked["service_hosts"]),
        )
    except QuerySyntaxError as error:
        said = {"message": error.text("en"), "zh": error.text("zh")}
        return {"syntax": {**said, "line": error.line, "column": error.column}}
    except QueryRefused as error:
        said = {"message": error.text("en"), "zh": error.text("zh")}
        return {"refused": {**said, "limit": error.limit, "unit": error.unit}}
    known = asdict(query)
    del known["text"]  # whoever asks has it
    return {"query": known}


def main() -> None:
    """Look at texts until the parent closes the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too; the parent decides
    os.nice(NICE)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEGABYTES << 20, MEGABYTES << 20))
    except (ImportError, ValueError, OSError):
        pass
    connection = socket.socket(fileno=int(sys.argv[1]))
    while (asked := receive(connection)) is not None:
        reply(connection, look(asked))


if __name__ == "__main__":
    main()
