"""A build made out of the one before is what a full build would be, whatever changed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from benchmarks import corpus
from graph import ahead, databases, publishing, sealing
from graph.build import BuildJob, read_summary
from graph.kept_heads import FILE as HEADS
from graph.search_index import FILE
from graph.stores import open_store
from ontology.terms import GRAPH_ONTOLOGY, GRAPH_PROVENANCE
from shapes.judging import judge_build
from tests.support.equal import findings
from tests.support.search import index_contents

COUNT = 24
PLANS = Path(__file__).parent.parent / "plans"
Change = Callable[[Path, random.Random], None]


def _judged(plans: Path, data: Path) -> BuildJob:
    with BuildJob(plans, data) as job:
        assert not job.unchanged
        if job.step is not None:
            judge_build(job.folder, only=job.step.affected)
        else:
            judge_build(job.folder)
        job.publish()
        return job


def _quads(folder: Path) -> set[str]:
    """All but the provenance, and the ontology, which has blank nodes."""
    store = open_store(folder / "store").native
    without = (str(GRAPH_PROVENANCE), str(GRAPH_ONTOLOGY))
    return {str(quad) for quad in store if quad.graph_name.value not in without}


def _same_as_a_full_build(job: BuildJob, plans: Path, other: Path) -> None:
    """A build and one made in full in another folder must say the same."""
    for heads in other.glob(f"builds/*/{HEADS}"):
        heads.unlink()  # without them nothing can be made out of a build
    full = _judged(plans, other)
    assert full.step is None
    mine, theirs = _quads(job.folder), _quads(full.folder)
    assert (sorted(mine - theirs)[:9], sorted(theirs - mine)[:9]) == ([], [])
    assert findings(job.folder) == findings(full.folder)
    assert index_contents(job.folder) == index_contents(full.folder)
    first, second = read_summary(job.folder), read_summary(full.folder)
    assert first.counts | {"triples": 0} == second.counts | {"triples": 0}
    assert first.counts["triples"] == len(open_store(job.folder / "store"))


def _files(plans: Path, mark: str) -> list[Path]:
    """The texts that hold some words."""
    return [file for file in sorted(plans.glob("*.txt")) if mark in file.read_text(encoding="utf-8")]


def _replaced(file: Path, old: str, new: str, count: int = 1) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, count), encoding="utf-8")


def _value(plans: Path, chance: random.Random) -> None:
    _replaced(chance.choice(_files(plans, "增长45%")), "增长45%", f"增长{chance.randint(20, 44)}%")


def _upper_value(plans: Path, chance: random.Random) -> None:
    cities = [
        file for file in _files(plans, "增长30%") if file.name[2:6] != "0000" and file.name[4:6] == "00"
    ]
    _replaced(chance.choice(cities), "增长30%", f"增长{chance.randint(32, 50)}%")


def _claim(plans: Path, chance: random.Random) -> None:
    """Another figure of an upper level in an annex, or in the first column of it."""
    file = chance.choice([one for one in _files(plans, "指标任务清单") if "\t/\n" in one.read_text("utf-8")])
    _replaced(file, "\t/\n", f"\t{chance.randint(20, 90)}%\n")


def _agency(plans: Path, chance: random.Random) -> None:
    _replaced(chance.choice(_files(plans, "财政局")), "财政局", "财政和金融局", chance.randint(1, 3))


def _task(plans: Path, chance: random.Random) -> None:
    file = chance.choice(_files(plans, "财政局"))
    text = file.read_text(encoding="utf-8").rstrip("\n")
    if "附件" in text:
        return _value(plans, chance)
    added = "\n\n三十一、推进老旧体育设施更新\n\n（一）更新健身器材。到2027年，累计更新健身器材40套。（牵头单位：区体育局；责任单位：区财政局）\n"
    file.write_text(text + added, encoding="utf-8")
    return None


def _title(plans: Path, chance: random.Random) -> None:
    titles = {plan.slug: plan.record.plan.title for plan in corpus.plans(COUNT, seed=11)}
    file = chance.choice(_files(plans, "推动大规模设备更新"))
    _replaced(file, titles[file.stem], titles[file.stem] + "（试行）", 99)


def _catalogue(plans: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = yaml.safe_load((plans / "catalog.yaml").read_text("utf-8"))
    return found


def _removed(plans: Path, chance: random.Random) -> None:
    told = _catalogue(plans)
    gone = chance.choice([one for one in told["documents"] if one["code"][4:] != "00"])
    told["documents"].remove(gone)
    (plans / gone["file"]).unlink()
    (plans / "catalog.yaml").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def _added(plans: Path, chance: random.Random) -> None:
    told = _catalogue(plans)
    new = next(
        plan
        for plan in corpus.plans(90, seed=11, seeded=1)
        if not (plans / f"{plan.slug}.txt").exists() and plan.code != "100000"
    )
    told["documents"].append(new.entry)
    (plans / f"{new.slug}.txt").write_text(new.text, encoding="utf-8")
    (plans / "catalog.yaml").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


CHANGES: dict[str, tuple[Change, ...]] = {
    "text": (_value, _agency, _upper_value, _claim, _task),
    "stub": (_claim, _value, _claim, _agency),
}
FULL: dict[str, tuple[Change, ...]] = {"text": (_title,), "stub": (_removed, _added)}


@pytest.mark.parametrize("known", ["text", "stub"])
def test_any_change_of_a_corpus_gives_what_a_full_build_gives(tmp_path: Path, known: str) -> None:
    """With the national plan at hand, and with it known by what others say of it alone."""
    plans, chance = tmp_path / "plans", random.Random(5)  # noqa: S311 - a test, not a secret
    kinds = ["share_mismatch", "misquoted", "exceeds_parent", "lowered/value", "body_annex_value"]
    corpus.write(plans, COUNT, seed=11, seeded=1, kinds=kinds)
    if known == "stub":
        told = _catalogue(plans)
        nation = next(one for one in told["documents"] if one["code"] == "100000")
        told["documents"].remove(nation)
        (plans / nation["file"]).unlink()
        stub = {
            "slug": "100000-nation",
            "title": "推动大规模设备更新和消费品以旧换新行动方案",
            "number": "国发〔2024〕7号",
            "code": "100000",
            "family": "liangxin",
        }
        told["stubs"] = [stub]
        (plans / "catalog.yaml").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    data = tmp_path / "data"
    _judged(plans, data)
    alone = 0
    for change in CHANGES[known]:
        change(plans, chance)
        job = _judged(plans, data)
        alone += job.step is not None
        if change is _value:
            assert job.step is not None
    # What goes wrong in a step alone is still wrong after the next.
    _same_as_a_full_build(job, plans, tmp_path / "other")
    assert alone >= 3
    for change in FULL[known]:
        change(plans, chance)
        with BuildJob(plans, data) as unpublished:
            assert unpublished.step is None
            assert not unpublished.unchanged


def test_changes_of_the_real_corpus_give_what_a_full_build_gives(built: Path, tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    shutil.copytree(PLANS, plans)
    data, other = tmp_path / "data", tmp_path / "other"
    shutil.copytree(built, data, symlinks=True)
    changes = [
        ("420115-jiangxia-2024.txt", "区市场监管局", "区市场监督管理局", 2),
        ("420115-jiangxia-2024.txt", "25%", "24%", 1),
        ("360704-ganxian-2024.txt", "25%", "26%", 99),
        ("360704-ganxian-2024.txt", "省府发", "赣府发", 1),
    ]
    for number, (name, old, new, count) in enumerate(changes):
        file = plans / name
        text = file.read_text(encoding="utf-8")
        assert old in text, name
        file.write_text(text.replace(old, new, count), encoding="utf-8")
        if number % 2:
            ahead.prepare(data)
            assert len(list((data / ahead.FOLDER).glob("*/*/*"))) > 10
        job = _judged(plans, data)
        assert job.step is not None
        assert not list((data / ahead.FOLDER).glob("*"))
    _same_as_a_full_build(job, plans, other)
    for build in publishing.builds(data):
        assert not list(sealing.faults(build))


def test_a_store_that_was_made_ahead_is_taken_where_it_is_as_that_of_the_build(
    built: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(built, data, symlinks=True)
    now = (data / "current").resolve()
    made = data / ahead.FOLDER / now.name / "store"
    count = len(open_store(now / "store"))
    for number, harm in enumerate(("none", "table", "manifest", "gone")):
        ahead.prepare(data)
        marks = [made.stat().st_ino]
        table = next(made.glob("*.sst"))
        if harm == "table":
            content = table.read_bytes()
            table.unlink()
            table.write_bytes(content)
        elif harm == "manifest":
            (made / "CURRENT").write_text("MANIFEST-000000\n", encoding="utf-8")
        elif harm == "gone":
            shutil.rmtree(made)
        fresh = tmp_path / str(number)
        for part in ("texts", "records"):
            (fresh / part).mkdir(parents=True)
        ahead.take_store(now, fresh)
        assert ((fresh / "store").stat().st_ino in marks) is (harm == "none"), harm
        assert len(open_store(fresh / "store")) == count
        assert (fresh / "store" / table.name).stat().st_ino == (now / "store" / table.name).stat().st_ino
        assert ahead.take(now, fresh)
        assert sorted(path.name for path in fresh.iterdir()) == ["records", "store", "texts"]
    assert not list(sealing.faults(now))


@pytest.mark.parametrize("harm", ["none", "log", "gone"])
def test_a_log_that_is_half_full_is_written_into_a_copy_ahead(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    plans, data = tmp_path / "plans", tmp_path / "data"
    shutil.copytree(PLANS, plans)
    shutil.copytree(built, data, symlinks=True)
    monkeypatch.setattr(databases, "_LEAST", 1)
    monkeypatch.setattr(databases, "_SHARE", 1)
    monkeypatch.setattr(ahead, "_FULL", 0.0)
    file = plans / "420115-jiangxia-2024.txt"
    text = file.read_text(encoding="utf-8")
    for new in ("24%", "26%"):
        file.write_text(text.replace("25%", new, 1), encoding="utf-8")
        job = _judged(plans, data)
    before = job.folder
    assert (before / f"{FILE}-wal").stat().st_size
    ahead.prepare(data)
    ahead.fold(data)
    made = data / ahead.FOLDER / before.name / FILE
    inode = made.stat().st_ino
    assert not databases.log_of(made).exists()
    if harm == "log":
        os.utime(before / f"{FILE}-wal")
    elif harm == "gone":
        made.unlink()
    file.write_text(text.replace("25%", "27%", 1), encoding="utf-8")
    job = _judged(plans, data)
    assert job.step is not None
    assert ((job.folder / FILE).stat().st_ino == inode) is (harm == "none")
    _same_as_a_full_build(job, plans, tmp_path / "other")
    for build in publishing.builds(data):
        assert not list(sealing.faults(build))


def test_a_damaged_database_is_not_copied_ahead_and_no_room_is_taken_that_others_need(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans, data = tmp_path / "plans", tmp_path / "data"
    shutil.copytree(PLANS, plans)
    shutil.copytree(built, data, symlinks=True)
    monkeypatch.setattr(ahead, "_FULL", 0.0)
    file = plans / "420115-jiangxia-2024.txt"
    file.write_text(file.read_text(encoding="utf-8").replace("25%", "26%", 1), encoding="utf-8")
    now = _judged(plans, data).folder
    made = data / ahead.FOLDER / now.name / FILE
    ahead.prepare(data)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10_000))
        ahead.fold(data)
    assert not made.exists()

    def full(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        ahead.fold(data)
    assert not made.exists()
    ahead.fold(data)
    assert made.is_file()
    made.unlink()
    # A bit that turned, and no time that tells of it
    stat = (now / FILE).stat()
    with (now / FILE).open("r+b") as base:
        base.seek(5000)
        turned = bytes([base.read(1)[0] ^ 1])
        base.seek(5000)
        base.write(turned)
    os.utime(now / FILE, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ahead.fold(data)
    assert not made.exists()
    assert not databases.log_of(made).exists()


def test_a_link_that_was_changed_after_it_was_made_ahead_is_not_taken(built: Path, tmp_path: Path) -> None:
    data, fresh = tmp_path / "data", tmp_path / "fresh"
    shutil.copytree(built, data, symlinks=True)
    now = (data / "current").resolve()
    ahead.prepare(data)
    link = next((data / ahead.FOLDER / now.name / "records").iterdir())
    link.unlink()
    link.write_text("{}", encoding="utf-8")
    for part in ("texts", "records"):
        (fresh / part).mkdir(parents=True)
    assert not ahead.take(now, fresh)


def test_what_should_stand_in_a_folder_that_was_taken_over_stays_in_the_list(
    built: Path, tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    shutil.copytree((built / "current").resolve(), before)
    slugs = sorted(path.stem for path in (before / "texts").iterdir())
    shutil.copytree(before, after, copy_function=os.link)
    (after / sealing.FILE).unlink()
    (after / "texts" / f"{slugs[0]}.txt").unlink()
    (after / "texts" / f"{slugs[0]}.txt").write_text("改过的文本", encoding="utf-8")
    (after / "records" / f"{slugs[1]}.json").unlink()
    sealing.seal(after, before, ahead.taken(slugs[:1]))
    (fault,) = sealing.faults(after)
    assert fault.path == after / "records" / f"{slugs[1]}.json"
    assert sealing.names(before) == list(sealing.read(before) or ())
    known = sealing.read(after)
    assert known
    assert known[f"texts/{slugs[0]}.txt"][0] == len("改过的文本".encode())


def test_a_list_of_checksums_in_one_line_is_read_as_well(built: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    shutil.copytree((built / "current").resolve(), build)
    file = build / sealing.FILE
    known, told = sealing.read(build), json.loads(file.read_bytes())
    body = json.dumps(told["files"], ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(body.encode()).hexdigest()
    file.write_text(f'{{"files": {body}, "sha256": "{digest}", "version": 1}}', encoding="utf-8")
    assert sealing.read(build) == known
    sealing.seal(build, build)
    assert json.loads(file.read_bytes()) == told
    assert file.read_bytes().count(b"\n") > len(known or ())


def test_what_was_made_ahead_is_for_one_build(built: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    ahead.prepare(data)  # nothing is built yet
    assert not data.exists()
    shutil.copytree(built, data, symlinks=True)
    now, fresh = (data / "current").resolve(), tmp_path / "fresh"
    other = now.with_name("other")
    shutil.copytree(now, other)
    for part in ("texts", "records"):
        (fresh / part).mkdir(parents=True)
    (fresh / "texts" / "420115-jiangxia-2024.txt").write_text("另一份文本", encoding="utf-8")
    ahead.prepare(data)
    assert not ahead.take(other, fresh)
    assert len(list(fresh.glob("*/*"))) == 1
    assert ahead.take(now, fresh)
    assert not ahead.take(now, fresh)
    for part in ("texts", "records"):
        there, here = ({path.name for path in (folder / part).iterdir()} for folder in (now, fresh))
        assert here == there
    assert (fresh / "texts" / "420115-jiangxia-2024.txt").read_text(encoding="utf-8") == "另一份文本"
    assert not list(sealing.faults(now))
    ahead.prepare(data)
    mended = now / "texts" / "420115-jiangxia-2024.txt"
    text = mended.read_bytes()
    mended.unlink()
    mended.write_bytes(text)
    assert not ahead.take(now, fresh), "a file of the build is another than when the links were made"
    assert not (fresh / ahead.FOLDER).exists()
    ahead.prepare(data)
    publishing.switch(data, "other")
    ahead.prepare(data)
    assert [path.name for path in (data / ahead.FOLDER).iterdir()] == ["other"]
