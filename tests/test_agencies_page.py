"""Who leads what, and the plans, part by part: what the parts hold together, and what the counts on the page say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from lxml import html


@pytest.fixture(scope="module")
def client(served: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served, timeout=60) as one:
        yield one


def told(client: httpx.Client, **asked: str | int) -> dict[str, Any]:
    answer = client.get("/agencies", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def page(client: httpx.Client, **asked: str | int) -> Any:
    return html.fromstring(client.get("/agencies", params=asked, headers={"Accept": "text/html"}).text)


def test_the_parts_are_the_whole_each_place_once(client: httpx.Client) -> None:
    whole = told(client)
    assert whole["whole"] and whole["count"] == 6  # noqa: PT018
    parts = [told(client, limit=2, offset=at) for at in (0, 2, 4)]
    assert [one["count"] for one in parts] == [6, 6, 6]
    assert not any(one["whole"] for one in parts)
    assert [part for one in parts for part in one["parts"]] == whole["parts"]
    held = [{part["code"] for part in one["parts"]} for one in parts]
    assert [len(one) for one in held] == [2, 2, 2]
    assert held[0] == {"100000", "150300"}  # from the nation to the counties
    assert told(client, offset=6)["parts"] == []


def test_the_parts_are_what_the_question_about_the_domain_tells(client: httpx.Client) -> None:
    rows = client.get("/questions/lead-agencies", params={"domain": "industry"}).json()["rows"]
    asked = {(row["taskIri"], row["agencyIri"], row["role"]) for row in rows}
    parts = told(client, domain="工业")["parts"]
    assert {(one["task_iri"], one["agency_iri"], one["told"]) for one in parts} == asked
    assert {one["domain"] for one in parts} == {"industry"}


def test_a_function_and_a_place_leave_what_fits(client: httpx.Client) -> None:
    parts = told(client, function="commerce", place="赣县区")["parts"]
    assert {(one["code"], one["agency"]) for one in parts} == {("360704", "区商务局")}
    every = [one for one in told(client, place="360704")["parts"] if "commerce" in one["functions"]]
    assert parts == every
    assert told(client, place="湖北省")["count"] == 0  # its tasks are not held
    refused = client.get("/agencies", params={"place": "火星"})
    assert (refused.status_code, refused.json()["parameter"]) == (422, "place")


def test_the_picture_counts_each_task_of_a_domain_once_for_each_function(client: httpx.Client) -> None:
    rows = client.get("/questions/functions-by-domain").json()["rows"]
    counted = {
        (row["domainIri"].rpartition("/")[2], row["functionIri"].rpartition("/")[2]): row for row in rows
    }
    for domain, function in (("equipment-renewal", "commerce"), ("trade-in", "public-finance")):
        parts = told(client, function=function)["parts"]  # narrower functions count here too
        tasks = {one["task_iri"] for one in parts if one["domain"] == domain}
        led = {one["task_iri"] for one in parts if one["domain"] == domain and one["role"] == "lead"}
        row = counted[domain, function]
        assert (row["tasks"], row["lead"]) == (len(tasks), len(led)), (domain, function)
        places = client.get(
            "/questions/functions-by-place", params={"domain": domain, "function": function}
        ).json()
        assert sum(one["tasks"] for one in places["rows"]) == len(tasks)
    drawn = page(client).xpath("//figure[@class='network']//title")
    assert any(
        one.text == f"消费品以旧换新 – 商务: {counted['trade-in', 'commerce']['tasks']} 项任务"
        for one in drawn
    )


def test_counterparts_are_named_where_they_are_few_and_counted_where_they_are_many(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = "//table[contains(@class, 'across')]//tr[th[contains(., '商务')]]/td"
    few = page(client).xpath(cells)
    counties = next(one for one in few if one.get("data-label") == "县级")
    assert counties.xpath("span[@class='one']")[0].text.strip() == "赣县区 · 区商务局"
    assert len(counties.xpath("span[@class='one']")) == 4
    monkeypatch.setattr("api.reading.agencies.NAMED", 3)
    many = page(client, offset=0).xpath(cells)
    counties = next(one for one in many if one.get("data-label") == "县级")
    assert counties.text_content() == "4 个单位"
    chosen = page(client, offset=0, function="commerce").xpath(cells)
    assert (
        "赣县区 · 区商务局" in chosen[-1].text_content()
    )  # a function that is chosen has its agencies named


def test_plans_come_in_parts_and_by_level(client: httpx.Client) -> None:
    whole = client.get("/plans")
    listed = whole.json()
    assert int(whole.headers["X-Total-Count"]) == len(listed)
    parts = [
        client.get("/plans", params={"limit": 5, "offset": at}).json() for at in range(0, len(listed), 5)
    ]
    assert [one for part in parts for one in part] == listed
    english = client.get("/plans", params={"lang": "en"}).json()
    assert [one["slug"] for one in english] == [one["slug"] for one in listed]
    assert english == client.get("/plans?lang=en&limit=1000").json()
    asked = client.get("/questions/plans", params={"lang": "en"}).json()["rows"]
    assert [(one["level"], one["status"], one["origin"]) for one in english] == [
        (row["level"], row["status"], row["origin"]) for row in asked
    ]
    counties = client.get("/plans", params={"level": "county"})
    assert {one["rank"] for one in counties.json()} == {4}
    found: Any = html.fromstring(
        client.get("/plans", params={"limit": 5, "offset": 5}, headers={"Accept": "text/html"}).text
    )
    assert [one.get("href").rpartition("/")[2] for one in found.xpath("//article//a")] == [
        one["slug"] for one in listed[5:10]
    ]
    assert f"第 6–10 份，共 {len(listed)} 份" in found.text_content()
    counts = Counter(one["level"] for one in listed)
    start: Any = html.fromstring(client.get("/", headers={"Accept": "text/html"}).text)
    for link in start.xpath("//a[contains(@href, '/plans?level=')]"):
        name, _, count = link.text.rpartition(" ")
        assert int(count) == counts[name] == len(client.get(link.get("href")).json())
