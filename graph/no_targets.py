"""Figures that are no targets: what stands around them says that they condition, date, name or pay something."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graph import clauses
from graph.figures import Figure, Lead
from graph.record import NonTargetReason

# What may stand behind a figure that closes its clause.
ENDS = re.compile(r"$|[，,。；;、：:！）)”\x01]|以及|和|及|并|且|或")
# What is paid for it: a rate, a sum for each or a ceiling, in a sentence that speaks of paying.
_PAID = re.compile(
    r"补助|补贴|奖励|奖补|贴息|资助|补偿|扶持|让利|减免|减征|优惠|报销|罚款|立减|抵扣|激励资金|给予.{0,12}支持"
)
_PAID_RATE = re.compile(
    r"每(?!年)|按(?!期)|给予|给|最高|最多|单[个户台件位人项家]|一次性|上限|封顶|以内|补贴$|奖励$|补助$|资助$|贴息$|不超过$|再$"
)
_SIZES = re.compile(r"元$|/|[吨米瓦伏安]$|W$|V$|A$")
# Times and ages that are aims of their own: 人均预期寿命达到79岁, 平均通勤时间不超过45分钟.
_TIMED = re.compile(r"(?:寿命|平均受教育年限|天数|时长|时间|时限|周期|工期)$")
_USED = re.compile(r"使用|运行|服役|车龄|有效期|持续|连续|期限|施行|年限为|保质期|步行|值守|活动")
_ROUTINE = re.compile(
    r"每(?:个?月|季度?|半年|年|周|旬).{0,10}(?:调度|召开|会商|通报|报告|研究|汇报|报送|例会|督查|督导)"
)
# 三项措施, 四张清单: a count in Chinese characters that only gives a name to a list.
_LISTED = re.compile(
    r"清单|行动|机制|体系|领域|方面|工程|任务|措施|举措|环节|方向|目标|阶段|层面|层次|步骤|原则|关系|统筹|转变|抓手|关键|维度|标准|制度|重点|平台载体|专项|结合|坚持|确保"
)
_MAKING = re.compile(
    r"(?:建成|新建|建设|改建|培育|打造|创建|引进|招引|新增|设立|建立|组建|布局|完成|改造|更新|配建|配备|认定|举办|推出|落地|遴选)"
)
# 将建筑面积3000平方米以上、…的公共建筑纳入…: what stands before 的 says which ones are meant.
_OBJECT = re.compile(r"(?:对|将|把|针对|面向)")


@dataclass(frozen=True)
class Place:
    """A figure in its sentence: the words before it that lead to it, and the ``region`` before them."""

    flat: str
    figure: Figure
    lead: Lead
    region: str

    @property
    def rest(self) -> str:
        """What follows the figure."""
        return self.flat[self.figure.end :]

    @property
    def clause(self) -> str:
        """The clause from its beginning."""
        return self.flat[clauses.clause_start(self.flat, self.figure.start) :]


def speaks_of_paying(sentence: str) -> bool:
    """Whether a sentence is about subsidies, rewards or fines."""
    return _PAID.search(sentence) is not None


def reason(place: Place, *, past: bool, paid: bool) -> NonTargetReason | None:
    """Why a figure is nothing to be reached, whatever its name; None where it may be.

    ``past`` where facts are told, ``paid`` in a sentence that speaks of paying.
    """
    figure, region = place.figure, place.region
    if figure.kind in {"date", "ordinal", "document"}:
        return figure.kind
    if figure.unit == "级":
        return "standard"
    if paid and _is_paid(place):
        return "incentive"
    timed = figure.is_duration or figure.is_age
    if timed and not re.search("压缩|缩短|控制", region + place.flat[place.lead.start : figure.start]):
        aim = _TIMED.search(region) and ENDS.match(place.rest) and not _USED.search(region)
        if not aim:
            return "age" if figure.is_age else "duration"
    if past:
        return "history"
    if figure.unit == "次" and _ROUTINE.search(place.flat[: figure.start]):
        return "frequency"
    # 达到10亩以上的，再奖励…; 将…3000平方米以上、…的公共建筑纳入: who or what is meant.
    if re.match("的[，,]", place.rest):
        return "threshold"
    meant = r"[^，。；\d]*的|[、和及或][^，。；]*的"
    if figure.after and _OBJECT.match(place.clause) and re.match(meant, place.rest):
        return "threshold"
    return "name" if figure.kind == "han" and not _counts(place) else None


def _is_paid(place: Place) -> bool:
    """每辆补贴2万元, 按15%给予补助, 最高不超过200万元: a rate or a ceiling of money, not a sum to be spent in all."""
    if not (place.figure.unit.endswith("元") or place.figure.unit == "%"):
        return False
    before = place.clause[: len(place.clause) - len(place.flat) + place.figure.start]
    if re.search("总额|总量|总规模|资金规模", before):
        return False
    if _PAID_RATE.search(before):
        return True
    return re.match(r"[^，。；]{0,8}(?:补助|补贴|奖励|资助|贴息)", place.rest) is not None


def _counts(place: Place) -> bool:
    """Whether a number in Chinese characters counts what is to be made: 建成十个示范园区, but not 三项措施."""
    if place.figure.unit == "个百分点" or place.figure.value_max:
        return True
    bound = place.lead.comparator is not None
    if ENDS.match(place.rest):
        # 建成特色街区三个
        return (bound or _MAKING.search(place.region) is not None) and not _LISTED.search(place.region)
    made = re.search(rf"{_MAKING.pattern}$", place.region)
    return (bound or made is not None) and not _LISTED.search(clauses.until_stop(place.rest))


def sizes_a_name(flat: str, found: list[Figure], index: int) -> bool:
    """引进5亿元以上项目20个, 淘汰35蒸吨/小时及以下锅炉60台: a size with a bound, and the count comes after it."""
    figure = found[index]
    if re.match("级(?!别)|档", flat[figure.end :]):
        return True
    if not _SIZES.search(figure.unit) or (figure.after is None and figure.unit not in {"千伏", "kV"}):
        return False
    rest = flat[figure.end : found[index + 1].start] if index + 1 < len(found) else ""
    return bool(rest) and not re.search("[，,、；：]", rest)
