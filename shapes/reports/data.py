"""Findings for programmes: the report's own JSON, in both languages."""

from shapes.findings import Report
from shapes.rules import Lang


def write(report: Report, lang: Lang) -> bytes:
    """Return the JSON that ``Report.model_validate_json`` reads back."""
    return (report.model_dump_json(indent=2) + "\n").encode()
