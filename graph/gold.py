"""Gold files: what a careful person read in a plan, to hold a record against. The schema is told in docs/gold.md.

A part that a gold file leaves out is not measured; a field that an entry leaves out is not judged. Keys that are not
known here are notes of the person who wrote the file.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from graph.build import read_plan
from graph.catalog import read_corpus
from graph.errors import BadInput
from graph.reading import read_source, squeeze
from graph.record import Comparator, Level, Measure, Number, PlanRecord, Role, load_record
from ontology.vocabulary import using

ROLES: tuple[Role, ...] = ("lead", "responsible", "supporting", "undifferentiated")


def _listed(value: Any) -> Any:
    """One name may stand without a list around it."""
    return [value] if isinstance(value, str) else value


def _by_key(key: str) -> BeforeValidator:
    """A list of texts, or of notes that have the text under ``key``."""

    def texts(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [item.get(key) if isinstance(item, dict) else item for item in value]

    return BeforeValidator(texts)


Names = Annotated[list[str], BeforeValidator(_listed)]
Paths = Annotated[list[str], _by_key("path")]
Verbatims = Annotated[list[str], _by_key("verbatim")]


class _Gold(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    def gives(self, field: str) -> bool:
        """Whether the entry says anything of a field, be it null."""
        return field in self.model_fields_set


class GoldPlan(_Gold):
    """Which plan it is: ``document`` is the name of its file, ``id`` a short name, ``code`` the place's six digits."""

    title: str
    id: str | None = None
    document: str | None = None
    jurisdiction: str | None = None
    code: str | None = None


class GoldAction(_Gold):
    """A task, with the agencies of each role. ``accept_roles`` and ``aliases`` are by the agency's name."""

    path: str
    title: str
    lead: list[str] = Field(default_factory=list)
    responsible: list[str] = Field(default_factory=list)
    supporting: list[str] = Field(default_factory=list)
    undifferentiated: list[str] = Field(default_factory=list)
    accept_paths: list[str] = Field(default_factory=list)
    accept_titles: list[str] = Field(default_factory=list)
    accept_roles: dict[str, list[Role]] = Field(default_factory=dict)
    aliases: dict[str, Names] | None = None
    neutral_agencies: list[str] = Field(default_factory=list)

    def wanted(self) -> list[tuple[str, Role]]:
        """Every agency with its role."""
        return [(name, role) for role in ROLES for name in getattr(self, role)]

    def names(self, name: str) -> list[str]:
        """The name and what else it may be called."""
        return [name, *(self.aliases or {}).get(name, [])]


class GoldTarget(_Gold):
    """A target. ``optional``: reading it is neither right nor wrong. ``in_table``: it stands in a table of an annex."""

    name: str
    verbatim: str
    path: str = ""
    value: Number | None = None
    value_max: Number | None = None
    unit: str | None = None
    comparator: Comparator | None = None
    kind: Measure | None = None
    baseline_year: int | None = None
    target_year: int | None = None
    in_table: bool = False
    optional: bool = False
    accept_comparators: list[Comparator] = Field(default_factory=list)
    accept_kinds: list[Measure] = Field(default_factory=list)
    accept_target_years: list[int | None] = Field(default_factory=list)
    accept_units: list[str | None] = Field(default_factory=list)


class GoldCitedTarget(GoldTarget):
    """What the plan says that another level set."""

    level: Level
    jurisdiction: str | None = None
    row: int | None = None


class GoldTable(_Gold):
    """A table, its merged cells filled down. Keys of a row that begin with ``_`` are notes; null is an empty cell."""

    name: str
    rows: list[dict[str, Any]]

    @property
    def columns(self) -> list[str]:
        """The columns that any row names, in order."""
        return list(dict.fromkeys(name for row in self.rows for name in row if not name.startswith("_")))


class GoldValue(_Gold):
    """One value of an adjusted target."""

    value: Number | None = None
    unit: str | None = None
    target_year: int | None = None


class GoldAdjustment(GoldValue):
    """A target that was deleted or added on the way; several ``values`` where it has one a year."""

    name: str
    verbatim: str
    requested_by: str | None = None
    values: list[GoldValue] = Field(default_factory=list)


class Gold(_Gold):
    """A gold file. A part that is None was not annotated."""

    plan: GoldPlan
    actions: list[GoldAction] | None = None
    indicators: list[GoldTarget] | None = None
    upper_level_indicators: list[GoldCitedTarget] | None = None
    tables: list[GoldTable] | None = None
    deleted_indicators: list[GoldAdjustment] | None = None
    added_indicators: list[GoldAdjustment] | None = None
    neutral_actions: Paths = Field(default_factory=list)
    neutral_indicators: Verbatims = Field(default_factory=list)
    other_qualitative_targets: Verbatims = Field(default_factory=list)

    @property
    def adjustments(self) -> list[tuple[Literal["deleted", "added"], GoldAdjustment, GoldValue]] | None:
        """Every adjusted value with its kind, or None where neither kind was annotated."""
        if self.deleted_indicators is None and self.added_indicators is None:
            return None
        found: list[tuple[Literal["deleted", "added"], GoldAdjustment, GoldValue]] = []
        found += [
            ("deleted", one, value) for one in self.deleted_indicators or [] for value in one.values or [one]
        ]
        found += [
            ("added", one, value) for one in self.added_indicators or [] for value in one.values or [one]
        ]
        return found


PARTS = (
    "actions",
    "indicators",
    "upper_level_indicators",
    "tables",
    "deleted_indicators",
    "added_indicators",
)


def gold_files(paths: list[Path]) -> list[Path]:
    """The files named, and the ``*.json`` of the folders named. Raises BadInput for a folder without any."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            raise BadInput(f"{path}: holds no gold files (*.json)")
        found += inside
    return found


def load_gold(path: Path) -> Gold:
    """Read a gold file. Raises BadInput naming the file and the first thing in it that does not fit."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; name a gold file (*.json), or a folder of them") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # neither JSON nor UTF-8
        raise BadInput(f"{path}: is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadInput(
            f"{path}: a gold file is a JSON object with the keys 'plan' and 'actions' or 'indicators'"
        )
    try:
        gold = Gold.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{path}: {place}: {first['msg']}") from error
    if all(getattr(gold, part) is None for part in PARTS):
        raise BadInput(f"{path}: has nothing to measure; give at least one of {', '.join(PARTS)}")
    return gold


def read_record(path: Path) -> PlanRecord:
    """A record from the JSON or YAML that ``zhengmai extract`` prints. Raises BadInput naming what does not fit."""
    if path.suffix.lower() != ".json":
        return load_record(path)
    try:
        record = PlanRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; name a record that 'zhengmai extract' printed") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{path}: {place}: {first['msg']}") from error
    record.slug = record.slug or path.stem
    return record


class Documents:
    """The documents of a folder, each read once, as they are read without corrections: what is measured is the reader."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        corpus = read_corpus(folder)
        self._entries = {path.stem: (path, entry) for path, entry in corpus.documents}
        self._vocabularies = corpus.vocabularies
        self._read: dict[str, PlanRecord] = {}

    def record(self, slug: str) -> PlanRecord:
        """The record of one document."""
        if slug not in self._read:
            path, entry = self._entries[slug]
            with using(self._vocabularies):
                self._read[slug] = read_plan(read_source(path), slug, entry.code)
        return self._read[slug]

    def record_for(self, gold: Gold, file: Path) -> PlanRecord:
        """The record of the document that a gold file is about.

        The first of these that fits one document alone: the file that ``plan.document`` names; the name of the gold
        file or ``plan.id``, as the name of the document or as a part of it between hyphens; the title; the place.
        Raises BadInput where none does.
        """
        plan = gold.plan
        if plan.document:
            stem = Path(plan.document).stem if Path(plan.document).stem in self._entries else plan.document
            if stem in self._entries:
                return self.record(stem)
            raise BadInput(
                f"{file}: plan.document: {plan.document} is not among the documents of {self.folder}"
            )
        names = {file.stem, plan.id or file.stem}
        slugs = [slug for slug in self._entries if slug in names] or [
            slug for slug in self._entries if names & set(slug.split("-"))
        ]
        if not slugs:
            title = squeeze(plan.title).text
            slugs = [slug for slug, one in self._all.items() if squeeze(one.plan.title).text == title]
        if len(slugs) != 1 and (plan.code or plan.jurisdiction):
            place = plan.code or plan.jurisdiction
            among = slugs or list(self._entries)
            slugs = [
                slug
                for slug in among
                if place
                in (self.record(slug).plan.jurisdiction.code, self.record(slug).plan.jurisdiction.name)
            ] or slugs
        if len(slugs) == 1:
            return self.record(slugs[0])
        what = (
            f"fits {' and '.join(slugs)}" if slugs else "fits none of its documents by name, title or place"
        )
        raise BadInput(
            f"{file}: in {self.folder} it {what}; name the file in plan.document, "
            "the folder with --plans, or a record with --record"
        )

    @cached_property
    def _all(self) -> dict[str, PlanRecord]:
        return {slug: self.record(slug) for slug in self._entries}
