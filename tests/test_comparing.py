"""Intervals, deadlines, claims and reasons: what comes of holding one statement against another."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import cascade, intervals
from graph.cascade import Lineage, Place
from graph.comparing import Comparison, compare, judge
from graph.linking import link
from graph.record import (
    Adjustment,
    CitedTarget,
    Comparator,
    Jurisdiction,
    Level,
    Measure,
    PlanHead,
    PlanRecord,
    Review,
    Table,
    Target,
)

RATE, CARS, LIFTS, BUSES = "关键工序数控化率", "报废汽车回收量", "更新和加装电梯", "新能源公交车占比"
YICHANG, WUJIAGANG, XILING, HUBEI, NATION = "420500", "420503", "420502", "420000", "100000"


def target(
    indicator: str,
    value: float | None = None,
    year: int | None = 2027,
    comparator: Comparator = ">=",
    measure: Measure = "share",
    unit: str = "%",
    **more: object,
) -> Target:
    words = value is None
    return Target.model_validate(
        {
            "path": "一",
            "indicator": indicator,
            "value": None if value is None else str(value),
            "unit": None if words else unit,
            "comparator": "qualitative" if words else comparator,
            "measure": "qualitative" if words else measure,
            "baseline_year": 2023 if measure == "growth_rate" and not words else None,
            "target_year": year,
            "quote": f"{indicator}{value or '提升'}",
            **more,
        }
    )


def count(
    indicator: str, value: float, year: int | None = 2027, measure: Measure = "count_cumulative"
) -> Target:
    return target(indicator, value, year, "=", measure, "台")


def claim(of: Target, level: Level, name: str) -> CitedTarget:
    return CitedTarget.model_validate(
        {**of.model_dump(), "claimed_level": level, "claimed_jurisdiction": name}
    )


def place(
    code: str,
    *targets: Target,
    claims: tuple[CitedTarget, ...] = (),
    adjustments: tuple[Adjustment, ...] = (),
    tables: tuple[Table, ...] = (),
    text: bool = True,
    slug: str | None = None,
) -> Place:
    head = PlanHead(
        title=f"{code}推动大规模设备更新实施方案", jurisdiction=Jurisdiction(name=code, code=code)
    )
    record = PlanRecord(
        slug=slug or code,
        text_hash="0" * 64 if text else None,
        plan=head,
        targets=list(targets),
        cited_targets=list(claims),
        adjustments=list(adjustments),
        tables=list(tables),
    )
    return Place(slug or code, code, "liangxin", link(record))


def against(lower: Target, upper: Target) -> Comparison:
    return compare(place(WUJIAGANG, lower), [place(HUBEI, upper)])[0]


def derived(*places: Place) -> list[Comparison]:
    lineage = Lineage()
    for one in places:
        lineage.add(one)
    return cascade.comparisons(places, lineage)


def of(found: list[Comparison], outcome: str) -> list[Comparison]:
    return [one for one in found if one.outcome == outcome]


# -- intervals ---------------------------------------------------------------------------------------------------

figures = st.decimals(min_value=1, max_value=10**6, places=2)
comparators = st.sampled_from([">=", ">", "=", "~", "<", "<="])


@st.composite
def statements(draw: st.DrawFn) -> Target:
    value = draw(figures)
    top = draw(st.none() | figures)
    fields = {"path": "一", "indicator": "某指标", "quote": "某指标", "unit": "%", "measure": "share"}
    ends = sorted({value, top}) if top is not None else [value]
    return Target.model_validate(
        {
            **fields,
            "comparator": draw(comparators),
            "value": ends[0],
            "value_max": ends[1] if len(ends) > 1 else None,
        }
    )


directions = st.sampled_from(["higher", "lower"])
MIRROR = {"less": "more", "more": "less", "same": "same", "opposed": "opposed"}


@given(statements(), statements(), directions)
def test_turning_the_two_round_turns_the_result_round(
    one: Target, other: Target, direction: intervals.Direction
) -> None:
    result = intervals.compare(one, other, direction)
    assert result is not None
    assert intervals.compare(other, one, direction) == MIRROR[result]


@given(statements(), statements())
def test_judging_turns_round_too(one: Target, other: Target) -> None:
    turned = {"raised": "lowered", "lowered": "raised"}
    outcome = judge(one, other)[0]
    assert judge(other, one)[0] == turned.get(outcome, outcome)


@given(statements(), directions)
def test_a_statement_asks_as_much_as_itself(one: Target, direction: intervals.Direction) -> None:
    assert intervals.compare(one, one, direction) == "same"


@given(statements(), statements(), directions, st.decimals(min_value="0.01", max_value=1000, places=2))
def test_the_scale_does_not_matter(
    one: Target, other: Target, direction: intervals.Direction, factor: Decimal
) -> None:
    def scaled(target: Target) -> Target:
        assert target.value is not None
        top = None if target.value_max is None else target.value_max * factor
        return target.model_copy(update={"value": target.value * factor, "value_max": top})

    assert intervals.compare(scaled(one), scaled(other), direction) == intervals.compare(
        one, other, direction
    )


@given(statements(), statements(), directions)
def test_where_less_is_better_all_is_mirrored(
    one: Target, other: Target, direction: intervals.Direction
) -> None:
    """Below zero, with floors for caps: 至少下降 for 至少上升."""
    turned = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}

    def mirrored(target: Target) -> Target:
        assert target.value is not None
        ends = [-end for end in (target.value_max, target.value) if end is not None]
        comparator = turned.get(target.comparator, target.comparator)
        return target.model_copy(
            update={
                "value": ends[0],
                "value_max": ends[1] if len(ends) > 1 else None,
                "comparator": comparator,
            }
        )

    back: intervals.Direction = "lower" if direction == "higher" else "higher"
    assert intervals.compare(mirrored(one), mirrored(other), back) == intervals.compare(one, other, direction)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ((">=", 90), (">", 90), "lowered"),  # 90 itself is admitted below and forbidden above
        ((">", 90), (">=", 90), "raised"),
        (("=", 90), (">", 90), "equal"),  # a plain figure is the mark to reach, however it is read
        (("=", 45), (">=", 45), "equal"),
        (("~", 100), ("=", 100), "equal"),
        ((">", 90), (">", 90), "equal"),
        ((">=", "89.99"), (">=", 90), "lowered"),
        ((">=", "90.01"), (">=", 90), "raised"),
        (("<=", 90), (">=", 90), "not_comparable"),  # at most 90 promises nothing to at least 90
    ],
)
def test_bounds_of_one_figure(
    lower: tuple[Comparator, float], upper: tuple[Comparator, float], expected: str
) -> None:
    found = against(target(RATE, lower[1], comparator=lower[0]), target(RATE, upper[1], comparator=upper[0]))
    assert found.outcome == expected
    assert (found.because == "opposed") == (expected == "not_comparable")


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [((10, 15), (12, 15), "lowered"), ((10, 15), (10, 20), "equal"), ((12, 15), (10, 20), "raised")],
)
def test_ranges_are_as_weak_as_their_worse_end(
    lower: tuple[int, int], upper: tuple[int, int], expected: str
) -> None:
    pair = [target(RATE, low, comparator="=", value_max=high) for low, high in (lower, upper)]
    assert against(*pair).outcome == expected


def test_where_less_is_better_less_asks_more() -> None:
    """Told by the wording where no vocabulary knows the indicator: 不超过."""
    outcome = against(
        target("单位产品能耗", 30, comparator="<="), target("单位产品能耗", 35, comparator="<=")
    ).outcome
    assert outcome == "raised"
    weaker = against(target("单位产品能耗", 40, comparator="<"), target("单位产品能耗", 35, comparator="<="))
    assert weaker.outcome == "lowered"
    # 微克/立方米 of a district is no part of that of its province.
    dust = [target("细颗粒物浓度", v, 2025, "<=", "amount", "微克/立方米") for v in (38, 35)]
    assert against(*dust).outcome == "lowered"


# -- deadlines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lower", "upper", "outcome", "year", "because"),
    [
        ((75, 2028), (75, 2027), "lowered", 2028, None),
        ((70, 2028), (75, 2027), "lowered", 2028, None),
        ((80, 2028), (75, 2027), "not_comparable", 2028, "deadline"),  # where it stands in 2027 nobody says
        ((75, 2026), (75, 2027), "raised", 2026, None),
        ((80, 2026), (75, 2027), "raised", 2026, None),
        ((60, 2026), (75, 2027), "omitted", None, None),  # a step on the way
        ((75, None), (75, 2027), "not_comparable", None, "deadline"),
        ((75, 2027), (75, None), "equal", None, None),
    ],
)
def test_deadlines(
    lower: tuple[int, int | None],
    upper: tuple[int, int | None],
    outcome: str,
    year: int | None,
    because: str | None,
) -> None:
    found = against(target(RATE, *lower), target(RATE, *upper))
    assert (found.outcome, found.lower_year, found.because) == (outcome, year, because)


def test_a_later_mark_that_the_upper_level_has_too_is_no_delay() -> None:
    upper = place(HUBEI, target(RATE, 60, 2024), target(RATE, 75, 2027))
    found = compare(place(WUJIAGANG, target(RATE, 75, 2027)), [upper])
    assert [one.outcome for one in found] == ["omitted", "equal"]


def test_words_without_a_year_answer_words() -> None:
    assert against(target(RATE, None, None), target(RATE)).outcome == "equal"
    assert against(target(RATE, None, None), target(RATE, 75)).outcome == "softened"


# -- counts ------------------------------------------------------------------------------------------------------


def test_a_part_is_no_less_than_its_whole_and_never_more() -> None:
    small, large = (
        against(count(LIFTS, 100), count(LIFTS, 1000)),
        against(count(LIFTS, 1200), count(LIFTS, 1000)),
    )
    assert (small.outcome, small.because, small.ratio) == ("not_comparable", "part-of-whole", Decimal("0.1"))
    assert (large.outcome, large.ratio) == ("exceeds_parent", Decimal("1.2"))
    assert against(count(LIFTS, 1000), count(LIFTS, 1000)).outcome == "not_comparable"


def test_of_an_indicator_that_nobody_says_adds_up_nothing_is_said() -> None:
    assert against(count("某种装置", 1200), count("某种装置", 1000)).outcome == "not_comparable"


@pytest.mark.parametrize(
    ("lower", "upper", "because"),
    [
        ("count_annual", "count_cumulative", "measure"),
        ("count_in_year", "count_cumulative", "measure"),
        ("count_in_year", "count_annual", "part-of-whole"),  # one year either way
    ],
)
def test_annual_in_year_and_cumulative_counts(lower: Measure, upper: Measure, because: str) -> None:
    found = against(count(LIFTS, 100, measure=lower), count(LIFTS, 1000, measure=upper))
    assert (found.outcome, found.because) == ("not_comparable", because)


def test_known_places_that_add_up_to_more() -> None:
    city = place(YICHANG, count(LIFTS, 100))
    found = derived(city, place(WUJIAGANG, count(LIFTS, 60)), place(XILING, count(LIFTS, 50)))
    [total] = of(found, "sum_exceeds")
    assert (total.upper_plan, total.total, total.known, total.ratio) == (
        YICHANG,
        Decimal(110),
        2,
        Decimal("1.1"),
    )
    assert total.places is not None
    assert total.places > 10
    assert not of(
        derived(city, place(WUJIAGANG, count(LIFTS, 60)), place(XILING, count(LIFTS, 40))), "sum_exceeds"
    )
    # one alone above the whole is a finding of its own
    alone = derived(city, place(WUJIAGANG, count(LIFTS, 160)), place(XILING, count(LIFTS, 40)))
    assert not of(alone, "sum_exceeds")
    assert len(of(alone, "exceeds_parent")) == 1
    # shares do not add up
    rates = derived(
        place(YICHANG, target(RATE, 50)), place(WUJIAGANG, target(RATE, 60)), place(XILING, target(RATE, 70))
    )
    assert not of(rates, "sum_exceeds")


def test_a_draft_and_its_issued_plan_count_once() -> None:
    city, plan = place(YICHANG, count(LIFTS, 100)), place(WUJIAGANG, count(LIFTS, 60))
    draft = place(WUJIAGANG, count(LIFTS, 60), slug="draft")
    assert draft.record is not None
    draft.record.plan.status = "draft"
    assert not of(derived(city, plan, draft), "sum_exceeds")


def _row(own: Target, city: Target, remark: str) -> Place:
    own.path = city.path = "附件2/1"
    own.origin = city.origin = "table"
    table = Table(
        path="附件2",
        title="指标清单",
        columns=["序号", "指标名称", "市2027", "区2027", "备注"],
        rows=[{"序号": "1", "指标名称": LIFTS, "市2027": "…", "区2027": "…", "备注": remark}],
    )
    return place(WUJIAGANG, own, claims=(claim(city, "city", "宜昌市"),), tables=(table,))


@pytest.mark.parametrize(
    ("own", "city", "remark", "fits"),
    [
        (100, 600, "占全市16.67%", True),
        (100, 600, "占全市16.66%", False),
        (100, 600, "占全市16.7%", True),
        (100, 600, "占全市17%", True),
        (100, 600, "占全市约16%", True),
        (100, 600, "占全市16%", False),
        (100, 600, "占全市15%以上", True),
        (100, 600, "占全市20%以上", False),
        (20000, 390000, "占全市5.13%", True),
        (20000, 390000, "占全市的比重达到5.31%", False),
        (100, 600, "占全省16%", True),  # of the province nothing is known here
        (100, 600, "与市保持一致", True),
    ],
)
def test_printed_shares_against_the_arithmetic(own: float, city: float, remark: str, fits: bool) -> None:
    found = of(
        derived(
            Place("city", YICHANG, "liangxin", None), _row(count(LIFTS, own), count(LIFTS, city), remark)
        ),
        "share_mismatch",
    )
    assert (not found) == fits
    if found:
        assert (found[0].lower_plan, found[0].upper_plan) == (WUJIAGANG, "city")
        assert (found[0].stated_text or "?") in remark


# -- claims ------------------------------------------------------------------------------------------------------


def test_a_level_without_a_text_is_compared_through_what_plans_below_it_say() -> None:
    told = place(XILING, claims=(claim(target(BUSES, 85), "province", "湖北省"),), slug="witness")
    stub = Place("hubei", HUBEI, "liangxin", None)
    [found] = of(derived(stub, told, place(WUJIAGANG, target(BUSES, 80))), "lowered")
    assert found.upper is not None
    assert found.upper.is_claim
    assert (found.upper_plan, found.upper.document) == ("hubei", "witness")
    # the level's own text needs no witness
    own = derived(place(HUBEI, target(BUSES, 80), slug="hubei"), told, place(WUJIAGANG, target(BUSES, 80)))
    assert not of(own, "lowered")


def test_claims_that_contradict_one_another_settle_nothing() -> None:
    stub = Place("hubei", HUBEI, "liangxin", None)
    first = place(XILING, claims=(claim(target(BUSES, 85), "province", "湖北省"),), slug="first")
    second = place("420504", claims=(claim(target(BUSES, 75), "province", "湖北省"),), slug="second")
    mine = place(WUJIAGANG, target(BUSES, 80))
    found = derived(stub, first, second, mine)
    assert not of(found, "lowered")
    assert not of(found, "raised")
    assert [one.because for one in of(found, "not_comparable")] == ["claims-differ"]
    [misquoted] = of(found, "misquoted")
    assert misquoted.claim is not None
    assert (misquoted.lower_plan, misquoted.claim.target.value) == ("second", Decimal(75))
    # a plan that makes a claim itself is held to that one
    own = place(WUJIAGANG, target(BUSES, 80), claims=(claim(target(BUSES, 85), "province", "湖北省"),))
    assert len(of(derived(stub, second, own), "lowered")) == 1


def test_a_claim_that_differs_from_the_text_is_misquoted_and_only_its_figure_counts() -> None:
    for value, expected in ((25, []), (20, [Decimal(20)])):
        plan = place(WUJIAGANG, claims=(claim(target(RATE, value, comparator="="), "national", "全国"),))
        found = of(derived(place(NATION, target(RATE, 25, comparator=">")), plan), "misquoted")
        assert [one.claim.target.value for one in found if one.claim] == expected


# -- absence, repetition, doubt ------------------------------------------------------------------------------------


def test_what_the_text_explains_is_explained() -> None:
    dropped = Adjustment(
        kind="deleted", indicator=CARS, value=Decimal(40), unit="%", reason="我区无资质企业", quote="…"
    )
    growth = target(CARS, 40, 2024, "=", "growth_rate")
    found = compare(
        place(WUJIAGANG, target(RATE, 75), adjustments=(dropped,)), [place(HUBEI, growth, target(BUSES, 85))]
    )
    assert [(one.outcome, one.explained) for one in found if one.outcome == "omitted"] == [
        ("omitted", 1),
        ("omitted", None),
    ]
    for other in ({"kind": "added"}, {"target_year": 2027}):
        changed = dropped.model_copy(update=other)
        assert compare(place(WUJIAGANG, adjustments=(changed,)), [place(HUBEI, growth)])[0].explained is None


def test_two_levels_that_say_the_same_are_told_once_against_the_nearer() -> None:
    lower = place(WUJIAGANG, target(RATE, 60), target(BUSES, 90))
    city, province = (
        place(YICHANG, target(RATE, 75), target(BUSES, 80)),
        place(HUBEI, target(RATE, 75), target(BUSES, 85)),
    )
    found = compare(lower, [city, province])
    told = [(one.outcome, one.upper_plan) for one in found if one.repeats is None]
    assert told == [("lowered", YICHANG), ("raised", YICHANG), ("raised", HUBEI)]
    [repeated] = [one for one in found if one.repeats]
    assert (repeated.upper_plan, repeated.repeats and repeated.repeats.upper_plan) == (HUBEI, YICHANG)


def test_a_target_named_in_part_is_in_doubt_until_somebody_looked() -> None:
    loose = target(f"力争全年推动实现累计完成{RATE}", 60)
    upper = place(HUBEI, target(RATE, 75))
    [found] = compare(place(WUJIAGANG, loose), [upper])
    assert (found.outcome, found.unsure) == ("lowered", True)
    seen = loose.model_copy(
        update={"review": Review.model_validate({"status": "confirmed", "by": "王芳", "date": "2026-11-20"})}
    )
    assert not compare(place(WUJIAGANG, seen), [upper])[0].unsure
    assert not compare(place(WUJIAGANG, loose, text=False), [upper])[0].unsure
    assert not compare(place(WUJIAGANG, target(RATE, 60)), [upper])[0].unsure
