"""Places: the schematic of the provinces and the pages behind its squares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from lxml import html

from api.reading import places
from graph.divisions import divisions


def test_the_schematic_has_every_province_once_and_each_in_a_square_of_its_own() -> None:
    squares = places.Counts([], "").squares()
    provinces = {one.code: one.name for one in divisions().values() if one.level == "province"}
    assert len(squares) == 34
    assert {one.code for one in squares} == set(provinces)
    assert len({(one.row, one.column) for one in squares}) == len({one.short for one in squares}) == 34
    assert all(provinces[one.code].startswith(one.names["zh"]) for one in squares)
    assert {"710000", "810000", "820000"} <= set(provinces)  # 台湾, 香港, 澳门
    # North is above south, west is left of east, of those next to each other
    at = {one.names["zh"]: one for one in squares}
    for pair in ("黑龙江 吉林", "湖北 湖南", "浙江 福建", "广东 香港", "甘肃 青海", "北京 河北"):
        north, south = pair.split()
        assert at[north].row < at[south].row, pair
    for pair in ("新疆 甘肃", "四川 重庆", "江苏 上海", "福建 台湾", "澳门 香港", "山西 北京"):
        west, east = pair.split()
        assert at[west].column < at[east].column, pair


@pytest.fixture(scope="module")
def client(served: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served, timeout=60) as one:
        yield one


def test_a_reader_sees_where_documents_are_held_and_a_square_leads_to_them(client: httpx.Client) -> None:
    start: Any = html.fromstring(client.get("/", headers={"Accept": "text/html"}).text)
    squares = start.xpath("//figure[contains(@class, 'china')]//li")
    assert len(squares) == 35  # and the whole country
    held = {one.xpath("string(.//span[@class='name'])"): one for one in squares}
    listed = client.get("/plans").json()
    for name, code in (("湖北", "42"), ("天津", "12"), ("内蒙古", "15"), ("台湾", "71")):
        count = sum(one["code"].startswith(code) and one["origin"] != "仅被引用" for one in listed)
        assert held[name].xpath("string(.//b)") == str(count), name
        assert (" s0" in held[name].get("class")) == (count == 0)
    assert "示意" in start.xpath("string(//figure[contains(@class, 'china')]/figcaption)")
    place = client.get(held["湖北"].xpath("string(.//a/@href)")).json()
    assert place["name"] == "湖北省"
    assert place["line"][0]["code"] == "100000"
    assert [one["title"] for one in place["plans"]] == ["湖北省推动大规模设备更新和消费品以旧换新实施方案"]
    below = {one["name"]: (one["held"], one["cited"]) for one in place["below"]}
    assert below["武汉市"] == (2, 0)
    assert below["宜昌市"] == (1, 1)
    assert sum(held for held, _ in below.values()) + 1 == place["held"]


def test_the_shades_are_told_as_they_are() -> None:
    assert [places.shade(one) for one in (0, 1, 2, 3, 9, 10, 30, 100, 5000)] == [0, 1, 1, 2, 2, 3, 4, 5, 5]
    assert places.steps([0, 2, 0, 40]) == [(0, "0"), (1, "1–2"), (4, "30–99")]


@pytest.mark.parametrize("code", ["000000", "nonsense", "42", "４２００００"])
def test_a_place_that_there_is_not_is_told(client: httpx.Client, code: str) -> None:
    answer = client.get(f"/places/{code}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert code in answer.json()["detail"]


def test_what_does_not_fit_is_told_in_the_language_of_the_page(client: httpx.Client) -> None:
    for query, zh, en in (
        ("limit=0", "参数“limit”不合适：不能小于 1。", "greater than or equal to 1"),
        ("offset=x", "参数“offset”不合适：应为整数。", "valid integer"),
    ):
        assert client.get(f"/search?q=a&{query}&lang=zh").json()["detail"] == zh
        assert en in client.get(f"/search?q=a&{query}&lang=en").json()["detail"]
