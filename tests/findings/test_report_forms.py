"""The reports: text, page, Turtle."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from rdflib import Graph, URIRef
from rdflib.namespace import RDF, SH

from graph.errors import BadParameter
from shapes.collecting import collect
from shapes.findings import Report
from shapes.phrases import all_words
from shapes.reports import FORMATS, render, write
from shapes.reports.shacl import to_graph
from shapes.rules import LANGS
from shapes.validation import ValidationResult, validate
from tests.support.shapes import the_ontology


def test_the_words_of_the_pages_are_whole() -> None:
    words = all_words()
    assert set(words) == set(LANGS)
    assert set(words["zh"]) == set(words["en"])
    for key in words["zh"]:
        names = [set(re.findall(r"{(\w+)}", words[lang][key])) for lang in LANGS]
        assert names[0] == names[1], key


@pytest.mark.parametrize("lang", LANGS)
def test_text_tells_both_passages(report: Report, lang: str) -> None:
    text = render(report, "text", lang, width=120)
    for finding in report.findings:
        for clause in (*finding.statements, finding.upper):
            assert clause is None or clause.quote in text
    assert "\x1b" not in text
    assert not re.search(r"[ \t]\n", text)
    assert "\x1b[" in render(report, "text", lang, color=True)
    short = render(report, "text", lang, limit=1)
    assert "lowered.county" in short
    assert "softened.county" not in short
    # nothing is cut off where the lines are short
    assert "…" not in render(report, "text", lang, width=60).replace("……", "")


class _Page(HTMLParser):
    """The tags that stand open, the addresses asked for, and the anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "br", "input", "rect"}:
            self.open.append(tag)
        given = dict(attrs)
        self.addresses += [given[name] or "" for name in ("src", "href") if name in given]
        self.anchors.add(given.get("id") or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_stands_alone(report: Report, lang: str) -> None:
    html = render(report, "html", lang)
    page = _Page()
    page.feed(html)
    assert not page.open
    assert all(address.startswith(("#", "data:,")) for address in page.addresses)
    assert "@import" not in html
    assert "url(" not in html
    assert {finding.id for finding in report.findings} <= page.anchors
    assert "<含自用>" not in html  # the plans hold angle brackets of their own
    assert "&lt;含自用&gt;" in html
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in html


def test_turtle_is_a_validation_report(report: Report, sound: tuple[Graph, ValidationResult]) -> None:
    graph = Graph().parse(data=render(report, "turtle"), format="turtle")
    told = set()
    for node in graph.subjects(RDF.type, SH.ValidationResult):
        assert isinstance(node, URIRef)
        told.add(
            tuple(
                str(graph.value(node, p)) for p in (SH.focusNode, SH.sourceShape, SH.resultSeverity, SH.value)
            )
        )
    names = {"violation": SH.Violation, "warning": SH.Warning, "info": SH.Info}
    rows = sound[1].results
    seen = {
        (str(r.focus), str(r.shape), str(names[r.severity]), str(r.value if r.value != r.focus else None))
        for r in rows
    }
    assert told == seen
    assert len(graph) == len(to_graph(report))


def test_a_graph_without_findings_has_a_report_too() -> None:
    graph = Graph()
    empty = collect(validate(graph, the_ontology()), graph)
    assert empty.findings == []
    for form in FORMATS:
        assert write(empty, form)
    assert "没有发现问题" in render(empty)
    assert "true" in render(empty, "turtle")


def test_unknown_formats_and_languages_name_those_there_are(report: Report) -> None:
    with pytest.raises(BadParameter, match="text, json, html, turtle, docx"):
        render(report, "pdf")
    with pytest.raises(BadParameter, match="zh, en"):
        render(report, "text", "fr")
