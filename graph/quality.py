"""Evaluations, told: to a terminal, as Markdown for a page of documentation, as JSON for a programme.

The words are in quality.toml, in Chinese and English; JSON has the keys of `graph.evaluation` as they are.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from rich.cells import cell_len

from graph.evaluation import Counts, Difference, Evaluation, Share, overall

FORMATS = ("text", "json", "markdown")


def render(evaluations: Sequence[Evaluation], format: str, lang: str, *, show: bool) -> str:
    """The evaluations in one of ``FORMATS``, in "zh" or "en", each plan and all together.

    ``show`` adds what differs: what the gold says, what the record says, where, and the words of the text.
    """
    if format == "json":
        return _json(evaluations, show)
    words = _words()[lang]
    return _markdown(evaluations, words, show) if format == "markdown" else _text(evaluations, words, show)


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads(files("graph").joinpath("quality.toml").read_text(encoding="utf-8"))


# -- JSON ------------------------------------------------------------------------------------------------------------


def _json(evaluations: Sequence[Evaluation], show: bool) -> str:
    data: dict[str, Any] = {
        "plans": [_as_data(one, show) for one in evaluations],
        "overall": _as_data(overall(evaluations), show=False),
    }
    for key in ("plan", "document"):
        del data["overall"][key]
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _as_data(one: Evaluation, show: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "plan": one.plan,
        "document": one.document,
        "counts": {
            key: {
                "right": counts.right,
                "extra": counts.extra,
                "missed": counts.missed,
                "precision": round(counts.precision, 4),
                "recall": round(counts.recall, 4),
                "f1": round(counts.f1, 4),
            }
            for key, counts in one.counts.items()
        },
        "shares": {
            key: {"right": share.right, "of": share.of, "share": round(share.value, 4)}
            for key, share in one.shares.items()
        },
    }
    if show:
        data["differences"] = [difference.__dict__ for difference in one.differences]
    return data


# -- tables ----------------------------------------------------------------------------------------------------------


def _count_rows(one: Evaluation, words: dict[str, dict[str, str]]) -> list[list[str]]:
    return [
        [label, str(counts.gold), _ratio(counts.precision), _ratio(counts.recall), _ratio(counts.f1)]
        for key, label in words["counts"].items()
        if (counts := one.counts.get(key, Counts())) != Counts()
    ]


def _share_rows(one: Evaluation, words: dict[str, dict[str, str]]) -> list[list[str]]:
    rows: list[list[str]] = []
    for group, label in words["groups"].items():
        for key, share in one.shares.items():
            name, _, part = key.partition(".")
            if name == group and share != Share():
                said = f"{label} · {words['fields'][part]}" if part else label
                rows.append([said, str(share.of), _ratio(share.value)])
    return rows


def _ratio(value: float) -> str:
    """Three places, and never 1.000 for what is not whole."""
    return f"{min(value, 0.999):.3f}" if value < 1 else "1.000"


def _kind(difference: Difference, words: dict[str, dict[str, str]]) -> str:
    """The words for a kind of difference; a field is called by its name."""
    kind, _, name = difference.kind.partition(".")
    return words["fields"][name] if name else words["kinds"][kind]


def _headers(words: dict[str, dict[str, str]]) -> tuple[list[str], list[str]]:
    heads = words["heads"]
    return (
        [heads[key] for key in ("counts", "gold", "precision", "recall", "f1")],
        [heads[key] for key in ("shares", "judged", "share")],
    )


def _text(evaluations: Sequence[Evaluation], words: dict[str, dict[str, str]], show: bool) -> str:
    told = [(one.plan, one) for one in evaluations]
    if len(told) > 1:
        told.append((words["heads"]["overall"], overall(evaluations)))
    blocks: list[str] = []
    for title, one in told:
        counts, shares = _headers(words)
        name = f"{title} ({one.document})" if one.document else title
        blocks.append(f"{name}\n\n{_columns(counts, _count_rows(one, words))}")
        if rows := _share_rows(one, words):
            blocks[-1] += "\n" + _columns(shares, rows)
        if show and one.plan:
            blocks[-1] += "\n" + _listed(one.differences, words)
    return "\n\n".join(blocks)


def _listed(differences: Sequence[Difference], words: dict[str, dict[str, str]]) -> str:
    heads = words["heads"]
    if not differences:
        return f"{heads['none']}\n"
    lines = [f"{heads['differences']} ({len(differences)})"]
    for one in differences:
        lines.append(f"- {_kind(one, words)}  {one.path}".rstrip())
        for key, said in (("said_gold", one.gold), ("said_record", one.record), ("quote", one.quote)):
            if said:
                lines.append(f"    {heads[key]}: {said}")
    return "\n".join(lines) + "\n"


def _columns(header: list[str], rows: list[list[str]]) -> str:
    """Columns for a terminal, where a full-width character takes two places; numbers stand to the right."""
    widths = [max(cell_len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    lines: list[str] = []
    for row in [header, *rows]:
        first = row[0] + " " * (widths[0] - cell_len(row[0]))
        rest = [
            " " * (width - cell_len(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        lines.append("  ".join([first, *rest]))
    return "\n".join(lines) + "\n"


# -- Markdown --------------------------------------------------------------------------------------------------------


def _markdown(evaluations: Sequence[Evaluation], words: dict[str, dict[str, str]], show: bool) -> str:
    heads, whole = words["heads"], overall(evaluations)
    counts, shares = _headers(words)
    blocks = [_table(counts, _count_rows(whole, words)), _table(shares, _share_rows(whole, words))]
    kinds = [key for key in words["counts"] if key in whole.counts and "." not in key]
    rows = [
        [one.plan, *(_ratio(one.counts[key].f1) if key in one.counts else "–" for key in kinds)]
        for one in evaluations
    ]
    blocks += [
        f"### {heads['by_plan']}\n",
        _table([heads["plan"], *(words["counts"][key] for key in kinds)], rows),
    ]
    if show:
        header = [heads[key] for key in ("kind", "path", "said_gold", "said_record", "quote")]
        for one in evaluations:
            blocks.append(f"### {heads['differences']}: {one.plan}\n")
            listed = [[_kind(d, words), d.path, d.gold, d.record, d.quote] for d in one.differences]
            blocks.append(_table(header, listed) if listed else f"{heads['none']}\n")
    return "\n".join(block for block in blocks if block)


def _table(header: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [
        header,
        ["---"] + ["---:"] * (len(header) - 1) if _numeric(rows) else ["---"] * len(header),
        *rows,
    ]
    return "".join("| " + " | ".join(_escaped(cell) for cell in line) + " |\n" for line in lines)


def _numeric(rows: list[list[str]]) -> bool:
    return all(cell.replace(".", "").isdigit() or cell == "–" for row in rows for cell in row[1:])


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
