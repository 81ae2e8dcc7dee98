"""A sentence to targets: each figure read from its surroundings, and the goals in words.

Rules are written for the genre. A figure stands in one of four ways:

- *postposed*: name, then figure, then the clause ends: 更新和加装电梯16台, 设备投资规模较2023年增长25%以上;
- *preposed*: verb, figure, name: 完成11处涵闸, 组织实施60个以上工业设备更新项目;
- *distributed*: 甲、乙分别超过85%、67%; 2024年、2027年分别达到1050个、3000个;
- *attributive*: a condition inside a name, no target: 投资500万元以上工业设备更新项目, 使用超过8年的设备.

Every figure of a sentence ends as a target, as a target that the sentence says another level set, or as no target for
a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from graph import clauses, figures, no_targets
from graph.clauses import ADVERB, DONE, Years, stripped
from graph.figures import Figure, Lead
from graph.no_targets import ENDS, Place
from graph.reading import Passage
from graph.record import CitedTarget, Level, Measure, NonTarget, NonTargetReason, Target

# Verbs that may stand right before a figure whose thing follows it: 新增3家…, 设立1个…
_VERB = re.compile(
    r"(?:完成|实施|组织|开展|建成|建设|新建|改建|扩建|新改建|新（改）建|新增|增加|培育|培养|打造|创建|创成|设立|建立|组建|推广|推进"
    r"|推动|带动|引导|支持|引进|招引|发展|更新|改造|升级|提升|整治|修复|淘汰|报废|回收|处理|拆解|认定|评定|评选|申报|举办|配备|安装"
    r"|加装|购置|置换|新购|形成|实现|布局|打通|覆盖|培训|遴选|储备|谋划|入库|签约|投放|发放|服务|惠及|争取|力争|确保|至少|建"
    r"|集聚|推出|提供|攻关|引育|孵化|选派|选树|评选|开行|开通|绿化|清理|关停|退出|盘活|筹集|排查|修缮|化解|归集|汇聚|接入|上线|吸纳|研发|研制|发布"
    r"|至少有|建有|设有|配有|拥有|制定|出台|编制|转化|招聘|招募|供应|救助|帮扶)$"
)
# Any other short word that alone stands before a count: 集聚10家…, 推出50款…; but none that says where or which.
_SHORT_VERB = re.compile(
    r"(?![对将把由以从在按为与其第近每各用经向含等的是有到于]|围绕|聚焦|依托|立足|通过|利用|结合|涉及|包括|涵盖|使用|运行|现有|原有|剩余|上述|面向|针对)[\u4e00-\u9fff]{2,4}(?<![的中内外后前上下年月对将把由以从在按向])"
)
# Of these, the ones that say only that it gets done: they are no part of the name.
_PLAIN_VERB = re.compile(r"(?:完成|实施|组织|开展|推进|推动|实现|带动|争取|力争|确保|至少|至少有|拥有)$")
# 达到2023年的2倍: the base stands between the verb and the figure.
_TIMES_OF = re.compile(r"(?P<base>(?:较|比|是)?20\d\d年(?:底|末)?的)$")
_AT_RATE = re.compile(r"的(?:比例|标准|幅度|速度|比重)")
# 乡镇100%接入, 隐患100%整改: what is done to so many of them stands behind the share.
_DONE_TO_ALL = re.compile(r"(?!的)[\u4e00-\u9fff]{2,4}(?=$|[，,。；;、：:！）)])")
_EVERY_YEAR = re.compile(r"每年|年均|逐年")
# 年报废机动车3500辆: a year in front of a verb says "each year"; 年度, 年底 and the like do not.
_YEARLY = re.compile(
    r"[、，和]?年(?![度底内初末均]|销售收入|产值|营业|收入|人均|处理能力|产能)[\u4e00-\u9fff]"
)
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

# 由15个工作日压缩至3个, 从45%提高到60%: where it starts from.
_FROM = re.compile(r"(?:由|从)[^，。；由从]{0,14}$")
_TO = re.compile(
    r"(?:左右|以上)?(?:提高|提升|增加|增长|上升|扩大|压缩|压减|缩短|缩减|下降|降低|减少|调整|降|升|增|减|扩|压|延长)(?:到|至|为)|到(?=20\d\d年)"
)
# 国家提出到2027年增长25%, 按照省定…的要求: what another level asks. 我市, 全区: from here on it is this plan that speaks.
_CITED = re.compile(
    r"(?:按照|根据|对照|落实|对标|依据)?(?:(?P<national>党中央、?国务院|中央|国家|国务院)|(?P<province>省委、?省政府|省政府|省级|省|自治区)|(?P<city>市委、?市政府|市政府|市级|市))"
    r"(?:《[^》]{2,40}》|\x01*|方案|要求|下达的?|总体){0,3}(?:提出|明确|要求|规定|确定|部署)?(?:了|的)?[，,:：]?(?:要求)?(?=到?(?:20\d\d年)|[^，。；]{2,60}的(?:要求|目标|部署|任务))"
)
_OWN = re.compile(r"我[省市区县州盟旗]|全[省市区县州盟旗]|本[省市区县]")
_RESOLVE_END = re.compile(r"(?:力争|确保|争取|努力|原则上|每年|全年|累计|保持|要|将)+$")
_DEPTH = 3  # brackets inside brackets that are read

Stance = Literal["post", "pre"]


def _without_fields(name: str) -> tuple[str, str | None]:
    """A name without the fields that it begins with, and these as its scope: 工业、农业等领域设备投资规模."""
    match = _FIELDS.match(name)
    if match is None:
        return name, None
    fields = re.sub(r"^(?:全[国省市区县旗州]|我[省市区县旗])", "", match["fields"])
    if "、" not in fields and len(fields) > 4:
        return name, None
    return (name if fields in _NO_FIELD else match["rest"]), fields + match["kind"]


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
    """Reads one sentence; ``targets``, ``cited`` and ``non_targets`` hold what it found; ``years`` goes on to the next one.

    Args:
        sentence: a sentence without its agency brackets and its full stop.
        path: the numbered place that it stands in.
        years: the year that governs so far; changed by the years that the sentence names.
        goals: whether it stands in a section of goals, where goals in words count as targets.
        first_year: the first year of the plan, whose targets are of the year and measured against the year before.
        depth: how many brackets it stands in.
    """

    def __init__(
        self,
        sentence: Passage,
        path: str,
        years: Years,
        *,
        goals: bool,
        first_year: int | None,
        depth: int = 0,
    ) -> None:
        self.sentence = sentence
        self.path = path
        self.years = years
        self.goals = goals
        self.first_year = first_year
        self.depth = depth
        self.targets: list[Target] = []
        self.cited: list[CitedTarget] = []
        self.non_targets: list[NonTarget] = []
        self.figures = figures.find_all(sentence.text)
        self.flat, self.brackets = clauses.flatten(sentence.text, self.figures)
        self.marks = clauses.year_marks(self.flat, first_year)
        self._paid = no_targets.speaks_of_paying(sentence.text)
        self._claim = self._claimed()
        self._last: _Read | None = None
        self._from = -1

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
        self.years.subject = self._last.name if self._last else ""
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
        if self._claim and floor < self._claim[0] <= figure.start:
            floor = self._claim[0]
        lead = figures.lead(self.flat, figure.start, floor, ratio=figure.is_ratio)
        base = _TIMES_OF.search(self.flat[floor : figure.start]) if figure.kind == "times" else None
        if base:
            lead = figures.lead(self.flat, floor + base.start(), floor)
        due = re.search(r"20\d\d年(?:底|末)?的?$", self.flat[floor : lead.start])
        if due and floor == self._from:
            # 由2022年的45%提高到2026年的80%
            lead = replace(figures.lead(self.flat, floor + due.start(), floor), comparator=lead.comparator)
        region = self.flat[floor : lead.start] + (base.group("base") if base else "")
        rest = self.flat[figure.end :]
        start = _FROM.search(self.flat[floor : figure.start])
        if start and _TO.match(rest):
            name = stripped(self.flat[floor : floor + start.start()]) or self._subject(floor)
            self._last, self._from = _Read(figure.end, "post", name), figure.end
            return self._skip(figure, "history")
        reason = self._no_quantity(figure, lead, region)
        if reason:
            if reason == "history" and ENDS.match(rest):
                self._last = _Read(figure.end, "post", stripped(region) or self._subject(floor))
            return self._skip(figure, reason)
        if figure.kind == "bare" and not (lead.comparator or lead.growth or lead.level or figure.after):
            return self._bare(figure, rest)
        at_rate = _AT_RATE.match(rest)
        if at_rate and figure.unit == "%":
            # 按每年不低于三分之一的比例推进…: the thing comes after the rate.
            name = clauses.until_stop(rest[at_rate.end() :])
            return self._add(
                figure, _Clause(name, lead, floor, figure.end + at_rate.end() + len(name), region)
            )
        bare = stripped(region)
        tail = _DONE_TO_ALL.match(rest) if figure.unit == "%" and bare else None
        if tail:
            return self._add(
                figure, _Clause(bare + tail.group(), lead, floor, figure.end + tail.end(), region)
            )
        if not ENDS.match(rest):
            verb = _VERB.search(region) or (_SHORT_VERB.fullmatch(bare) if figure.is_count else None)
            if no_targets.sizes_a_name(self.flat, found, index):
                return self._skip(figure, "threshold")
            if not bare or verb:
                clause = self._preposed(found, index, lead, floor, region, verb)
                if clause:
                    return self._add(figure, clause)
            elif not (lead.growth or lead.level or (lead.comparator and figure.unit == "%")):
                return self._skip(figure, "threshold")
        bare = _RESOLVE_END.sub("", bare)
        nameless = not stripped(clauses.unbased(region)[0]) or (last and _OWN.fullmatch(bare))
        name = self._subject(floor) if nameless else bare
        if last:
            name = clauses.completed(name, last.name, self.flat[last.end : figure.start])
        if not re.search(r"[\u4e00-\u9fffA-Za-z]", name):
            return self._skip(figure, "unclear")
        return self._add(figure, _Clause(name, lead, floor, figure.end, region))

    def _no_quantity(self, figure: Figure, lead: Lead, region: str) -> NonTargetReason | None:
        """Why a figure is nothing to be reached, whatever its name; None where it may be."""
        place = Place(self.flat, figure, lead, region)
        return no_targets.reason(place, past=self.years.past, paid=self._paid)

    def _bare(self, figure: Figure, rest: str) -> bool:
        """A number without a known unit that nothing leads to: of a name (12345热线), or told as unclear."""
        if not figure.unit or figure.unit.isascii():
            # “3+1+1”, 5G
            return False
        name = (
            len(re.sub(r"\D", "", figure.printed)) >= 4
            or self.flat[figure.start - 1 : figure.start] in "“‘《-—+"
        )
        return self._skip(figure, "name" if name else "unclear")

    def _claimed(self) -> tuple[int, int, Level] | None:
        """Which stretch of the sentence tells what another level asks, and which level."""
        match = _CITED.search(self.flat)
        if match is None or not re.search(
            "提出|明确|要求|规定|确定|部署|按照|根据|对照|落实|对标|依据", match.group()
        ):
            return None
        closing = re.search(r"的(?:要求|目标|部署|任务)", self.flat[match.end() :])
        own = _OWN.search(self.flat, match.end())
        end = match.end() + closing.end() if closing else own.start() if own else len(self.flat)
        level: Level = "national" if match["national"] else "province" if match["province"] else "city"
        return match.end(), end, level

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
        name = self._with_shared_tail(found, index, re.sub("^(?:规模)?的", "", after)).lstrip("的")
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
        if not before:
            return self.years.subject
        clause = before[clauses.clause_start(before, len(before)) :]
        return re.sub(rf"{ADVERB}*{DONE}$", "", stripped(clause))

    def _spread(self, run: list[Figure]) -> None:
        """甲、乙分别超过85%、67%: names to values, or years to values."""
        word = self.flat.rindex("分别", 0, run[0].start)
        floor = clauses.clause_start(self.flat, word)
        if self._last and self._last.end > floor:
            floor = self._last.end
        lead = figures.lead(self.flat, run[0].start, word + 2, ratio=run[0].is_ratio)
        # 2025年、2026年分别新增床位300张、400张: the name may stand behind 分别 too.
        thing = self.flat[word + 2 : lead.start]
        before = figures.lead(self.flat, word, floor)
        lead = Lead(
            before.start,
            lead.comparator or before.comparator,
            lead.growth or before.growth,
            lead.falling or before.falling,
            lead.level,
        )
        region = self.flat[floor : lead.start]
        whole = stripped(clauses.unbased(region)[0]) or ("" if thing else self._subject(floor))
        years = self.years.years
        names = clauses.with_shared_modifier([name + thing for name in clauses.listed(whole, len(run))])
        whole += thing
        if len(years) == len(run) and "、" not in whole:
            # 2024年、2027年新增和改造充电桩分别达到…: where as many years stand as figures, 和 is part of the name.
            names = [whole]
        # 分别达到3家和6家以上: what closes the list is said of every member.
        closing = run[-1].after if all(figure.after is None for figure in run[:-1]) else None
        for number, figure in enumerate(run):
            reason = self._no_quantity(figure, lead, region)
            if reason:
                self._skip(figure, reason)
                continue
            name = names[number] if len(names) == len(run) else whole
            by_year = len(names) != len(run) and len(years) == len(run)
            clause = _Clause(name, lead, floor, run[-1].end, region)
            self._add(
                replace(figure, after=figure.after or closing), clause, years[number] if by_year else None
            )

    def _skip(self, figure: Figure, reason: NonTargetReason) -> bool:
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
        listed = year is not None and not self.years.until
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
        if clause.stance == "post":
            name, fields = _without_fields(name)
            scope = fields or scope
        if lead.falling and growth:
            # The figure of a fall is kept as printed; the name must say that it falls.
            name += "下降"
        clause_start = clauses.clause_start(source, figure.start)
        strengths = [
            word.group()
            for word in _STRENGTH.finditer(source[: figure.start])
            # Words at the head of a clause go on to the next ones; 达到8000亿元、力争1万亿元 does not.
            if word.start() >= clause_start
            or source[word.start() - 1 : word.start()] in {"", "，", ",", "："}
        ]
        target = Target(
            path=self.path,
            indicator=name,
            value=value,
            value_max=figure.value_max,
            value_text=figure.printed,
            unit=figure.unit or None,
            comparator=clauses.comparator(figure, lead),
            measure="growth_rate" if growth else self._measure(figure, clause, name, year, listed=listed),
            baseline_year=base if growth else None,
            target_year=year,
            scope=scope,
            strength=strengths[-1] if strengths else None,
            quote=source[start : clause.end],
            span=self.sentence.span(start, clause.end),
        )
        if self._claim and self._claim[0] <= figure.start < self._claim[1]:
            self.cited.append(CitedTarget(**target.model_dump(), claimed_level=self._claim[2]))
        else:
            self.targets.append(target)
        self._last = _Read(max(figure.end, clause.floor), clause.stance, name)
        return True

    def _in_first_year(self, year: int) -> bool:
        return not self.years.until and year == self.first_year

    def _measure(
        self, figure: Figure, clause: _Clause, name: str, year: int | None, *, listed: bool
    ) -> Measure:
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
        if listed or re.search("全年|当年|年内|年度", before) or _FLOW.search(name):
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
        if self.depth >= _DEPTH:
            for figure in self.figures:
                if start <= figure.start < end and figure.unit:
                    self._skip(figure, "unclear")
            return
        reader = SentenceReader(
            inner,
            self.path,
            replace(self.years),
            goals=False,
            first_year=self.first_year,
            depth=self.depth + 1,
        ).read()
        for part in reader.targets:
            if whole and part.indicator not in whole.indicator:
                part.indicator = f"{whole.indicator}（{part.indicator}）"
        self.targets += reader.targets
        self.cited += reader.cited
        self.non_targets += reader.non_targets

    def _goals_in_words(self, taken: list[Figure]) -> None:
        """基本达到节能水平, 大幅提升: counts in a section of goals, or where the sentence names its year before it."""
        named = [mark.start for mark in self.marks if mark.until and not mark.past]
        if not self.years.years or self.years.past or not (self.goals or named):
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
        # 工业、农业等领域设备投资规模稳步增长: the fields are the scope and no part of the name, as before a figure.
        # 重点行业…能效基本达到…: names none; what stays in the name is no scope beside it.
        whole = match["name"].replace("\x01", "")
        name, scope = _without_fields(whole)
        self.targets.append(
            Target(
                path=self.path,
                indicator=name,
                comparator="qualitative",
                measure="qualitative",
                target_year=self.years.years[-1],
                scope=scope if name != whole else None,
                value_text=match["pred"],
                quote=self.sentence.text[begin:stop],
                span=self.sentence.span(begin, stop),
            )
        )
