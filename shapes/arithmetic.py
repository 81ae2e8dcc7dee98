"""The sums that findings show: 40%÷25%=1.6."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from shapes.findings import Clause, Finding
from shapes.rules import Lang


def distance(ratio: Decimal | None) -> Decimal:
    """How far apart two values are, whichever is the larger; 0 where there is no ratio."""
    if ratio is None:
        return Decimal(0)
    # growth on one side and none, or decline, on the other: further apart than any two growths
    return max(ratio, 1 / ratio) if ratio > 0 else Decimal("Infinity")


def arithmetic(finding: Finding, lang: Lang) -> str:
    """40%÷25%=1.6, or nothing where one side has no single value or the ratio is not theirs."""
    lower, upper = finding.lower, finding.upper
    if finding.outcome == "sum_exceeds":
        return _sum(finding.statements, lang)
    if finding.ratio is None or finding.lower_all or lower is None or upper is None:
        return ""
    if lower.value is None or not upper.value or lower.value_max or upper.value_max:
        return ""
    exact = lower.value / upper.value
    # a ratio of 1 explains nothing: there the comparators or the years differ
    if exact == 1 or abs(exact - finding.ratio) > Decimal("0.005"):
        return ""
    text, is_exact = rounded(exact)
    left, right = figure(lower.value, lower.unit or "", lang), figure(upper.value, upper.unit or "", lang)
    space = " " if lang == "en" else ""  # Chinese is broken at blanks, and nowhere worse than in a sum
    return space.join([left, "÷", right, "=" if is_exact else "≈", text])


_ADDENDS: Final = 6


def _sum(parts: Sequence[Clause], lang: Lang) -> str:
    """30台+45台=75台, where it fits a line."""
    figures = [(part.value, part.unit or "") for part in parts if part.value is not None]
    if not 1 < len(figures) <= _ADDENDS:
        return ""
    space = " " if lang == "en" else ""
    total = figure(sum((value for value, _ in figures), Decimal(0)), figures[0][1], lang)
    return (
        f"{space}+{space}".join(figure(value, unit, lang) for value, unit in figures)
        + f"{space}={space}{total}"
    )


def percent(ratio: Decimal) -> str:
    """A ratio as a share to two places: 0.16667 is 16.67%."""
    return plain((ratio * 100).quantize(Decimal("0.01"), ROUND_HALF_UP)) + "%"


def rounded(ratio: Decimal) -> tuple[str, bool]:
    """A ratio to two places as a text, and whether that is exact."""
    short = ratio.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return plain(short), short == ratio


def figure(value: Decimal, unit: str, lang: Lang) -> str:
    return f"{plain(value)} {unit}" if lang == "en" and unit not in ("", "%") else plain(value) + unit


def plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
