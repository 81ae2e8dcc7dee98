"""The page on the questions, docs/questions.md, from their own headers."""

from __future__ import annotations

import re

import jinja2

from queries.catalogue import Catalogue


def markdown(catalogue: Catalogue) -> str:
    """All questions as Markdown: how to ask, and for each its parameters, columns and example."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("queries", "templates"),
        autoescape=False,  # noqa: S701 - Markdown, from files of our own
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("questions.md").render(questions=catalogue.questions)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
