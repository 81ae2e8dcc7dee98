"""Every figure accounted for: a crude search that knows nothing of the reader's rules finds nothing that it left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from graph.account import account
from graph.agencies import role_groups
from graph.clauses import Years
from graph.extraction import extract
from graph.outline import parts, tree
from graph.reading import Passage, read_text, squeeze
from graph.record import NonTarget, Target
from graph.targets import SentenceReader

HERE = Path(__file__).parent
DOCUMENTS = {
    **{file.stem: read_text(file) for file in sorted((HERE.parent / "plans").glob("*.txt"))},
    **{
        file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))["text"]
        for file in sorted((HERE / "data" / "short_plans").glob("*.yaml"))
    },
}
SENTENCES = [
    case["text"] for case in yaml.safe_load((HERE / "data" / "sentences.yaml").read_text(encoding="utf-8"))
]
# Any number that anything like a unit follows, years apart.
CRUDE = re.compile(
    r"(?<![\dA-Za-z.+＋])(?!(?:19|20)\d\d(?:年|[—–-]20))\d+(?:\.\d+)?[万亿千百十]{0,2}(?:[%％‰℃㎡]|[\u4e00-\u9fff])"
)


def _missed(passage: Passage, targets: list[Target], others: list[NonTarget], text: str) -> list[str]:
    """Crude figures of a passage at no place where the record has one."""
    places: set[int] = set()
    for one in others:
        assert one.span is not None
        places.update(range(*one.span))
    for target in targets:
        if target.span is None or target.value_text is None:
            continue
        quoted = squeeze(text[slice(*target.span)], target.span[0])
        for match in re.finditer(re.escape(target.value_text), quoted.text):
            places.update(quoted.at[match.start() : match.end()])
    return [
        passage.text[max(0, match.start() - 12) : match.end() + 8]
        for match in CRUDE.finditer(passage.text)
        if passage.at[match.start()] not in places
    ]


def _prose(text: str) -> Iterator[Passage]:
    """The text below the headings of the plan, without the brackets and lines that name agencies."""
    plan = next(part for part in parts(text) if part.kind == "plan")
    for section in tree(plan).walk():
        for block in section.body:
            start = 0
            for group in role_groups(block):
                yield block.cut(start, group.start)
                start = start if group.running else group.end
            yield block.cut(start, len(block))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_figure_of_a_document_is_lost(name: str) -> None:
    text = DOCUMENTS[name]
    record = extract(text)
    targets = [*record.targets, *record.cited_targets]
    missed = [
        words for passage in _prose(text) for words in _missed(passage, targets, record.non_targets, text)
    ]
    assert missed == []


@pytest.mark.parametrize("text", SENTENCES, ids=[text[:20] for text in SENTENCES])
def test_no_figure_of_a_sentence_is_lost(text: str) -> None:
    passage = squeeze(text)
    reader = SentenceReader(passage, "", Years(), goals=True, first_year=2024).read()
    assert _missed(passage, [*reader.targets, *reader.cited], reader.non_targets, text) == []
    assert len(reader.figures) >= len(reader.non_targets)


def test_the_account_adds_up() -> None:
    found = account(extract(DOCUMENTS["05-dashes-and-past"]))
    assert found.figures == found.targets + found.cited + sum(found.others.values())
    assert str(found) == "13 figures: 7 targets, 0 cited, 6 no targets (4 history, 2 threshold)"
