"""Pages: Jinja templates, words in two languages, and links that keep the language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.negotiation import HTML, JSON, best, language
from graph.words import words_of
from ontology.terms import BASE, ID, PREFIXES, ZM
from queries.tables import Table
from queries.words import Text
from shapes.rules import Lang

CHOICES_SHOWN = 1000
"""Values that a form offers to choose from; of more of them one is typed."""
# Everything comes from here, scripts from files only. Government networks are closed, and so are these pages.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _words() -> dict[str, Text]:
    return {
        f"{section}.{key}": Text(zh=said["zh"], en=said["en"])
        for section, words in words_of("api").items()
        for key, said in words.items()
    }


def words(key: str) -> Text:
    """The words of words.yaml under ``section.key``."""
    return _words()[key]


def has_words(key: str) -> bool:
    """Whether there are words for it."""
    return key in _words()


def both(key: str, **values: object) -> tuple[str, str]:
    """The same filled in, in English and in Chinese."""
    said = words(key)
    return said.en.format(**values), said.zh.format(**values)


def wanted(request: Request) -> bool:
    """Whether a page is wanted: ``?format=html``, or a browser asks and no other format is named."""
    named = request.query_params.get("format")
    return named == "html" or (named is None and by_browser(request))


def by_browser(request: Request) -> bool:
    """Whether the headers say that a browser asks. Unlike `wanted` it does not take the address apart."""
    return best(request.headers.get("accept"), (JSON, HTML)) == HTML


def lang_of(request: Request, default: Lang = "zh") -> Lang:
    """The language for a request: ``?lang=``, else what the client prefers, else ``default``."""
    return language(request.query_params.get("lang"), request.headers.get("accept-language"), default)


def scripts() -> dict[str, list[str]]:
    """The files of each island of script below /static/built, its own first; empty where they are not built.

    Read each time, as it is small: whoever works on the scripts sees what was built last.
    """
    manifest = files("api").joinpath("static", "built", "manifest.json")
    try:
        found: dict[str, list[str]] = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("api", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def load_templates() -> None:
    """Compile all templates now, which the first pages would wait for."""
    for name in _environment().list_templates(extensions=["html"]):
        _environment().get_template(name)


class Page:
    """What templates need of a request: words (``t``), links in the same language (``url``), the other language."""

    def __init__(self, request: Request, lang: str) -> None:
        self.lang = lang
        self._request = request

    def t(self, key: str, **values: object) -> str:
        """Words of words.yaml in the page's language, filled in."""
        said = words(key)[self.lang]
        return said.format(**values) if values else said

    def url(self, path: str, **values: object) -> str:
        """A path with parameters, and the language where it is not the one that the client would get anyway."""
        pairs = [(name, value) for name, value in values.items() if value not in (None, "")]
        if self._request.query_params.get("lang") in ("zh", "en"):
            pairs.append(("lang", self.lang))
        return quote(path, safe="/") + (f"?{urlencode(pairs)}" if pairs else "")

    def here(self, **values: object) -> str:
        """This page with some parameters set, or left out where the value is None."""
        pairs = [pair for pair in self._request.query_params.multi_items() if pair[0] not in values]
        pairs += [(name, str(value)) for name, value in values.items() if value is not None]
        return self._request.url.path + (f"?{urlencode(pairs)}" if pairs else "")

    @property
    def asked_lang(self) -> str | None:
        """The language if the address names it: forms have to carry it on."""
        asked = self._request.query_params.get("lang")
        return asked if asked in ("zh", "en") else None

    def asked(self, name: str) -> str:
        """A parameter of the address, empty where it is not there."""
        return self._request.query_params.get(name, "")

    @property
    def path(self) -> str:
        return self._request.url.path

    def widths(self, table: Table) -> list[str]:
        """A class for each column of a table, by its widest cell, so that none is squeezed to a few characters."""
        classes = []
        for at in range(len(table.names)):
            cells = [cell for row in table.rows if (cell := row[at]) is not None]
            longest = max((len(cell.text) for cell in cells), default=0)
            if any(cell.kind == "uri" for cell in cells):
                classes.append("iri")
            elif all(isinstance(cell.value, int | float) for cell in cells) or longest <= 8:
                classes.append("short")
            else:
                classes.append("long" if longest > 16 else "")
        return classes

    def scripts(self, name: str) -> list[str]:
        """Addresses of the files of an island, its own first; empty where the scripts are not built."""
        return [f"/static/built/{one}" for one in scripts().get(name, [])]

    def words(self, *sections: str) -> dict[str, str]:
        """All words of some sections, for a script; keys without the section."""
        return {
            key.partition(".")[2]: said[self.lang]
            for key, said in _words().items()
            if key.partition(".")[0] in sections
        }

    def thing(self, iri: str) -> str | None:
        """Where a thing of ours is shown: what stands in a document, in its sentence; None for what is not ours."""
        if iri.startswith(f"{ID}document/"):
            slug, _, part = iri.removeprefix(f"{ID}document/").partition("/")
            part = part.replace("span/", "s/", 1) if part.startswith("span/") else part
            path = self.url(f"/plans/{unquote(slug)}")
            return f"{path}#{part.replace('/', '-')}" if part else path
        if iri.startswith(str(ZM)):
            return f"{self.url('/ns')}#{iri.removeprefix(str(ZM))}"
        return self.url(unquote(iri.removeprefix(BASE.rstrip("/")))) if iri.startswith(str(ID)) else None

    def short(self, iri: str) -> str:
        """An IRI of ours without what all of them begin with, which would only make columns wide."""
        return iri.removeprefix(str(ID))

    def prefixed(self, iri: str) -> str:
        """An IRI as ``skos:prefLabel`` where its prefix is one of those in use; anything else as it is."""
        found = next((name for name, space in PREFIXES.items() if iri.startswith(space)), None)
        return f"{found}:{iri.removeprefix(PREFIXES[found])}" if found else iri


def render(
    request: Request,
    template: str,
    values: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A page. It sees ``page`` (see `Page`) and ``values``."""
    lang = lang_of(request)
    html = _environment().get_template(template).render(page=Page(request, lang), **values)
    return HTMLResponse(
        html,
        status,
        headers={**HEADERS, "Vary": "Accept, Accept-Language", "Content-Language": lang, **(headers or {})},
    )
