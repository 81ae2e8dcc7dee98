"""Citations as offices write them: sentences of our own, each with the documents that it cites."""

from __future__ import annotations

import pytest

from graph.citing import read_aliases, read_citations
from graph.reading import squeeze
from graph.record import Citation

OWN = "清河县推进城市更新行动实施方案（2025—2027年）"
Cited = tuple[str | None, str | None, str]

SENTENCES: list[tuple[str, list[Cited]]] = [
    (
        "为深入贯彻落实《关于持续推进城市更新行动的意见》（中办发〔2025〕20号）精神，结合我县实际，制定本方案。",
        [("中办发〔2025〕20号", "关于持续推进城市更新行动的意见", "implements")],
    ),
    (
        "根据《国务院关于印发推动大规模设备更新和消费品以旧换新行动方案的通知》（国发[2024]7号）、"
        "《河北省推动大规模设备更新和消费品以旧换新实施方案》（冀政发【2024】4号）要求，制定本方案。",
        [
            ("国发[2024]7号", "国务院关于印发推动大规模设备更新和消费品以旧换新行动方案的通知", "based_on"),
            ("冀政发【2024】4号", "河北省推动大规模设备更新和消费品以旧换新实施方案", "based_on"),
        ],
    ),
    (
        "按照《河北省城市更新实施意见》和《邢台市城市更新工作方案》（冀政办字〔2024〕31号、邢政办字〔2025〕8号）有关部署，稳步推进。",
        [
            ("冀政办字〔2024〕31号", "河北省城市更新实施意见", "based_on"),
            ("邢政办字〔2025〕8号", "邢台市城市更新工作方案", "based_on"),
        ],
    ),
    (
        "依据国发〔2024〕7号文件和冀政发（2024）4号文件精神，全县各部门要抓好落实，确保取得实效。",
        [("国发〔2024〕7号", None, "based_on"), ("冀政发（2024）4号", None, "based_on")],
    ),
    (
        "结合《“十四五”新型城镇化实施方案》，衔接国土空间规划，统筹安排各类建设项目。",
        [(None, "“十四五”新型城镇化实施方案", "based_on")],
    ),
    (
        "参照《住房城乡建设部办公厅关于印发〈城市更新导则〉的通知》（建办科〔2023〕12号）执行，不得擅自降低标准。",
        [("建办科〔2023〕12号", "住房城乡建设部办公厅关于印发〈城市更新导则〉的通知", "based_on")],
    ),
    (
        "省政府关于印发《河北省碳达峰实施方案》的通知（冀政发〔2022〕10号）对此提出了明确的任务要求。",
        [("冀政发〔2022〕10号", "河北省碳达峰实施方案", "mentions")],
    ),
    (
        "企业应当符合商务部公告2024年第5号和国务院令第742号的规定，依法办理有关登记备案手续。",
        [("商务部公告2024年第5号", None, "mentions"), ("国务院令第742号", None, "mentions")],
    ),
    (
        "贯彻落实国务院《行动方案》和省政府《河北省城市更新条例》，压实各方责任，形成工作合力。",
        [(None, "行动方案", "implements"), (None, "河北省城市更新条例", "implements")],
    ),
    (
        "落实《邢台市加快内贸流通创新若干措施》（邢政办发〔2024〕3号，以下简称《若干措施》），用好《若干措施》各项支持。",
        [("邢政办发〔2024〕3号", "邢台市加快内贸流通创新若干措施", "implements")],
    ),
    (
        "对纳入发改环资〔2024〕1104号、财建〔2024〕181号支持范围的项目，优先给予用地用能等要素保障。",
        [("发改环资〔2024〕1104号", None, "mentions"), ("财建〔2024〕181号", None, "mentions")],
    ),
    (
        "落实各项任务，推动设备更新，按照《邢台市工业设备更新实施方案》明确的目标，逐项分解到年度和企业。",
        [(None, "邢台市工业设备更新实施方案", "based_on")],
    ),
    (
        "认真执行邢政字〔2025〕2号《邢台市老旧小区改造三年行动计划》，加快改造老旧小区，补齐配套设施。",
        [("邢政字〔2025〕2号", "邢台市老旧小区改造三年行动计划", "implements")],
    ),
    (
        "参照国务院办公厅关于进一步释放消费潜力促进消费持续恢复的意见（国办发〔2022〕9号）执行，简化办理流程。",
        [("国办发〔2022〕9号", "国务院办公厅关于进一步释放消费潜力促进消费持续恢复的意见", "based_on")],
    ),
    (
        "依据《中华人民共和国节约能源法》《固定资产投资项目节能审查办法》（国家发展改革委2023年第2号令）等规定办理。",
        [
            (None, "中华人民共和国节约能源法", "based_on"),
            ("国家发展改革委2023年第2号令", "固定资产投资项目节能审查办法", "based_on"),
        ],
    ),
    (
        "落实自治区《实施方案》和市《三年行动计划》，深入实施科技专项，推广《绿色技术推广目录（2024年版）》。",
        [
            (None, "实施方案", "implements"),
            (None, "三年行动计划", "implements"),
            (None, "绿色技术推广目录（2024年版）", "mentions"),
        ],
    ),
    ("现将《清河县推进城市更新行动实施方案（2025—2027年）》印发给你们，请认真抓好贯彻落实。", []),
    ("《清河县推进城市更新行动实施方案》自印发之日起施行，有效期三年，由县住建局负责解释。", []),
    ("宣传《新华字典》等读物，刊发于《人民日报》，放映电影《春天》，位于和平路（2024）3号楼内。", []),
]


def cited(*texts: str) -> list[Citation]:
    blocks = [squeeze(text) for text in texts]
    return read_citations(blocks, OWN, "清政办字〔2025〕6号", read_aliases(blocks))


@pytest.mark.parametrize(("sentence", "expected"), SENTENCES)
def test_a_sentence_and_what_it_cites(sentence: str, expected: list[Cited]) -> None:
    assert [(one.number, one.title, one.relation) for one in cited(sentence)] == expected


def test_the_span_of_a_citation_holds_its_title_and_number() -> None:
    for sentence, _ in SENTENCES:
        for one in cited(sentence):
            assert one.span is not None
            printed = sentence[slice(*one.span)]
            assert (one.title or "") in printed
            assert (one.number or "") in printed


def test_the_body_before_a_title_is_kept() -> None:
    found = cited("贯彻落实国务院《行动方案》和市人民政府办公室《邢台市城市更新工作方案》要求，制定本方案。")
    assert [one.issuer for one in found] == ["国务院", "市人民政府办公室"]


def test_attachments_are_no_citations() -> None:
    notice = [
        "附件：1.《清河县城市更新任务清单》编制办法",
        "2.《清河县城市更新专项规划》",
        "3.清河县城市更新指标计划",
        "落实《邢台市城市更新工作方案》，推进各项任务落地见效。",
    ]
    assert [one.title for one in cited(*notice)] == ["邢台市城市更新工作方案"]


def test_one_document_is_cited_once_with_the_strongest_relation_and_all_that_is_known_of_it() -> None:
    (found,) = cited(
        "近年来，《邢台市城市更新工作方案》对城市更新作出了安排，各地进展明显。",
        "为贯彻落实《邢台市城市更新工作方案》（邢政办字〔2025〕8号），制定本方案。",
        "邢政办字[2025]第8号文件明确的其他事项，按其规定办理，不再另行安排。",
    )
    assert (found.number, found.title, found.relation) == (
        "邢政办字〔2025〕8号",
        "邢台市城市更新工作方案",
        "implements",
    )


def test_one_title_with_more_numbers_and_two_numbers_for_one_title() -> None:
    found = cited(
        "按照《河北省城市更新实施意见》（冀政办字〔2024〕31号、冀建城〔2024〕5号）要求，有序推进相关工作。"
    )
    assert [(one.number, one.title) for one in found] == [
        ("冀政办字〔2024〕31号", "河北省城市更新实施意见"),
        ("冀建城〔2024〕5号", None),
    ]
