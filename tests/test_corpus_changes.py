"""Changes of a folder of plans: each is one step with its build, has its line in the trail, and survives a crash whole."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph import journal, seeding, staging, trail, user_graphs
from graph.build import BuildJob, open_current, read_summary
from graph.corpus_changes import (
    Corpus,
    DeleteGraph,
    DeletePlan,
    PutGraph,
    PutPlan,
    Result,
    copy_ahead,
    look_over,
)
from graph.errors import BadInput, NotFound, StoreError
from graph.stores import open_store
from ontology import terms
from shapes.building import judge_job
from shapes.finding_store import report_of
from shapes.waivers import AddWaiver, Waiver
from tests.support.equal import findings
from tests.support.writing import PLANS, TEXT, make, whole

GRAPH = user_graphs.PREFIX + "notes"
QUAD = f'<http://example.org/a> <http://example.org/b> "c" <{GRAPH}> .\n'.encode()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data folder built of two plans, and the plans."""
    return make(tmp_path_factory.mktemp("base")).parent


@pytest.fixture
def data(base: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    shutil.copytree(base / "data", tmp_path / "data", symlinks=True)
    return tmp_path / "data"


def change(data: Path, what: Any, agent: str = "office") -> Result:
    with Corpus(data, data / "corpus") as corpus:
        return corpus.change(what, agent, judge_job)


class Crash(BaseException):
    """The process ends here."""


def crash(*arguments: Any, **more: Any) -> None:
    raise Crash


def put(slug: str = "420502-xiling", text: str = TEXT, **fields: Any) -> PutPlan:
    return PutPlan(slug, text.encode(), "方案.txt", "txt", fields)


def test_a_plan_comes_is_replaced_and_goes(data: Path) -> None:
    before = whole(data)
    plans = Path(read_summary(open_current(data)).plans)
    seed = {path.name: path.read_bytes() for path in plans.glob("*.txt")}
    made = change(data, put(status="draft", origin="来函"))
    assert made.entry is not None
    assert (made.entry.kind, made.entry.document) == ("add", "420502-xiling")
    assert made.entry.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert whole(data)["documents"] == before["documents"] + 1
    again = change(data, put(status="draft", origin="来函"))
    assert again == Result(made.build, None)
    text = TEXT.replace("20%", "22%")
    other = change(data, put(text=text, number="西政发〔2024〕3号", issued=date(2024, 6, 1)))
    assert other.entry is not None
    assert other.entry.kind == "replace"
    record = json.loads((other.build / "records" / "420502-xiling.json").read_text("utf-8"))
    assert record["plan"]["document_number"] == "西政发〔2024〕3号"
    assert (record["plan"]["issued"], record["plan"]["status"]) == ("2024-06-01", "draft")
    change(data, DeletePlan("420502-xiling"), "archive")
    after = whole(data)
    assert {**after, "triples": 0} == {**before, "triples": 0}
    lines = trail.read_trail(data)
    assert [(one.kind, one.agent) for one in lines] == [
        ("add", "office"),
        ("replace", "office"),
        ("delete", "archive"),
    ]
    # The folder that it began with is as it was.
    assert {path.name: path.read_bytes() for path in plans.glob("*.txt")} == seed


def test_another_text_of_a_plan_is_a_small_change(data: Path) -> None:
    for slug in ("420502-xiling", "420503-wujiagang"):
        change(data, put(slug, status="draft"))
    corpus = data / "corpus"
    catalog = (corpus / "catalog.yaml").read_bytes()
    marks = {path: path.stat().st_ctime_ns for path in corpus.rglob("*.*")}
    steps: list[Any] = []

    def judge(job: BuildJob) -> None:
        steps.append(job.step)
        judge_job(job)

    with Corpus(data, corpus) as held:
        held.change(put(text=TEXT.replace("20%", "23%")), "office", judge)
    assert [step and step.changed for step in steps] == [["420502-xiling"]]
    assert (corpus / "catalog.yaml").read_bytes() == catalog
    # What did not change bears no trace of it: it is not hashed again.
    changed = [path.name for path, mark in marks.items() if path.stat().st_ctime_ns != mark]
    assert changed == ["420502-xiling.txt"]
    whole(data)


def test_the_first_change_makes_the_folder_of_plans_and_is_as_small_as_any(tmp_path: Path) -> None:
    data, seed, name = make(tmp_path), tmp_path / "plans", "150300-wuhai-2024.txt"
    (seed / "catalog.yaml").write_text(f"documents:\n- file: {name}\n", encoding="utf-8")
    with BuildJob(seed, data) as job:
        judge_job(job)
        job.publish()
    text = (seed / name).read_text(encoding="utf-8")
    steps: list[Any] = []

    def judge(job: BuildJob) -> None:
        steps.append(job.step)
        judge_job(job)

    with Corpus(data, data / "corpus") as held:
        held.change(put(Path(name).stem, f"{text}\n（注：略）\n"), "office", judge)
    assert [step and step.changed for step in steps] == [[Path(name).stem]]
    assert (data / "corpus" / name).read_text(encoding="utf-8") != text
    assert (seed / name).read_text(encoding="utf-8") == text
    assert not [path for path in (data / "corpus").rglob("*") if path.is_symlink()]
    whole(data)
    for _ in range(2):
        look_over(data, data / "corpus")
        before = open_current(data)
        change(data, put(Path(name).stem, f"{text}\n（注：{before.name}）\n"))
        assert open_current(data) != before
        whole(data)


def test_a_folder_that_is_changed_while_it_is_copied_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, seed = make(tmp_path), tmp_path / "plans"
    before = open_current(data)

    real, text = Path.mkdir, seed / "150300-wuhai-2024.txt"

    def edited(path: Path, *arguments: Any, **more: Any) -> None:
        if path.name.startswith(seeding.FOLDER):
            text.write_text(f"{text.read_text(encoding='utf-8')}（注）\n", encoding="utf-8")
        real(path, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", edited)
        with pytest.raises(StoreError, match="has changed since it was built; run 'zhengmai build'"):
            change(data, put())
    assert open_current(data) == before
    assert not (data / "corpus").exists()
    assert not list(data.glob("changes/*"))
    assert (seed / "150300-wuhai-2024.txt").is_file()


def _changed_ahead(data: Path, what: str) -> None:
    """Something is done to the copy that was made ahead, or to what it is a copy of."""
    seed = data / seeding.FOLDER
    text = seed / "150300-wuhai-2024.txt"
    match what:
        case "text":
            text.write_text(text.read_text(encoding="utf-8") + "（注）\n", encoding="utf-8")
        case "link":
            text.unlink()
            text.symlink_to(data.parent / "nowhere")
        case "more":
            (seed / "420503-wujiagang.txt").write_text(TEXT, encoding="utf-8")
        case "less":
            text.unlink()
        case "gone":
            shutil.rmtree(seed)
        case "built again":
            plans = data.parent / "plans"
            (plans / "420503-wujiagang.txt").write_text(TEXT.replace("西陵", "伍家岗"), encoding="utf-8")
            (plans / text.name).write_text(text.read_text(encoding="utf-8") + "（注）\n", encoding="utf-8")
            with BuildJob(plans, data) as job:
                judge_job(job)
                job.publish()


@pytest.mark.parametrize("what", ["nothing", "text", "link", "more", "less", "gone", "built again"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_folder_of_plans_is_copied_ahead_and_each_file_of_it_looked_at(
    tmp_path: Path, what: str, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, seed, plans = make(tmp_path), tmp_path / "data" / seeding.FOLDER, tmp_path / "plans"
    copy_ahead(data, data / "corpus")
    look_over(data, data / "corpus")
    inode = seed.stat().st_ino
    _changed_ahead(data, what)
    before = {path.relative_to(plans): path.read_bytes() for path in plans.rglob("*.*")}
    if elsewhere:  # the folder of plans is on another file system
        real = Path.rename

        def rename(one: Path, to: Path) -> Path:
            if one.name == seeding.FOLDER:
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            return real(one, to)

        monkeypatch.setattr(Path, "rename", rename)
    change(data, put())
    corpus = data / "corpus"
    after = {path.relative_to(corpus): path.read_bytes() for path in corpus.rglob("*.*")}
    assert after.pop(Path("420502-xiling.txt")) == TEXT.encode()
    after.pop(Path("catalog.yaml"))
    assert after == before
    assert not [path for path in corpus.rglob("*") if path.is_symlink()]
    assert not seed.exists()
    if what == "nothing" and not elsewhere:
        assert corpus.stat().st_ino == inode  # it became what was made ahead
    whole(data)
    shutil.copytree(plans, seed)  # as somebody's restore might leave it
    copy_ahead(data, corpus)
    assert not seed.exists()
    change(data, put(text=TEXT.replace("20%", "24%")))
    whole(data)


def test_a_folder_of_plans_may_have_any_name(data: Path) -> None:
    for text in (TEXT, TEXT.replace("20%", "24%")):
        with Corpus(data, data / seeding.FOLDER) as corpus:
            corpus.change(put(text=text), "office", judge_job)
        copy_ahead(data, data / seeding.FOLDER)
        assert (data / seeding.FOLDER / "420502-xiling.txt").read_text(encoding="utf-8") == text


def test_a_first_change_that_fails_takes_no_room(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *arguments: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(data.rglob("*"))
    for of, what in ((Path, "write_bytes"), (journal, "write_intent")):
        with monkeypatch.context() as patch:
            patch.setattr(seeding, "_ROOM", 10**15)
            patch.setattr(of, what, full)
            with pytest.raises(StoreError, match="disk is full"):
                change(data, put())
        left = {path.name for path in set(data.iterdir()) - set(before)}
        assert left <= {"cache", "hashes.json", "changes", staging.FOLDER}
    change(data, put())
    whole(data)


def test_nothing_is_copied_ahead_of_plans_that_were_changed_or_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, seed = make(tmp_path), tmp_path / "data" / seeding.FOLDER
    with monkeypatch.context() as patch:
        patch.setattr(seeding, "_ROOM", 10**15)
        copy_ahead(data, data / "corpus")
        assert not seed.exists()

    def full(path: Path, text: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(StoreError, match="disk is full"):
            copy_ahead(data, data / "corpus")
        assert not seed.exists()
    (tmp_path / "plans" / "150300-wuhai-2024.txt").write_text(TEXT, encoding="utf-8")
    with pytest.raises(StoreError, match="has changed since it was built"):
        copy_ahead(data, data / "corpus")
    assert not seed.exists()
    assert not (data / "corpus").exists()


@pytest.mark.parametrize("name", ["corpus", seeding.FOLDER])
def test_a_published_change_whose_copy_of_the_plans_is_gone_waits_for_it(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal, "_become", lambda *arguments: crash())
        with pytest.raises(Crash):
            change(data, put())
    away = data.parent / "away"
    (data / seeding.FOLDER).rename(away)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"corpus-ahead\).*copy the folder of plans"):
            change(data, put(text=TEXT.replace("20%", "24%")))
    away.rename(data / name)
    change(data, put(text=TEXT.replace("20%", "24%")))
    assert [one.kind for one in trail.read_trail(data)] == ["add", "replace"]
    whole(data)


def test_what_cannot_be_leaves_everything_as_it_was(data: Path) -> None:
    before = open_current(data)
    with pytest.raises(NotFound):
        change(data, DeletePlan("420502-xiling"))
    for slug in ("../x", "a/b", "", ".hidden", "x" * 101, "a\x00b", "-a", "a.b"):
        with pytest.raises(BadInput):
            change(data, put(slug))
        with pytest.raises(BadInput):
            change(data, DeletePlan(slug))
    with pytest.raises(BadInput, match=r"catalog\.yaml"):
        change(data, put(text=TEXT.replace("西陵区", "某地")))
    with pytest.raises(BadInput):
        change(data, put(colour="red"))
    with pytest.raises(BadInput):
        change(data, PutGraph(str(terms.GRAPH_INFERRED), QUAD, "0" * 64))
    assert open_current(data) == before
    assert not (data / "corpus").exists()
    assert trail.read_trail(data) == []
    whole(data)


def test_records_by_hand_and_cited_documents_give_way_to_the_text(data: Path) -> None:
    change(data, put("100000-state-council-2024", TEXT, code="100000", family="liangxin"))
    counts = whole(data)
    assert (counts["documents"], counts["records"]) == (2, 0)


def test_a_version_that_another_names_cannot_go(data: Path) -> None:
    change(data, put())
    change(data, put("420502-xiling-2", TEXT + "\n（二）更新电梯。\n", revises="420502-xiling"))
    with pytest.raises(BadInput, match="revises"):
        change(data, DeletePlan("420502-xiling"))
    whole(data)


def test_graphs_come_grow_and_go_without_a_finding_changed(data: Path) -> None:
    before = findings(open_current(data))
    plans = (open_current(data) / "records").stat()
    assert plans
    change(data, PutGraph(GRAPH, QUAD, "0" * 64))
    counts = whole(data)
    more = f'_:x <http://example.org/b> "d" <{GRAPH}> .\n'.encode()
    change(data, PutGraph(GRAPH, more, "1" * 64, merge=True))
    change(data, PutGraph(GRAPH, more, "2" * 64, merge=True))
    apart = open_store(open_current(data) / user_graphs.STORE)
    assert len(list(apart.rows(f"SELECT ?s {{ GRAPH <{GRAPH}> {{ ?s ?p ?o }} }}"))) == 3
    assert findings(open_current(data)) == before
    # What is said of an agency there is not heard when plans are judged or drafts checked.
    assert not open_store(open_current(data) / "store").ask(f"ASK {{ GRAPH <{GRAPH}> {{ ?s ?p ?o }} }}")
    change(data, put())
    assert whole(data)["documents"] == counts["documents"] + 1
    change(data, DeleteGraph(GRAPH))
    whole(data)
    assert not (open_current(data) / user_graphs.STORE).exists()
    with pytest.raises(NotFound):
        change(data, DeleteGraph(GRAPH))


def test_a_waiver_is_written_and_holds(data: Path) -> None:
    finding = next(
        one for one in report_of(open_current(data), date(2026, 1, 1)).findings if one.status == "open"
    )
    waiver = Waiver(
        finding=finding.id, reason="已商定", author="office", date=date(2025, 1, 1), expires=date(2027, 1, 1)
    )
    made = change(data, AddWaiver(waiver))
    now = {one.id: one.status for one in report_of(made.build, date(2026, 1, 1)).findings}
    assert now[finding.id] == "waived"
    assert (
        yaml.safe_load((data / "corpus" / "waivers.yaml").read_text("utf-8"))["waivers"][0]["reason"]
        == "已商定"
    )
    whole(data)


@pytest.mark.parametrize(
    ("at", "first"),
    [
        ("intent", True),
        ("publish", False),
        ("trail", True),
        ("trail", False),
        ("move", True),
        ("copy", True),
        ("copy", False),
        ("keep", False),
        ("clean", True),
        ("clean", False),
    ],
)
def test_a_crash_leaves_the_old_state_or_the_new_one(
    data: Path, monkeypatch: pytest.MonkeyPatch, at: str, first: bool
) -> None:
    if not first:
        change(data, PutGraph(GRAPH, QUAD, "0" * 64))
    before = open_current(data).name

    with monkeypatch.context() as patch:
        if at == "intent":
            patch.setattr(journal, "write_intent", crash)
        elif at == "publish":
            patch.setattr(BuildJob, "publish", crash)
        elif at == "trail":
            patch.setattr(trail, "append", crash)
        elif at == "keep":
            patch.setattr(staging, "keep", crash)
        elif at == "move":
            patch.setattr(journal, "_become", crash)
        elif at == "copy":
            patch.setattr(journal, "put_file", crash)
        else:
            real = shutil.rmtree

            def fail(path: Path, **more: Any) -> None:
                crash() if "changes" in str(path) else real(path, **more)

            patch.setattr(shutil, "rmtree", fail)
        with pytest.raises(Crash):
            change(data, put())
    journal.take_lock(data).close()
    with journal.take_lock(data):
        journal.recover(data)
    new = at in ("trail", "move", "copy", "keep", "clean")
    assert (open_current(data).name != before) is new
    held = {path.stem for path in (open_current(data) / "records").iterdir()}
    assert ("420502-xiling" in held) is new
    whole(data)


def test_a_trail_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    entry = trail.Entry(id="1", kind="add", agent="a", time="2026-01-01T00:00:00+00:00", document="x")
    trail.append(tmp_path, entry)
    with (tmp_path / trail.FILE).open("ab") as out:
        out.write(b'{"id": "2", "ki')
    assert trail.read_trail(tmp_path) == [entry]
    other = entry.model_copy(update={"id": "3"})
    trail.append(tmp_path, other)
    trail.append(tmp_path, other)
    assert trail.read_trail(tmp_path) == [entry, other]
    (tmp_path / trail.FILE).write_bytes(b"nonsense\n")
    with pytest.raises(StoreError, match="mend"):
        trail.read_trail(tmp_path)


def test_a_build_of_another_folder_is_refused_once_the_service_wrote(data: Path) -> None:
    change(data, put())
    command = [sys.executable, "-m", "zhengmai", "build", "--data", str(data)]
    refused = subprocess.run([*command, str(PLANS)], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "changed through the service" in refused.stderr
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Nothing has changed" in done.stderr
    assert read_summary(open_current(data)).counts["documents"] == 2
