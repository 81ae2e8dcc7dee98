"""Gold files: the document that each is about, what is said of a malformed one, and the command with its formats and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from graph.errors import BadInput
from graph.gold import Documents, Gold, gold_files, load_gold
from tests.support.measuring import GOLD, RECORD, TITLE

# -- which document a gold file is about ---------------------------------------------------------------------------


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    folder = tmp_path / "plans"
    folder.mkdir()
    for slug, place in (
        ("420115-jiangxia-2024", "江夏区"),
        ("360704-ganxian-2024", "赣县区"),
        ("other", "武清区"),
    ):
        text = f"{place}推动大规模设备更新行动方案\n一、重点任务\n（一）更新设备。到2027年，更新电梯10台。（责任单位：区住建局）\n"
        (folder / f"{slug}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "plan", "slug"),
    [
        ("a.json", {"title": "无", "document": "other.txt"}, "other"),
        ("ganxian.json", {"title": "无"}, "360704-ganxian-2024"),
        ("a.json", {"title": "无", "id": "jiangxia"}, "420115-jiangxia-2024"),
        ("a.json", {"title": "赣县区推动大规模设备\n更新行动方案"}, "360704-ganxian-2024"),
        ("a.json", {"title": "无", "jurisdiction": "武清区"}, "other"),
        ("a.json", {"title": "无", "code": "420115"}, "420115-jiangxia-2024"),
        # Two are called so: the place decides.
        ("2024.json", {"title": "无", "code": "360704"}, "360704-ganxian-2024"),
    ],
)
def test_the_document_is_found(plans: Path, name: str, plan: dict[str, str], slug: str) -> None:
    gold = Gold.model_validate({"plan": plan, "actions": []})
    assert Documents(plans).record_for(gold, Path(name)).slug == slug


@pytest.mark.parametrize(
    ("name", "plan", "says"),
    [
        ("a.json", {"title": "无"}, "fits none"),
        ("2024.json", {"title": "无"}, "fits 360704-ganxian-2024 and 420115-jiangxia-2024"),
        ("a.json", {"title": "无", "document": "missing.txt"}, "is not among the documents"),
    ],
)
def test_a_document_that_cannot_be_told_is_said(
    plans: Path, name: str, plan: dict[str, str], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        Documents(plans).record_for(Gold.model_validate({"plan": plan, "actions": []}), Path(name))


# -- the command -----------------------------------------------------------------------------------------------------


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zhengmai", "evaluate", *map(str, args)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    gold, record = tmp_path / "gold.json", tmp_path / "record.json"
    gold.write_text(json.dumps(GOLD), encoding="utf-8")
    record.write_text(json.dumps(RECORD), encoding="utf-8")
    return gold, record


def test_the_command_prints_text_markdown_and_json(files: tuple[Path, Path]) -> None:
    gold, record = files
    text = run(gold, "--record", record, "--show")
    assert (text.returncode, text.stderr) == (0, "")
    assert "职责分工" in text.stdout
    assert "角色不同" in text.stdout
    assert "读出: 区工信局 responsible" in text.stdout
    page = run(gold, "--record", record, "--format", "markdown", "--lang", "en")
    assert page.returncode == 0
    assert "| assignments | 4 | 0.600 | 0.750 | 0.667 |\n" in page.stdout
    assert f"| {TITLE} | 0.667 | 0.667 | 0.750 |\n" in page.stdout
    data = json.loads(run(gold, "--record", record, "--format", "json", "--show").stdout)
    assert data["overall"]["counts"]["targets"] == {
        "right": 3,
        "extra": 1,
        "missed": 1,
        "precision": 0.75,
        "recall": 0.75,
        "f1": 0.75,
    }
    assert data["plans"][0]["document"] == "1-jia"
    assert len(data["plans"][0]["differences"]) == 8


def test_the_command_finds_the_document(plans: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold"
    gold.mkdir()
    action = {"path": "一/（一）", "title": "更新设备", "responsible": ["区住建局"]}
    for place in ("jiangxia", "ganxian"):
        content = {"plan": {"title": "无"}, "actions": [action]}
        (gold / f"{place}.json").write_text(json.dumps(content), encoding="utf-8")
    done = run(gold, "--plans", plans, "--format", "json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert [one["document"] for one in data["plans"]] == ["360704-ganxian-2024", "420115-jiangxia-2024"]
    assert data["overall"]["counts"]["assignments"]["right"] == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "a gold file is a JSON object"),
        ('{"plan": {"title": "甲"}}', "has nothing to measure"),
        ('{"plan": {}, "actions": []}', "plan.title"),
        ('{"plan": {"title": "甲"}, "actions": [{"path": "一"}]}', "actions.0.title"),
        (
            '{"plan": {"title": "甲"}, "indicators": [{"name": "甲", "verbatim": "乙", "comparator": "≥"}]}',
            "indicators.0.comparator",
        ),
    ],
)
def test_a_malformed_gold_is_one_sentence(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "gold.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_gold(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_exit_code_2(files: tuple[Path, Path], tmp_path: Path) -> None:
    gold, record = files
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    for args, says in (
        ((tmp_path / "none.json",), "no such file"),
        ((empty,), "holds no gold files"),
        ((gold, gold, "--record", record), "goes with one gold file"),
        ((gold, "--record", broken), "broken.json"),
        ((gold, "--record", record, "--format", "xml"), "choose one of text, json, markdown"),
    ):
        done = run(*args)
        assert (done.returncode, done.stdout) == (2, ""), args
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    assert gold_files([gold, tmp_path]) == [gold, broken, gold, record]


def test_the_example_of_the_documentation_is_a_gold_file(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "gold.md").read_text(encoding="utf-8")
    file = tmp_path / "example.json"
    file.write_text(page.split("```json\n")[1].split("```")[0], encoding="utf-8")
    gold = load_gold(file)
    assert gold.actions
    assert gold.indicators
    assert gold.indicators[0].comparator == ">="
