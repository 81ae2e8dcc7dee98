"""What schemathesis has to be told of this service: how a SPARQL text is sent."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/sparql-query")
def as_text(context: Any, value: Any) -> Any:
    """The text itself is the body."""
    return {"data": str(value).encode("utf-8", "surrogatepass")}
