"""Tables of annexes: what their columns are, merged cells filled down, and what their rows say.

An indicator table gives values by level and year: those of the plan's own level are targets, those of the levels
above are claims about them. A table of plans and lists with who owes them gives deliverables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from graph import clauses, divisions, figures
from graph.agencies import name_list
from graph.reading import Passage, squeeze
from graph.record import (
    Assignment,
    CitedTarget,
    Deliverable,
    Level,
    Measure,
    PlanRecord,
    Role,
    Span,
    Table,
    Target,
)
from graph.sources import Grid

SERIAL, HEADING, TASK, REMARK, VALUE, NAME = "serial", "heading", "task", "remark", "value", "name"
LEAD, RESPONSIBLE = "lead", "responsible"
AGENCY = (LEAD, RESPONSIBLE)

_LEVELS: tuple[tuple[str, Level], ...] = (
    ("国家|全国|国务院", "national"),
    ("省|自治区", "province"),
    ("市|州|盟|地区", "city"),
    ("区|县|旗", "county"),
)
_OWN = re.compile("[本我](?:级|省|市|州|盟|区|县|旗)")
_DELIVERABLE: tuple[tuple[str, str], ...] = (
    (r"(?:方案|规划|计划)$", "plan"),
    (r"清单$|目录$|台账$", "list"),
    (r"(?:政策|措施|办法|细则|意见|标准|规范|指南)$", "policy"),
    (r"(?:活动|大会|展会|论坛|行动)$", "activity"),
)


@dataclass(frozen=True)
class Piece:
    """A cell's content: its text, with places in the kept text where it has them."""

    passage: Passage
    said: str | None = None

    @property
    def text(self) -> str:
        return self.said if self.said is not None else self.passage.text

    @property
    def span(self) -> Span | None:
        return self.passage.span() if self.passage.text else None


@dataclass(frozen=True)
class RawTable:
    """Header rows and rows, all of one width. A merged cell is None, an empty one has no text."""

    header: list[list[str]]
    rows: list[list[Piece | None]]


def column_kind(name: str) -> str:
    """What a column holds, by its header."""
    bare = re.sub(r"\s", "", name)
    if re.search(r"序号|编号|^号$", bare):
        return SERIAL
    if re.search(r"牵头|主办|主责", bare):
        return LEAD
    if re.search(r"单位$|部门$|责任|配合|承办|机构$", bare) and "计量" not in bare:
        return RESPONSIBLE
    if re.search(r"备注|说明", bare):
        return REMARK
    if re.search(r"20\d\d年?|目标值|指标值|年度目标|预期值", bare):
        return VALUE
    if re.search(r"指标名称|^指标$|目标名称|指标内容|^主要指标$", bare):
        return NAME
    if re.search(r"任务|内容|措施|举措|事项|工作要求", bare):
        return TASK
    return HEADING


def is_agency_list(text: str) -> bool:
    """Whether a cell reads as names of bodies and nothing else."""
    names = [name for name in re.split("[、，,；; ]", re.sub(r"[（(][^（()）]*[）)]", "", text)) if name]
    if not names or re.search("[。；]", text):
        return False
    bodies = [
        re.search(
            r"^各|(?:[局委办厅部院社会队处司署站心府团乡镇]|单位|分局|街道|园区|公司|银行|等)[）)]?$", n
        )
        for n in names
    ]
    return sum(map(bool, bodies)) * 2 > len(names)


def from_grid(grid: Grid, text: str) -> RawTable | None:
    """A table that the file marks as one: merged cells are known, so empty is empty."""
    rows, columns = grid.size
    if rows < 2 or columns < 2:
        return None
    empty = Piece(Passage("", ()))
    place: list[list[Piece | None]] = [[empty] * columns for _ in range(rows)]
    groups: set[int] = set()
    for cell in grid.cells:
        inner = squeeze(text[cell.span[0] : cell.span[1]], cell.span[0]) if cell.span else squeeze(cell.text)
        piece = Piece(inner)
        if cell.columns == columns and cell.row:
            # A cell as wide as the table names the group of the rows below it.
            groups.add(cell.row)
            place[cell.row][0] = piece
            continue
        for row in range(cell.row, cell.row + cell.rows):
            for column in range(cell.column, cell.column + cell.columns):
                # What is merged downwards is carried down; what is merged sideways is one header over several.
                place[row][column] = piece if row == cell.row or not inner.text else None
    numbered = (n for n in range(1, rows) if (first := place[n][0]) and re.fullmatch(r"\d{1,3}", first.text))
    body = min([*groups, next(numbered, rows if groups else 1)])
    header = [[_held(place, n, column) for column in range(columns)] for n in range(body)]
    return RawTable(header, place[body:])


def _held(place: list[list[Piece | None]], row: int, column: int) -> str:
    while row > 0 and place[row][column] is None:
        row -= 1
    cell = place[row][column]
    return cell.text if cell else ""


class TableReader:
    """Reads one table into a record: the table itself, and what its rows say.

    Args:
        record: the record of the plan, whose body has been read.
        label: the annex as printed, 附件 or 附件2.
        title: the annex's own title.
        first_year: the plan's first year.
    """

    def __init__(
        self, record: PlanRecord, label: str, title: str, raw: RawTable, first_year: int | None
    ) -> None:
        self.record = record
        self.label = label
        self.first_year = first_year
        width = len(raw.header[0])
        self.names = [_column_name([row[n] for row in raw.header]) for n in range(width)]
        self.kinds = [
            column_kind(" ".join(dict.fromkeys(row[n] for row in raw.header))) for n in range(width)
        ]
        self.rows, self.groups = self._filled(raw.rows)
        self.title = title

    def _filled(self, rows: list[list[Piece | None]]) -> tuple[list[list[Piece]], list[str]]:
        """Merged cells take what stands above them; a row of one cell alone names the group of the rows below it."""
        filled: list[list[Piece]] = []
        groups: list[str] = []
        group = ""
        empty = Piece(Passage("", ()))
        for row in rows:
            first, others = row[0], row[1:]
            alone = first is not None and first.text and not any(cell is None or cell.text for cell in others)
            if alone and first is not None and not re.fullmatch(r"\d{1,3}", first.text):
                group = first.text
                continue
            above = filled[-1] if filled else [empty] * len(row)
            filled.append([cell if cell is not None else above[n] for n, cell in enumerate(row)])
            groups.append(group)
        return filled, groups

    def read(self) -> None:
        """Write the table, its targets and its deliverables into the record."""
        table = Table(path=self.label, title=self.title, columns=self._columns(), rows=[])
        spans = [cell.span for row in self.rows for cell in row if cell.span]
        if spans:
            table.span = (min(span[0] for span in spans), max(span[1] for span in spans))
        for number, row in enumerate(self.rows):
            named = {name: cell.text or None for name, cell in zip(self.names, row, strict=True)}
            group = {"类别": self.groups[number]} if any(self.groups) else {}
            table.rows.append({**group, **named})
            self._row(number, row)
        self.record.tables.append(table)

    def _columns(self) -> list[str]:
        return (["类别"] if any(self.groups) else []) + self.names

    def _path(self, number: int, row: list[Piece]) -> str:
        """附件2/14; 附件/二/1 where the rows are grouped."""
        group = re.match(r"[（(]?([一二三四五六七八九十]+)", self.groups[number])
        serial = row[0].text if self.kinds[0] == SERIAL and row[0].text else str(number + 1)
        return "/".join([self.label, *([group.group(1)] if group else []), serial])

    def _row(self, number: int, row: list[Piece]) -> None:
        path = self._path(number, row)
        assignments = [
            assignment
            for cell, kind in zip(row, self.kinds, strict=True)
            if kind in AGENCY and cell.passage.text
            for assignment in name_list(cell.passage, _role(kind))
        ]
        values = [n for n, kind in enumerate(self.kinds) if kind == VALUE]
        name = next((row[n] for n, kind in enumerate(self.kinds) if kind == NAME), None)
        if name is None and values:
            name = next((row[n] for n, kind in enumerate(self.kinds) if kind in (HEADING, TASK)), None)
        if values and name is not None and name.text:
            for column in values:
                self._value(path, name.text, row[column], self.names[column], assignments)
            return
        task = next((row[n] for n, kind in enumerate(self.kinds) if kind in (TASK, NAME)), None)
        if task is not None and assignments:
            self._deliverable(path, task, assignments)

    def _deliverable(self, path: str, task: Piece, assignments: list[Assignment]) -> None:
        kind = next((kind for pattern, kind in _DELIVERABLE if re.search(pattern, task.text)), None)
        if kind is None or re.search("[。；，]", task.text):
            return
        self.record.deliverables.append(
            Deliverable.model_validate(
                {
                    "path": path,
                    "name": task.text,
                    "kind": kind,
                    "assignments": [assignment.model_dump() for assignment in assignments],
                    "quote": task.text,
                    "span": task.span,
                }
            )
        )

    def _value(self, path: str, name: str, cell: Piece, column: str, assignments: list[Assignment]) -> None:
        """A cell with a figure is a target, or a claim about the level that its column names."""
        found = figures.find(cell.text)
        if not found:
            return
        figure = found[0]
        year = int(match.group()) if (match := re.search(r"20\d\d", column)) else None
        own = self.record.plan.jurisdiction.level
        level = _level_of(column, self.record.plan.jurisdiction.code or "", own)
        lead = figures.lead(cell.text, figure.start, 0)
        measure = _measure(figure.unit, name, year, self.first_year)
        if figure.unit == "%" and not re.search(
            r"(?:率|占比|比重|比例|覆盖面?|水平)$", re.sub("增长率$|增速$|增幅$", "", name)
        ):
            # 二手车交易量 45%: per cent of a quantity that is no rate is its growth.
            measure = "growth_rate"
        base = self._base(name) if measure == "growth_rate" else None
        fields = {
            "path": path,
            "indicator": name,
            "value": figure.value,
            "value_max": figure.value_max,
            "value_text": figure.printed,
            "unit": figure.unit,
            "comparator": clauses.comparator(figure, lead),
            "measure": measure,
            "baseline_year": base,
            "target_year": year,
            "quote": cell.text,
            "span": cell.span,
            "origin": "table",
        }
        if level == own or level is None:
            target = Target.model_validate(fields)
            target.assignments = assignments
            self.record.targets.append(target)
        else:
            claimed = next(
                (
                    d.name
                    for d in divisions.line(self.record.plan.jurisdiction.code or "")
                    if d.level == level
                ),
                None,
            )
            self.record.cited_targets.append(
                CitedTarget.model_validate(
                    {**fields, "claimed_level": level, "claimed_jurisdiction": claimed}
                )
            )

    def _base(self, name: str) -> int | None:
        """The base year that the body gives for growth of this name, else the year before the plan's first."""
        core = re.sub("增长率$|增速$|增幅$|规模$|量$", "", name)
        for target in self.record.targets:
            if target.baseline_year and core in target.indicator:
                return target.baseline_year
        return self.first_year - 1 if self.first_year else None


def _measure(unit: str, name: str, year: int | None, first_year: int | None) -> Measure:
    """A cell has no words of its own beside its figure: the indicator's name tells, and the column's year."""
    if unit in {"%", "‰", "个百分点", "百分点"}:
        return "share"
    if unit.endswith("元") or "/" in unit:
        return "amount"
    if re.search(r"每年|年均|^年(?!度)", name):
        return "count_annual"
    if "累计" in name:
        return "count_cumulative"
    if re.search(r"全年|当年|年内|(?:交易|回收|销售|产)量$|交易$", name):
        return "count_in_year"
    return "count_in_year" if year is not None and year == first_year else "count_cumulative"


def _role(kind: str) -> Role:
    return "lead" if kind == LEAD else "responsible"


def _column_name(parts: Sequence[str]) -> str:
    """区指标 over 2027年 is 区2027; a header printed once keeps its words."""
    first, rest = parts[0], [part for part in parts[1:] if part and part != parts[0]]
    if rest and (year := re.fullmatch(r"(20\d\d)年?", rest[-1])):
        return re.sub(r"(?:目标|指标)(?:值)?$", "", first) + year.group(1)
    return re.sub(r"\s", "", "".join([first, *rest]))


__all__ = [
    "AGENCY",
    "HEADING",
    "NAME",
    "REMARK",
    "SERIAL",
    "TASK",
    "VALUE",
    "Piece",
    "RawTable",
    "TableReader",
]


def _level_of(column: str, code: str, own: Level | None) -> Level | None:
    """The level that a column speaks of; ``code`` is the place whose plan it is, ``own`` its level.

    市指标 is the province's where the place is a district of 天津市, the place's own in 阿克苏市 of 阿克苏地区, and the
    upper city's where a city of a county's rank has a city above it: the highest of the line that calls itself so.
    """
    bare = re.sub(r"20\d\d年", "", column)
    if _OWN.search(bare):
        return own
    named = next(
        ((match.group(), level) for words, level in _LEVELS if (match := re.search(words, bare))), None
    )
    if named is None:
        return own
    kind, usual = named
    ends = re.compile("(?<!自治)(?<!地)区$" if kind == "区" else f"{kind}$")
    line = [division.level for division in divisions.line(code) if ends.search(division.name)]
    return line[-1] if line else usual
