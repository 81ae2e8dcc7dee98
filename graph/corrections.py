"""Corrections: what a person found wrong, missing or right in a record, kept apart from the text and from the code.

``plans/corrections/{slug}.yaml`` is a list. Each entry says what to do with which item, who says so, when and why:

    - do: change                      # change, add, remove or confirm
      what: target                    # target, cited_target, action, assignment or non_target
      at: {path: 二/（一）/3, quote: 关键工序数控化率分别超过75%、55%, indicator: 关键工序数控化率, value: 55}
      set: {value: 60}
      by: 王芳
      date: 2026-11-20
      reason: 与附表核对

They are applied after extraction and before linking. An item is found by the words that it rests on, never by a number
or an offset: white space and the width of punctuation do not count, so a correction outlives another extraction and a
text that was wrapped anew. Where the same words stand in several places the printed path decides, then ``nth``; where
they stand in one place only, they hold even if that place was renumbered. ``indicator``, ``value`` and ``target_year``
tell the values of one quote apart.

What cannot be applied changes nothing and is told in the record's ``problems``:

    correction_stale       the quoted words are no longer in the text
    correction_unmatched   the words are there, but nothing was read from them that fits
    correction_ambiguous   several items fit equally
    correction_unfit       the item would break a rule of the schema (a figure without a unit)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Day
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from pydantic import BaseModel, Field, ValidationError, create_model, model_validator

from graph.errors import BadInput
from graph.quotes import fold
from graph.record import (
    Action,
    Assignment,
    CitedTarget,
    Model,
    NonTarget,
    Number,
    Review,
    Role,
    Target,
)
from ontology.terms import dotted

Do = Literal["change", "add", "remove", "confirm"]
What = Literal["target", "cited_target", "action", "assignment", "non_target"]
Item = Target | Action | Assignment | NonTarget

# What a correction may set, by kind of item; the rest follows from the text (span, path) or is the machine's own.
_TARGET = (
    "indicator concept value value_max value_text unit comparator measure baseline_year target_year scope"
    " scope_domains strength quote origin"
)
SETTABLE: dict[What, tuple[type[Model], str, tuple[str, ...]]] = {
    "target": (Target, _TARGET, ("indicator", "comparator", "measure")),
    "cited_target": (
        CitedTarget,
        f"{_TARGET} claimed_level claimed_jurisdiction",
        ("indicator", "comparator", "measure"),
    ),
    "action": (Action, "title domains", ()),
    "assignment": (Assignment, "agency role members", ("agency", "role")),
    "non_target": (NonTarget, "reason", ("reason",)),
}


class At(Model):
    """Where an item is. ``quote`` is what it rests on: the words of a target, the heading of a task, the words round
    a figure; for an assignment those of the task or target that it belongs to. ``nth`` counts from 1 where one place
    has the same words and values several times."""

    path: str = ""
    quote: str = Field(min_length=1)
    indicator: str | None = None
    value: Number | None = None
    target_year: int | None = None
    agency: str | None = None
    role: Role | None = None
    nth: int | None = Field(default=None, ge=1)

    def key(self) -> tuple[Any, ...]:
        """Equal for two ways of writing the same place."""
        return (
            dotted(self.path),
            fold(self.quote),
            fold(self.indicator or ""),
            self.value,
            self.target_year,
            fold(self.agency or ""),
            self.role,
            self.nth or 1,
        )


class Correction(Model):
    """One entry of a file of corrections."""

    do: Do
    what: What
    at: At
    set: dict[str, Any] = Field(default_factory=dict)
    by: str = Field(min_length=1)
    date: Day
    reason: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Correction:
        model, _, needed = SETTABLE[self.what]
        if self.do in {"remove", "confirm"} and self.set:
            raise ValueError(f"set: {self.do} sets nothing; use change")
        if self.do == "change" and not self.set:
            raise ValueError("set: says what to change; it is empty")
        if self.what == "assignment" and self.do != "add" and not self.at.agency:
            raise ValueError("at.agency: name the agency as printed")
        if self.do == "add":
            missing = [name for name in needed if name not in self.set]
            if missing:
                raise ValueError(f"set.{missing[0]}: is needed to add a {self.what}")
            if issubclass(model, Target) and not is_sound(self.set):
                raise ValueError("set.value: a target has a value and a unit, or is qualitative in both")
        return self

    def review(self) -> Review:
        """What the item then says of itself. Not for removals, which leave no item."""
        status: dict[Do, Literal["confirmed", "changed", "added"]] = {
            "change": "changed",
            "add": "added",
            "confirm": "confirmed",
        }
        return Review(status=status[self.do], by=self.by, date=self.date, reason=self.reason)

    def to_data(self) -> dict[str, Any]:
        """As it is written to YAML: empty keys left out, an explicit null in ``set`` kept."""
        data: dict[str, Any] = {"do": self.do, "what": self.what}
        data["at"] = self.at.model_dump(mode="json", exclude_defaults=True)
        if self.set:
            values = _setting(self.what).model_validate(self.set)
            data["set"] = values.model_dump(mode="json", include=set(self.set))
        data |= {"by": self.by, "date": self.date}
        return data | ({"reason": self.reason} if self.reason else {})

    def same(self, other: Correction) -> bool:
        """Whether both say the same of the same item, whenever they were said."""
        return (self.what, self.do, self.at.key(), self.set, self.by, self.reason) == (
            other.what,
            other.do,
            other.at.key(),
            other.set,
            other.by,
            other.reason,
        )


@lru_cache(maxsize=8)
def _setting(what: What) -> type[BaseModel]:
    """A model of the fields that may be set: each optional, each of the type that it has in the record."""
    model, names, _ = SETTABLE[what]
    fields = {name: (model.model_fields[name].annotation, None) for name in names.split()}
    return cast("type[BaseModel]", create_model(f"set {what}", __base__=Model, **cast("Any", fields)))


def is_sound(fields: Mapping[str, Any]) -> bool:
    """Whether the fields of a target fit each other: a figure has a value and a unit; words have neither."""
    worded = {fields.get("comparator") == "qualitative", fields.get("measure") == "qualitative"}
    figure = {fields.get("value") is not None, fields.get("unit") is not None}
    return (worded, figure) in (({True}, {False}), ({False}, {True}))


# -- files -----------------------------------------------------------------------------------------------------


def correction_files(plans: Path, slugs: Iterable[str]) -> dict[str, Path]:
    """Slug → file of corrections, for a folder of plans.

    Raises BadInput for a file that stands for no plan: what a person found must not be lost by a misspelt name.
    """
    found = {path.stem: path for path in sorted((plans / "corrections").glob("*.yaml"))}
    known = set(slugs) if found else set()
    for slug, path in found.items():
        if slug not in known:
            raise BadInput(f"{path}: corrects {slug!r}, which is not a plan of {plans}; rename or remove it")
    return found


def load_corrections(path: Path) -> list[Correction]:
    """Read a file of corrections; a file that does not exist holds none.

    Raises BadInput naming the file, the entry (from 1) and the field that does not fit.
    """
    if not path.exists():
        return []
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path}: cannot be read as YAML: {error}") from error
    if data is None:
        return []
    if not isinstance(data, list):
        raise BadInput(f"{path}: corrections are a YAML list, each entry with do, what, at, by and date")
    return [_entry(path, number, entry) for number, entry in enumerate(data, 1)]


def _entry(path: Path, number: int, data: Any) -> Correction:
    try:
        return make_correction(data)
    except BadInput as error:
        raise BadInput(f"{path}: entry {number}: {error.message}") from error


def make_correction(data: Any) -> Correction:
    """A correction from what YAML or a worksheet says. Raises BadInput that begins with the field that does not fit."""
    try:
        made = Correction.model_validate(data)
    except ValidationError as error:
        raise BadInput(_first(error)) from error
    try:
        values = _setting(made.what).model_validate(made.set)
    except ValidationError as error:
        raise BadInput(f"set.{_first(error)}") from error
    made.set = {name: getattr(values, name) for name in made.set}
    return made


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def save_corrections(path: Path, corrections: Sequence[Correction]) -> None:
    """Write a file of corrections in one step. Comments above the first entry are kept."""
    head: list[str] = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                break
            head.append(line)
    body = yaml.safe_dump(
        [one.to_data() for one in corrections], allow_unicode=True, sort_keys=False, width=110
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text("\n".join([*head, body]) if head else body, encoding="utf-8")
    part.replace(path)


# -- merging ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edit:
    """A correction that a person just made; ``of_added`` where it is about an item that is there
    only because a correction added it."""

    correction: Correction
    of_added: bool = False


@dataclass
class Merged:
    """The corrections in force, and how many of each kind were new to them."""

    corrections: list[Correction]
    taken: dict[Do, int]


def merge_corrections(old: Sequence[Correction], edits: Sequence[Edit]) -> Merged:
    """Put new corrections among those there: the same place is said once, in its old order; new places come last.

    Merging the same edits again changes nothing. Of several edits of one place the last counts.
    """
    result = list(old)
    edits = list({(edit.correction.what, edit.correction.at.key()): edit for edit in edits}.values())
    taken: dict[Do, int] = dict.fromkeys(("change", "add", "remove", "confirm"), 0)
    for edit in edits:
        new = edit.correction
        number = next((n for n, there in enumerate(result) if _same_place(there, new)), None)
        there = result[number] if number is not None else None
        if there is None or number is None:
            if not (edit.of_added and new.do == "remove"):
                result.append(new)
                taken[new.do] += 1
            continue
        if new.do == "confirm" and there.do in {"add", "change"}:
            # What was changed and then confirmed by another stays changed; the second word is kept beside it.
            if not any(new.same(one) for one in result):
                result.insert(number + 1, new)
                taken["confirm"] += 1
            continue
        if new.do == "remove" and there.do == "add" and edit.of_added:
            del result[number]
            result = [one for one in result if not (one.do != "add" and _same_place(one, there))]
            taken["remove"] += 1
            continue
        both = new
        if new.do == "change" and there.do in {"add", "change"}:
            both = new.model_copy(update={"do": there.do, "at": there.at, "set": there.set | new.set})
        if both.same(there) or (new.do == "change" and both.set == there.set and both.do == there.do):
            continue
        result[number] = both
        # A confirmation of what stood there before is none of what stands there now.
        result[number + 1 :] = [
            one for one in result[number + 1 :] if one.do != "confirm" or not _same_place(one, both)
        ]
        taken[new.do] += 1
    return Merged(result, taken)


def effective_place(one: Correction) -> At:
    """The place of an entry; that of an addition with what makes the added item itself."""
    if one.do != "add":
        return one.at
    names = ("agency", "role") if one.what == "assignment" else ("indicator", "value", "target_year")
    own = {
        name: one.set.get(name) for name in names if name in At.model_fields and getattr(one.at, name) is None
    }
    return one.at.model_copy(update=own)


def _same_place(there: Correction, new: Correction) -> bool:
    if there.what != new.what:
        return False
    return new.at.key() in {there.at.key(), effective_place(there).key()} or (
        new.do == "add" and effective_place(new).key() == effective_place(there).key()
    )
