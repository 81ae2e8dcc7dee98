"""Comparing levels: two statements, two plans, a line of plans."""

from __future__ import annotations

from decimal import Decimal

import pytest

from graph.cascade import Lineage, Place
from graph.comparing import Comparison, compare, judge
from graph.linking import link
from graph.record import Comparator, Jurisdiction, Measure, PlanHead, PlanRecord, Target


def target(
    indicator: str,
    value: float | None = None,
    year: int | None = 2027,
    *,
    comparator: Comparator = ">=",
    measure: Measure = "growth_rate",
    unit: str = "%",
    base: int | None = 2023,
    scope: str | None = None,
) -> Target:
    words = value is None
    return Target(
        path="一",
        indicator=indicator,
        value=None if value is None else Decimal(str(value)),
        unit=None if words else unit,
        comparator="qualitative" if words else comparator,
        measure="qualitative" if words else measure,
        baseline_year=base if measure == "growth_rate" and not words else None,
        target_year=year,
        scope=scope,
        quote=f"{indicator}目标",
    )


def place(code: str, *targets: Target, text: bool = True) -> Place:
    title = f"{code}推动大规模设备更新和消费品以旧换新实施方案"
    head = PlanHead(title=title, jurisdiction=Jurisdiction(name=code, code=code))
    record = PlanRecord(slug=code, text_hash="0" * 64 if text else None, plan=head, targets=list(targets))
    link(record)
    return Place(code, code, "liangxin", record)


def outcomes(lower: list[Target], upper: list[Target]) -> list[tuple[str, Decimal | None, str | None]]:
    found = compare(place("420115", *lower), [place("420000", *upper)])
    return [(one.outcome, one.ratio, one.because) for one in found]


CARS, PHONES = "报废汽车回收量", "数字化研发设计工具普及率"


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (target(CARS, 45), target(CARS, 45, comparator="="), ("equal", Decimal(1), None)),
        (target(CARS, 30), target(CARS, 40), ("lowered", Decimal("0.75"), None)),
        (target("设备投资规模", 40), target("设备投资规模", 25), ("raised", Decimal("1.6"), None)),
        (target(CARS), target(CARS, 40), ("softened", None, None)),
        (target(CARS, 40), target(CARS), ("hardened", None, None)),
        (target(CARS), target(CARS), ("equal", None, None)),
        (target(CARS, 30, base=2022), target(CARS, 40), ("not_comparable", None, "baseline")),
        (
            target("国家级绿色工厂", 6, measure="count_cumulative", unit="家"),
            target("国家级绿色工厂", 90, measure="count_cumulative", unit="个"),
            ("not_comparable", Decimal("0.0667"), "part-of-whole"),
        ),
        (
            target("二手汽车交易量", 5000, measure="count_in_year", unit="辆"),
            target("二手车交易量", 45),
            ("not_comparable", None, "measure"),
        ),
    ],
)
def test_one_against_one(
    lower: Target, upper: Target, expected: tuple[str, Decimal | None, str | None]
) -> None:
    assert outcomes([lower], [upper])[0] == expected


def test_a_step_on_the_way_is_no_answer_and_what_no_level_asks_is_own() -> None:
    assert [o for o, _, _ in outcomes([target(CARS, 20, 2024)], [target(CARS, 40, 2027)])] == ["omitted"]
    assert [
        o
        for o, _, _ in outcomes(
            [target("新增主题公园", 1, measure="count_cumulative", unit="家")], [target(CARS, 40)]
        )
    ] == [
        "omitted",
        "own",
    ]


def test_a_record_of_what_was_seen_omits_nothing() -> None:
    """A blank in a record made by hand is "not seen": neither an omission nor a narrower scope follows from it."""
    lower = place("420100", target("设备投资规模", 40, scope="工业、建筑等领域"), text=False)
    upper = place("420000", target(CARS, 40), target("设备投资规模", 25, scope="工业、建筑、农业等领域"))
    assert [one.outcome for one in compare(lower, [upper])] == ["raised"]


def test_scopes_contained_split_and_crossing() -> None:
    upper = [target("设备投资规模", 25, scope="工业、农业、建筑、交通等领域")]
    split = [
        target("设备投资规模", 50, scope="工业领域"),
        target("设备投资规模", 25, scope="建筑、交通等领域"),
    ]
    found = compare(place("420115", *split), [place("420000", *upper)])
    assert [(one.outcome, one.ratio, one.lost) for one in found] == [
        ("raised", Decimal(2), ()),
        ("equal", Decimal(1), ()),
        ("narrowed", None, ("agriculture",)),
    ]
    wider = outcomes([target("设备投资规模", 25, scope="工业、农业、建筑、交通、水利等领域")], upper)
    assert [o for o, _, _ in wider] == ["equal", "widened"]
    crossing = outcomes([target("设备投资规模", 25, scope="工业、水利等领域")], upper)
    assert crossing[0] == ("not_comparable", None, "scope")


@pytest.mark.parametrize("value", ["12.23", "84.5", "0.1"])
def test_ratios_are_exact_decimals(value: str) -> None:
    outcome, ratio = judge(target(PHONES, 0.3, measure="share"), target(PHONES, 0.1, measure="share"))
    assert (outcome, ratio) == ("raised", Decimal(3))
    same = target(PHONES, float(value), measure="share")
    assert judge(same, same) == ("equal", Decimal(1))


def test_a_line_climbs_by_divisions_and_skips_levels_without_a_plan() -> None:
    lineage = Lineage()
    county, province, nation = place("420115"), place("420000"), place("100000")
    other = place("360000")
    for one in (nation, county, province, other):
        lineage.add(one)
    assert lineage.ancestors(county) == [province, nation]
    lineage.add(Place("420100-stub", "420100", "liangxin", None))
    assert [one.slug for one in lineage.ancestors(county)] == ["420100-stub", "420000", "100000"]


def test_the_issued_plan_stands_for_a_place_before_its_draft() -> None:
    lineage = Lineage()
    issued, draft = place("420000"), place("420000")
    assert draft.record is not None
    draft.record.plan.status = "draft"
    lineage.add(draft)
    lineage.add(issued)
    assert lineage.ancestors(place("420115")) == [issued]


def test_own_needs_something_to_be_compared_with() -> None:
    """Where no level above is known, nothing can be said to be the plan's own."""
    found: list[Comparison] = compare(place("420115", target(CARS, 40)), [])
    assert found == []
