"""What schemathesis has to be told of this service: how a SPARQL text is sent."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/sparql-query")
def as_text(context: Any, value: Any) -> Any:
    """The text itself is the body."""
    return {"data": str(value).encode("utf-8", "surrogatepass")}


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out pages of questions: one whose required value is missing is the form to give it, hence no error."""
    return not (case.path.startswith("/questions/") and (case.query or {}).get("format") == "html")
