"""A gold and a record small enough to count by hand."""

from __future__ import annotations

from typing import Any

TITLE = "甲区推动大规模设备更新行动方案"
GOLD: dict[str, Any] = {
    "plan": {"id": "jia", "title": TITLE, "jurisdiction": "甲区", "a note": "not read"},
    "actions": [
        {
            "path": "一/1",
            "title": "更新设备",
            "accept_titles": ["更新工业设备"],
            "lead": ["区发改局", "区工信局"],
            "responsible": ["区财政局", "区商务局"],
            "accept_roles": {"区商务局": ["undifferentiated"]},
            "aliases": {"区发改局": ["区发展和改革局"]},
            "neutral_agencies": ["各街道"],
        },
        {"path": "一/2", "title": "回收家电", "accept_paths": ["一/3"]},
        {"path": "二/1", "title": "资金支持", "lead": ["区财政局"]},
    ],
    "neutral_actions": [{"path": "九", "why": "doubtful"}],
    "indicators": [
        {
            "path": "一/1",
            "name": "设备投资规模",
            "verbatim": "设备投资规模增长25%以上",
            "value": 25,
            "value_max": None,
            "unit": "%",
            "comparator": ">=",
            "kind": "growth_rate",
            "baseline_year": 2023,
            "target_year": 2027,
        },
        {"name": "更新电梯", "verbatim": "更新电梯10台", "value": 10, "unit": "台", "accept_units": ["部"]},
        {"name": "更新客车", "verbatim": "更新客车30辆", "value": 30, "unit": "辆"},
        {"name": "宜改尽改", "verbatim": "基本做到宜改尽改", "comparator": "qualitative", "optional": True},
        {
            "name": "电梯",
            "verbatim": "12台",
            "value": 12,
            "target_year": 2027,
            "unit": "台",
            "in_table": True,
        },
    ],
    "neutral_indicators": [{"verbatim": "占全市的5%"}],
}
RECORD: dict[str, Any] = {
    "slug": "1-jia",
    "plan": {"title": TITLE, "jurisdiction": {"name": "甲区"}},
    "actions": [
        {
            "path": "一/1",
            "title": "更新工业设备",
            "assignments": [
                {"agency": "区发展和改革局", "role": "lead"},  # right by its alias
                {"agency": "区工信局", "role": "responsible"},  # the wrong role: one missed, one too many
                {"agency": "区 财政局", "role": "supporting"},  # right: this gold has no supporting agencies
                {"agency": "区商务局", "role": "undifferentiated"},  # right: the role is accepted
                {"agency": "各街道", "role": "lead"},  # neither right nor wrong
                {"agency": "区教育局", "role": "lead"},  # too many
            ],
        },
        {"path": "一/3", "title": "回收"},  # right path, wrong title
        {"path": "三", "title": "多出来的"},  # too many; 二/1 is missed, its agencies are not counted
        {"path": "九", "title": "可有可无"},  # neutral
    ],
    "targets": [
        {
            "path": "一/1",
            "indicator": "设备投资规模",
            "value": 25,
            "unit": "%",
            "comparator": ">",  # not >=
            "measure": "growth_rate",
            "baseline_year": 2023,
            "target_year": 2027,
            "quote": "到2027年，设备投资规模增长25%以上",
        },
        {
            "path": "一/1",
            "indicator": "更新电梯",
            "value": 10,
            "unit": "部",
            "comparator": "=",
            "measure": "count_cumulative",
            "quote": "更新电梯10台",
        },
        {  # the same words again: too many
            "path": "一/1",
            "indicator": "更新电梯",
            "value": 10,
            "unit": "台",
            "comparator": "=",
            "measure": "count_cumulative",
            "quote": "更新电梯10台",
        },
        {  # neutral
            "path": "一/1",
            "indicator": "占比",
            "value": 5,
            "unit": "%",
            "comparator": "=",
            "measure": "share",
            "quote": "占全市的5%",
        },
        {  # in a table the indicator and the year tell which one it is
            "path": "附件/1",
            "indicator": "电梯",
            "value": 12,
            "unit": "台",
            "comparator": "=",
            "measure": "count_cumulative",
            "target_year": 2027,
            "quote": "12",
            "origin": "table",
        },
    ],
}
