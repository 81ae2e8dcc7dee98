"""Findings, told: to a terminal, a browser, an office, a spreadsheet, a programme, a SHACL tool, a code checker.

A module a format; the words of the pages are in ``shapes/templates/words.toml``, the words of each finding come with
it. The matrix of :mod:`shapes.matrix` is the same in all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, TypeVar

from graph.errors import BadParameter
from shapes.findings import Report
from shapes.rules import LANGS, Lang
from shapes.terminal import write_text

_T = TypeVar("_T", bound=str)


class _Writer(Protocol):
    def __call__(self, report: Report, lang: Lang) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A form of the report. ``binary`` ones do not belong on a terminal; ``module`` writes it."""

    name: str
    media_type: str
    suffix: str
    binary: bool = False
    module: str = ""

    @property
    def writer(self) -> _Writer:
        """The function that writes it: each format brings its library along only when it is asked for."""
        found: _Writer = import_module(f"shapes.reports.{self.module}").write
        return found


FORMS: Final[tuple[Format, ...]] = (
    Format("text", "text/plain", "txt"),
    Format("json", "application/json", "json", module="data"),
    Format("html", "text/html", "html", module="page"),
    Format("turtle", "text/turtle", "ttl", module="shacl"),
    Format(
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
        binary=True,
        module="word",
    ),
    Format(
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
        binary=True,
        module="workbook",
    ),
    Format("markdown", "text/markdown", "md", module="markdown"),
    Format("csv", "text/csv", "csv", module="rows"),
    Format("sarif", "application/sarif+json", "sarif", module="sarif"),
)
FORMATS: Final[tuple[str, ...]] = tuple(form.name for form in FORMS)


def form_of(name: str) -> Format:
    """The format of a name or file ending.

    Raises:
        BadParameter: there is no such format; ``allowed`` has those that there are.
    """
    for form in FORMS:
        if name in (form.name, form.suffix):
            return form
    return form_of(_one_of("format", name, FORMATS))


def write(
    report: Report,
    format: str = "text",
    lang: str = "zh",
    *,
    limit: int | None = None,
    color: bool = False,
    width: int = 100,
) -> bytes:
    """Return a report as the bytes of a file.

    Args:
        report: from :func:`shapes.findings.collect`, or read back with ``Report.model_validate_json``.
        format: ``text`` for a terminal; ``html`` for one self-contained page; ``docx`` and ``xlsx`` for an office;
            ``markdown``; ``json`` and ``csv`` for programmes; ``turtle`` for a SHACL validation report in which each
            result has an IRI; ``sarif`` for tools that show findings of checkers (SARIF 2.1.0).
        lang: ``zh`` or ``en``; JSON and Turtle carry both.
        limit: how many findings to list at most, in ``text`` only; the gravest come first.
        color: whether ``text`` may hold terminal colours: give ``sys.stdout.isatty()``.
        width: columns of ``text``.

    Raises:
        BadParameter: the format or the language is none of these.
    """
    form, told = form_of(format), _one_of("lang", lang, LANGS)
    if form.name == "text":
        return write_text(report, told, limit=limit, color=color, width=width).encode()
    return form.writer(report, told)


def render(
    report: Report,
    format: str = "text",
    lang: str = "zh",
    *,
    limit: int | None = None,
    color: bool = False,
    width: int = 100,
) -> str:
    """Return a report as text; arguments as those of :func:`write`.

    Raises:
        BadParameter: as in :func:`write`, and for a format that is no text.
    """
    texts = tuple(form.name for form in FORMS if not form.binary)
    form = form_of(format)
    _one_of("format", form.name, texts)
    return write(report, form.name, lang, limit=limit, color=color, width=width).decode("utf-8-sig")


def _one_of(name: str, given: str, allowed: Sequence[_T]) -> _T:
    for choice in allowed:
        if given == choice:
            return choice
    known = ", ".join(allowed)
    raise BadParameter(
        f"there is no {name} “{given}”; choose one of: {known}", parameter=name, allowed=allowed
    )
