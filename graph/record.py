"""The plan record: the typed, readable middle between a text and the graph.

Extraction makes one, a person may write one by hand (YAML), and later steps cannot tell which. The JSON of
``zhengmai extract FILE --format json``, the YAML of ``plans/records/`` and these models are one schema.

Values stand in the base unit (1万台 is 10000 台, percent is a number with unit ``%``); years are calendar years;
a span is a pair of code-point offsets into the kept text, absent in records written by hand.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from graph.errors import BadInput

Span = tuple[int, int]
Role = Literal["lead", "responsible", "supporting", "undifferentiated"]
Comparator = Literal[">=", ">", "=", "~", "<", "<=", "qualitative"]
Measure = Literal[
    "growth_rate", "share", "count_cumulative", "count_annual", "count_in_year", "amount", "qualitative"
]
Relation = Literal["implements", "based_on", "mentions"]
Level = Literal["national", "province", "city", "county"]
Day = date  # a field may be called date, and then its type needs another name


def _plain_number(value: Decimal) -> int | float:
    """A JSON number: an integer where it is one, so that 25 does not print as 25.0."""
    return int(value) if value == value.to_integral_value() else float(value)


def _exact(value: Any) -> Any:
    """12.23 read from JSON or YAML must stay 12.23, not the nearest binary fraction."""
    return str(value) if isinstance(value, float) else value


Number = Annotated[Decimal, BeforeValidator(_exact), PlainSerializer(_plain_number, return_type=int | float)]


class Model(BaseModel):
    """The common ground of all record models: unknown keys are errors, not silence."""

    model_config = ConfigDict(extra="forbid")


class Jurisdiction(Model):
    """The place a plan is for; ``code`` has six digits (GB/T 2260), ``100000`` is the whole country."""

    name: str
    code: str | None = None
    level: Level | None = None


class Citation(Model):
    """Another document as this one names it; ``issuer`` is the body named before the title (国务院《…》)."""

    number: str | None = None
    title: str | None = None
    issuer: str | None = None
    relation: Relation = "mentions"
    span: Span | None = None


class Alias(Model):
    """A short name that the text gives itself: …（以下简称“两新”）."""

    alias: str
    full: str
    span: Span | None = None


class PlanHead(Model):
    """What the document says of itself.

    ``issued`` is the 成文日期 below the issuer's name or the title; ``printed`` the 印发日期 of the 版记, and ``printed_by``
    the office named there, which is not the issuer.
    """

    title: str
    jurisdiction: Jurisdiction
    issuer: str | None = None
    document_number: str | None = None
    issued: date | None = None
    printed: date | None = None
    printed_by: str | None = None
    status: Literal["issued", "draft"] = "issued"
    family: str | None = None
    cites: list[Citation] = Field(default_factory=list)
    aliases: list[Alias] = Field(default_factory=list)


class Review(Model):
    """What a person said of an item, through a correction."""

    status: Literal["confirmed", "changed", "added"]
    by: str
    date: Day
    reason: str | None = None


LinkMethod = Literal[
    "given",
    "exact-label",
    "contained-label",
    "heading-keyword",
    "ancestor-keyword",
    "other-measure",
    "nearest",
]
"""The keys of the scheme ``link-method``."""


class ConceptLink(Model):
    """Why a name has its concept, or might have it. ``score`` is in [0, 1].

    ``text`` is what was looked at: the name of the indicator as normalised, or the heading; ``label`` the label or
    keyword of the concept that matched, None where a person gave the concept.
    """

    concept: str
    method: LinkMethod
    score: Number = Decimal(1)
    text: str = ""
    label: str | None = None


class Assignment(Model):
    """An agency in a role. ``agency`` is the name as printed; ``members`` what the text says it includes.

    ``role_text`` is what the text calls the role (牵头单位, 按职责分工负责); None where it only lists bodies.
    """

    agency: str
    role: Role
    role_text: str | None = None
    members: list[str] = Field(default_factory=list)
    span: Span | None = None
    review: Review | None = None


class Action(Model):
    """A task: a leaf of the numbered outline outside the goal sections.

    ``domain_links`` says for each of ``domains`` where it comes from.
    """

    path: str
    title: str
    ancestors: list[str] = Field(default_factory=list)
    domains: list[str] = Field(default_factory=list)
    domain_links: list[ConceptLink] = Field(default_factory=list)
    assignments: list[Assignment] = Field(default_factory=list)
    span: Span | None = None
    review: Review | None = None


class Target(Model):
    """A commitment of this plan: a figure, or words where the plan gives no figure.

    ``link`` is the evidence for ``concept``; without a concept ``candidates`` has the nearest ones, at most three.
    """

    path: str
    indicator: str
    concept: str | None = None
    link: ConceptLink | None = None
    candidates: list[ConceptLink] = Field(default_factory=list)
    value: Number | None = None
    value_max: Number | None = None
    value_text: str | None = None
    unit: str | None = None
    comparator: Comparator
    measure: Measure
    baseline_year: int | None = None
    target_year: int | None = None
    scope: str | None = None
    scope_domains: list[str] = Field(default_factory=list)
    strength: str | None = None
    quote: str
    span: Span | None = None
    origin: Literal["body", "table", "explanation"] = "body"
    assignments: list[Assignment] = Field(default_factory=list)
    review: Review | None = None


class CitedTarget(Target):
    """What this document says that another level set: a claim, never a fact about the other plan."""

    claimed_level: Level | None = None
    claimed_jurisdiction: str | None = None


NonTargetReason = Literal[
    "threshold",  # a condition or size inside a name: 投资500万元以上的项目
    "duration",  # 使用超过15年, 24小时值守
    "age",  # 60岁以上老年人
    "frequency",  # 每季度调度1次
    "incentive",  # what is paid or promised for it: 每辆补贴2万元
    "name",  # 四张清单, 12345热线
    "date",  # 6月30日前
    "ordinal",  # 第12条
    "document",  # 〔2024〕7号
    "standard",  # 二级能效
    "history",  # what has been reached: 截至2023年底，已建成…
    "unclear",
]


class NonTarget(Model):
    """A figure with a unit that is no target, and why: nothing is dropped in silence.

    ``span`` is the figure's own place; ``text`` shows some words around it.
    """

    path: str
    text: str
    reason: NonTargetReason
    span: Span | None = None
    review: Review | None = None


class Table(Model):
    """A table of an annex. Each row has a text, or None for an empty cell, under each column's name.

    A merged cell is filled down; an empty one is not. ``path`` is where its rows are found: ``附件2/14``.
    """

    path: str
    title: str
    columns: list[str]
    rows: list[dict[str, str | None]]
    span: Span | None = None


class Adjustment(Model):
    """A target added to, deleted from or changed in a draft, as the drafting explanation tells it."""

    kind: Literal["added", "deleted", "changed"]
    indicator: str
    value: Number | None = None
    unit: str | None = None
    target_year: int | None = None
    value_text: str | None = None
    agency: str | None = None
    reason: str | None = None
    quote: str
    span: Span | None = None


class StatedCount(Model):
    """A count that the text gives of its own parts (共19条, 22项目标指标), to be held against what is counted."""

    what: str
    value: int
    quote: str
    span: Span | None = None


class Funding(Model):
    """What a document says of the money: the sources that it names, and whether its own level is asked for a subsidy."""

    local_subsidy: bool | None = None
    sources: list[str] = Field(default_factory=list)
    quote: str
    span: Span | None = None


class Mechanism(Model):
    """A standing arrangement: 联席会议, 协调机制, 四张清单; with who runs it."""

    path: str
    name: str
    kind: Literal["coordination", "list", "reporting", "incentive", "other"]
    agencies: list[str] = Field(default_factory=list)
    frequency: str | None = None
    quote: str
    span: Span | None = None


class Deliverable(Model):
    """A document or activity that somebody owes: a sectoral plan, a policy, a list."""

    path: str
    name: str
    kind: Literal["plan", "policy", "list", "activity", "other"]
    assignments: list[Assignment] = Field(default_factory=list)
    due: str | None = None
    quote: str
    span: Span | None = None


class Stage(Model):
    """A stage of the schedule (摸底调研阶段), with its deadline as printed where it has one."""

    path: str
    title: str
    deadline: str | None = None
    quote: str
    span: Span | None = None


class Provision(Model):
    """A numbered place of the text, heading and all."""

    path: str
    heading: str
    span: Span | None = None


class Problem(Model):
    """What the reader could not make sense of."""

    path: str
    text: str
    reason: str
    span: Span | None = None


class PlanRecord(Model):
    """One document, read."""

    slug: str = ""
    source: str | None = None
    text_hash: str | None = None
    verified: bool | None = None
    note: str | None = None
    revision_of: str | None = None  # the slug of the version before it, where a person says so
    plan: PlanHead
    provisions: list[Provision] = Field(default_factory=list)
    actions: list[Action] = Field(default_factory=list)
    targets: list[Target] = Field(default_factory=list)
    cited_targets: list[CitedTarget] = Field(default_factory=list)
    non_targets: list[NonTarget] = Field(default_factory=list)
    adjustments: list[Adjustment] = Field(default_factory=list)
    stated_counts: list[StatedCount] = Field(default_factory=list)
    funding: list[Funding] = Field(default_factory=list)
    tables: list[Table] = Field(default_factory=list)
    mechanisms: list[Mechanism] = Field(default_factory=list)
    deliverables: list[Deliverable] = Field(default_factory=list)
    stages: list[Stage] = Field(default_factory=list)
    problems: list[Problem] = Field(default_factory=list)

    def to_json(self) -> str:
        """The record as indented JSON, Chinese kept readable."""
        return self.model_dump_json(indent=1) + "\n"

    def to_yaml(self) -> str:
        """The record as YAML in the order of the schema, empty keys left out."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=120)


def load_record(path: Path) -> PlanRecord:
    """Read a record written by hand.

    Raises BadInput naming the file and the first field that does not fit.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(data, dict):
        raise BadInput(f"{path}: a record is a YAML mapping with the key 'plan'")
    try:
        record = PlanRecord.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{path}: {place}: {first['msg']}") from error
    record.slug = record.slug or path.stem
    return record
