"""A sentence to targets: each figure read from its surroundings, and the goals in words.

Rules are written for the genre. A figure stands in one of four ways:

- *postposed*: name, then figure, then the clause ends: 更新和加装电梯16台, 设备投资规模较2023年增长25%以上;
- *preposed*: verb, figure, name: 完成11处涵闸, 组织实施60个以上工业设备更新项目;
- *distributed*: 甲、乙分别超过85%、67%; 2024年、2027年分别达到1050个、3000个;
- *attributive*: a condition inside a name, no target: 投资500万元以上工业设备更新项目, 使用超过8年的设备.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from graph import clauses, figures
from graph.clauses import ADVERB, DONE, Years, stripped
from graph.figures import Figure, Lead
from graph.reading import Passage
from graph.record import Measure, NonTarget, Target

# Verbs that may stand right before a figure whose thing follows it: 新增3家…, 设立1个…
_VERB = re.compile(
    r"(?:完成|实施|组织|开展|建成|建设|新建|改建|扩建|新改建|新（改）建|新增|增加|培育|培养|打造|创建|创成|设立|建立|组建|推广|推进"
    r"|推动|带动|引导|支持|引进|招引|发展|更新|改造|升级|提升|整治|修复|淘汰|报废|回收|处理|拆解|认定|评定|评选|申报|举办|配备|安装"
    r"|加装|购置|置换|新购|形成|实现|布局|打通|覆盖|培训|遴选|储备|谋划|入库|签约|投放|发放|服务|惠及|争取|力争|确保|至少|建)$"
)
# Of these, the ones that say only that it gets done: they are no part of the name.
_PLAIN_VERB = re.compile(r"(?:完成|实施|组织|开展|推进|推动|实现|带动|争取|力争|确保|至少)$")
# 达到2023年的2倍: the base stands between the verb and the figure.
_TIMES_OF = re.compile(r"(?P<base>(?:较|比|是)?20\d\d年(?:底|末)?的)$")
_AT_RATE = re.compile(r"的(?:比例|标准|幅度|速度|比重)")
_ENDS = re.compile(r"$|[，,。；;、：:！）)”\x01]|以及|和|及|并|且|或")
_EVERY_YEAR = re.compile(r"每年|年均|逐年")
# 年报废机动车3500辆: a year in front of a verb says "each year"; 年度, 年底 and the like do not.
_YEARLY = re.compile(r"[、，和]?年(?![度底内初末])[\u4e00-\u9fff]")
# Volumes flow: 到2027年，二手车交易量超过5000辆 is said of the year, not of all years until then.
_FLOW = re.compile(
    r"(?:交易|回收|销售|产出|产|处理|处置|报废|置换|换新|拆解|更新|消费|推广|利用|交付)量$|销售额$|交易$"
)
_SHARED_TAIL = re.compile(r"的((?:建设|更新|改造|升级|新建|改建|扩建|整治|或|和|与|及|、)+)$")
_STRENGTH = re.compile(r"确保|力争|争取|努力|力求|必须|原则上|不得")
_FIELDS = re.compile(
    r"(?P<fields>[^，。；]{2,80}?)(?P<kind>等?(?:[一二三四五六七八九十\d]+(?:大|个))?(?:重点)?(?:领域|行业))的?(?P<rest>.{2,})$"
)
# 重点领域 names no field and stays in the name; 工业领域 and 工业、农业等领域 say which fields are meant.
_NO_FIELD = frozenset({"", "重点", "主要", "相关", "各"})
_EXCEPT = re.compile(r"[（(]((?:除|不含|不包括|含|包括)[^（()）]*)[）)]")

Stance = Literal["post", "pre"]


class _Read(NamedTuple):
    """The last figure that was read as a target: where it ended, how it stood, what it was called."""

    end: int
    stance: Stance
    name: str


@dataclass(frozen=True)
class _Clause:
    """What was read around one figure: the name, characters ``floor`` … ``end``, and the words up to the figure."""

    name: str
    lead: Lead
    floor: int
    end: int
    region: str
    stance: Stance = "post"


class SentenceReader:
    """Reads one sentence; ``targets`` and ``non_targets`` hold what it found, ``years`` goes on to the next one.

    Args:
        sentence: a sentence without its agency brackets and its full stop.
        path: the numbered place that it stands in.
        years: the year that governs so far; changed by the years that the sentence names.
        goals: whether it stands in a section of goals, where goals in words count as targets.
        first_year: the first year of the plan, whose targets are of the year and measured against the year before.
    """

    def __init__(
        self, sentence: Passage, path: str, years: Years, *, goals: bool, first_year: int | None
    ) -> None:
        self.sentence = sentence
        self.path = path
        self.years = years
        self.goals = goals
        self.first_year = first_year
        self.targets: list[Target] = []
        self.non_targets: list[NonTarget] = []
        self.figures = figures.find(sentence.text)
        self.flat, self.brackets = clauses.flatten(sentence.text, self.figures)
        self.marks = clauses.year_marks(self.flat)
        self._last: _Read | None = None

    def read(self) -> SentenceReader:
        """Read all of it; returns itself."""
        outer = [f for f in self.figures if not any(a <= f.start < b for a, b in self.brackets)]
        taken: list[Figure] = []
        index = position = 0
        while index < len(outer):
            figure = outer[index]
            self.years.advance(self.marks, position, figure.start)
            position = figure.start
            run = clauses.distributed(self.flat, outer, index)
            if run:
                self._spread(outer[index : index + run])
                taken += outer[index : index + run]
            elif self._single(outer, index):
                taken.append(figure)
            index += run or 1
        self.years.advance(self.marks, position, len(self.flat))
        self._goals_in_words(taken)
        for bracket in self.brackets:
            self._inside(*bracket)
        return self

    def _single(self, found: list[Figure], index: int) -> bool:
        """Read one figure; false where it is no target."""
        figure = found[index]
        floor = clauses.clause_start(self.flat, figure.start)
        last = self._last
        if last and last.end > floor:
            floor = last.end
            if last.stance == "pre" and (comma := re.search("[、和及]", self.flat[floor : figure.start])):
                floor += comma.end()
        lead = figures.lead(self.flat, figure.start, floor)
        base = _TIMES_OF.search(self.flat[floor : figure.start]) if figure.kind == "times" else None
        if base:
            lead = figures.lead(self.flat, floor + base.start(), floor)
        region = self.flat[floor : lead.start] + (base.group("base") if base else "")
        rest = self.flat[figure.end :]
        if figure.is_duration and not re.search("压缩|缩短|控制", self.flat[floor : figure.start]):
            return self._skip(figure, "duration")
        at_rate = _AT_RATE.match(rest)
        if at_rate and figure.unit == "%":
            # 按每年不低于三分之一的比例推进…: the thing comes after the rate.
            name = clauses.until_stop(rest[at_rate.end() :])
            return self._add(
                figure, _Clause(name, lead, floor, figure.end + at_rate.end() + len(name), region)
            )
        bare = stripped(region)
        if not _ENDS.match(rest):
            verb = _VERB.search(region)
            if not bare or verb:
                clause = self._preposed(found, index, lead, floor, region, verb)
                if clause:
                    return self._add(figure, clause)
            elif not (lead.growth or lead.level or (lead.comparator and figure.unit == "%")):
                return self._skip(figure, "threshold")
        name = bare or self._subject(floor)
        if last:
            name = clauses.completed(name, last.name, self.flat[last.end : figure.start])
        if not re.search(r"[\u4e00-\u9fffA-Za-z]", name):
            return self._skip(figure, "unclear")
        return self._add(figure, _Clause(name, lead, floor, figure.end, region))

    def _preposed(
        self, found: list[Figure], index: int, lead: Lead, floor: int, region: str, verb: re.Match[str] | None
    ) -> _Clause | None:
        figure = found[index]
        until = found[index + 1].start if index + 1 < len(found) else len(self.flat)
        after = clauses.until_stop(self.flat[figure.end : until])
        after = re.sub(r"(?:和|及|以及|、)$", "", after)
        if len(after) < 2:
            return None
        if lead.comparator is None and "至少" in region:
            lead = replace(lead, comparator=">=")
        name = self._with_shared_tail(found, index, after.lstrip("的")).lstrip("的")
        if verb and not _PLAIN_VERB.search(region):
            name = verb.group() + name
        return _Clause(name, lead, floor, figure.end + len(after), region, "pre")

    def _with_shared_tail(self, found: list[Figure], index: int, name: str) -> str:
        """完成11处涵闸、2座泵站、3座排涝泵站的建设或更新改造: what closes the list belongs to each member."""
        start = found[index].end
        stop = re.search("[，,。；;]", self.flat[start:])
        end = start + stop.start() if stop else len(self.flat)
        tail = _SHARED_TAIL.search(self.flat[start:end])
        several = index + 1 < len(found) and found[index + 1].start < end
        return name + tail.group(1) if tail and several and not _SHARED_TAIL.search(name) else name

    def _subject(self, floor: int) -> str:
        """The subject where a clause has none of its own: 甲稳步提高，到2027年达到90%."""
        if self._last:
            return self._last.name
        before = self.flat[: max(0, floor - 1)]
        clause = before[clauses.clause_start(before, len(before)) :]
        return re.sub(rf"{ADVERB}*{DONE}$", "", stripped(clause))

    def _spread(self, run: list[Figure]) -> None:
        """甲、乙分别超过85%、67%: names to values, or years to values."""
        word = self.flat.rindex("分别", 0, run[0].start)
        floor = clauses.clause_start(self.flat, word)
        if self._last and self._last.end > floor:
            floor = self._last.end
        lead = figures.lead(self.flat, run[0].start, word + 2)
        before = figures.lead(self.flat, word, floor)
        lead = Lead(
            before.start,
            lead.comparator or before.comparator,
            lead.growth or before.growth,
            lead.falling or before.falling,
            lead.level,
        )
        region = self.flat[floor : lead.start]
        whole = stripped(clauses.unbased(region)[0]) or self._subject(floor)
        names = clauses.listed(whole, len(run))
        # 分别达到3家和6家以上: what closes the list is said of every member.
        closing = run[-1].after if all(figure.after is None for figure in run[:-1]) else None
        years = self.years.years
        for number, figure in enumerate(run):
            name = names[number] if len(names) == len(run) else whole
            by_year = len(names) != len(run) and len(years) == len(run)
            clause = _Clause(name, lead, floor, run[-1].end, region)
            self._add(
                replace(figure, after=figure.after or closing), clause, years[number] if by_year else None
            )

    def _skip(self, figure: Figure, reason: Literal["threshold", "duration", "unclear"]) -> bool:
        text = self.sentence.text[max(0, figure.start - 10) : figure.end + 10]
        span = self.sentence.span(figure.start, figure.end)
        self.non_targets.append(NonTarget(path=self.path, text=text, reason=reason, span=span))
        return False

    def _add(self, figure: Figure, clause: _Clause, year: int | None = None) -> bool:
        """Write the target down; ``year`` where a list of years gave it its own."""
        source, lead, name = self.sentence.text, clause.lead, clause.name
        without_base, base, against_last = clauses.unbased(clause.region)
        own = stripped(clause.region)
        if clause.stance == "post" and own and name.endswith(own):
            name = name.removesuffix(own) + stripped(without_base) or name
        year = year or (self.years.years[-1] if self.years.years else None)
        growth, value = lead.growth or figure.kind == "double", figure.value
        if figure.kind == "times" and not lead.growth:
            # 达到2020年的2倍 is a growth of 100 %.
            growth, value = True, value - 100
        if growth and base is None and year and (against_last or self._in_first_year(year)):
            # 2024年增长10%: growth in a year is measured against the year before.
            base = year - 1
        start = clauses.quote_start(self.flat, clause.floor)
        bracket = _EXCEPT.search(source, start, clause.end)
        scope = bracket.group(1) if bracket and "\x01" in name else None
        name = name.replace("\x01", "").strip("，,、的")
        if clause.stance == "post" and (fields := _FIELDS.match(name)):
            given = re.sub(r"^(?:全[国省市区县旗州]|我[省市区县旗])", "", fields["fields"])
            if "、" in given or len(given) <= 4:
                scope = given + fields["kind"]
                name = name if given in _NO_FIELD else fields["rest"]
        if lead.falling and growth:
            # The figure of a fall is kept as printed; the name must say that it falls.
            name += "下降"
        strengths = _STRENGTH.findall(source[: figure.start])
        self.targets.append(
            Target(
                path=self.path,
                indicator=name,
                value=value,
                value_max=figure.value_max,
                value_text=figure.printed,
                unit=figure.unit,
                comparator=clauses.comparator(figure, lead),
                measure="growth_rate" if growth else self._measure(figure, clause, name, year),
                baseline_year=base if growth else None,
                target_year=year,
                scope=scope,
                strength=strengths[-1] if strengths else None,
                quote=source[start : clause.end],
                span=self.sentence.span(start, clause.end),
            )
        )
        self._last = _Read(max(figure.end, clause.floor), clause.stance, name)
        return True

    def _in_first_year(self, year: int) -> bool:
        return not self.years.until and year == self.first_year

    def _measure(self, figure: Figure, clause: _Clause, name: str, year: int | None) -> Measure:
        if figure.unit in {"%", "‰", "个百分点", "百分点"}:
            return "share"
        if figure.unit.endswith("元") or "/" in figure.unit:
            return "amount"
        before = self.flat[: figure.start]
        near = before[clauses.clause_start(self.flat, clause.floor) :] if clause.floor else before
        if _EVERY_YEAR.search(near) or _YEARLY.match(before[clause.floor :]):
            return "count_annual"
        if "累计" in near:
            return "count_cumulative"
        if re.search("全年|当年|年内|年度", before) or _FLOW.search(name):
            return "count_in_year"
        early = year is not None and (self.first_year is None or year <= self.first_year)
        return "count_in_year" if early and not self.years.until else "count_cumulative"

    def _inside(self, start: int, end: int) -> None:
        """Figures in a bracket count a part of what stands before it: 更新供水设施79套（阀门类108台）."""
        if not any(start <= figure.start < end for figure in self.figures) or end - start < 3:
            return
        before = self.sentence.at[start - 1] + 1 if start else -1
        whole = next((t for t in self.targets if t.span and t.span[1] == before), None)
        inner = self.sentence.cut(start + 1, end - 1)
        years = replace(self.years)
        reader = SentenceReader(inner, self.path, years, goals=False, first_year=self.first_year).read()
        for part in reader.targets:
            if whole and part.indicator not in whole.indicator:
                part.indicator = f"{whole.indicator}（{part.indicator}）"
        self.targets += reader.targets
        self.non_targets += reader.non_targets

    def _goals_in_words(self, taken: list[Figure]) -> None:
        """基本达到节能水平, 大幅提升: counts in a section of goals, or where the sentence names its year before it."""
        named = [mark.start for mark in self.marks if mark.until]
        if not self.years.years or not (self.goals or named):
            return
        start = 0
        for stop in [match.start() for match in re.finditer("[，,]", self.flat)] + [len(self.flat)]:
            begin, start = start, stop + 1
            counted = [figure.end for figure in taken if begin <= figure.start < stop]
            if counted:
                # 至少设立1个回收点、回收网点基本覆盖: what a list adds after its figures.
                begin = self.flat.find("、", counted[-1], stop) + 1
            if (begin or not counted) and (self.goals or named[0] <= stop):
                for piece in clauses.goal_pieces(self.flat, begin, stop):
                    self._goal(*piece)

    def _goal(self, start: int, stop: int) -> None:
        bare = stripped(self.flat[start:stop])
        match = clauses.goal(bare)
        if match is None:
            return
        begin = stop - len(bare)
        self.targets.append(
            Target(
                path=self.path,
                indicator=match["name"].replace("\x01", ""),
                comparator="qualitative",
                measure="qualitative",
                target_year=self.years.years[-1],
                value_text=match["pred"],
                quote=self.sentence.text[begin:stop],
                span=self.sentence.span(begin, stop),
            )
        )
