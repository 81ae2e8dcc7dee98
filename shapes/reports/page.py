"""Findings as one HTML page that needs nothing but itself: for a browser, a printer, an attachment."""

from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from shapes.findings import Report
from shapes.matrix import legend, sign
from shapes.phrases import Phrases, outcomes, places
from shapes.rules import Lang

MOST_COLUMNS = 300
"""More places than that make a page slow; the JSON has all."""
PRINTED_COLUMNS = 20
"""So many fit a sheet of paper; on the screen one scrolls."""


def write(report: Report, lang: Lang) -> bytes:
    """Return the page in UTF-8."""
    html = _template().render(
        report=report,
        say=Phrases(report, lang),
        rows=outcomes(report),
        every=outcomes(report, settled=True),
        places=places(report),
        matrix=report.matrix,
        legend=legend(report.matrix) if report.matrix else [],
        sign=sign,
        most_columns=MOST_COLUMNS,
        printed_columns=PRINTED_COLUMNS,
        by_id={finding.id: finding for finding in report.findings},
        opened=[finding for finding in report.findings if finding.status == "open"],
        settled=[finding for finding in report.findings if finding.status != "open"],
        statuses=[s for s in ("open", "explained", "waived") if report.summary.by_status.get(s)],
    )
    return html.encode()


@lru_cache(maxsize=1)
def _template() -> Template:
    folder = files("shapes") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=True,  # the texts of plans hold angle brackets of their own
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
