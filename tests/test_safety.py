"""What was published is not lost: rollback, backup and restore, verify, and what damage, a full disk and a kill come to.

Two hundred faults at random: benchmarks/faults_injected.py; what they came to: docs/safety.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest
from typer.testing import CliRunner

from api.settings import Settings
from api.writing.tokens import add_token, load_tokens
from benchmarks import fault_work as faults
from benchmarks.fault_work import SLUG
from benchmarks.faults_injected import Bench
from graph import (
    backup,
    cache_files,
    databases,
    disk,
    finding_file,
    journal,
    publishing,
    sealing,
    trail,
    verifying,
)
from graph.build import KEPT_BUILDS, BuildJob, open_current, read_summary
from graph.errors import BadInput, NotFound, StoreError
from graph.incremental import find_record, read_text
from graph.rollback import kept_builds, rollback
from graph.stores import open_store
from shapes.building import judge_job
from shapes.judging import judge_build
from shapes.waivers import kept
from tests.support.server import running
from zhengmai import app


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A data folder with three builds, a cache, a folder of plans and a backup."""
    return Bench(tmp_path_factory.mktemp("bench"), seed=3)


@pytest.fixture
def data(bench: Bench) -> Path:
    return bench.copy()


def command(*words: object) -> tuple[int, str]:
    """A command's exit code and what it printed, or why it was refused."""
    result = CliRunner().invoke(app, [str(one) for one in words])
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


# -- rollback --------------------------------------------------------------------------------------------------------


def test_a_rollback_is_followed_by_a_running_service_and_noted(data: Path) -> None:
    with running(Settings(data=data, query_seconds=100)) as address:
        assert "增长30%" in httpx.get(f"{address}/plans/{SLUG}?lang=zh", timeout=60).text
        code, said = command("rollback", "--data", data, "--by", "desk", "--lang", "en")
        assert code == 0, said
        assert "增长29%" in httpx.get(f"{address}/plans/{SLUG}?lang=zh", timeout=60).text
    last = trail.read_trail(data)[-1]
    assert (last.kind, last.agent, last.build) == ("rollback", "desk", open_current(data).name)
    code, listed = command("rollback", "--list", "--data", data)
    assert [line[0] for line in listed.splitlines()[:3]] == [" ", "*", " "]
    assert verifying.verify(open_current(data), data).sound


def test_a_build_after_a_rollback_reads_the_folder_and_keeps_what_was_gone_back_to(data: Path) -> None:
    oldest = kept_builds(data)[-1].folder
    rollback(data, oldest.name, "desk")
    with BuildJob(data / "corpus", data) as job:
        assert not job.unchanged
        judge_job(job)
        job.publish()
    kept = [one.folder.name for one in kept_builds(data)]
    assert oldest.name in kept
    assert len(kept) == KEPT_BUILDS
    assert "30%" in (read_text(open_current(data), SLUG) or "")


def test_a_rollback_to_what_is_not_there_or_not_whole_changes_nothing(data: Path) -> None:
    now = open_current(data)
    with pytest.raises(NotFound, match="those that are"):
        rollback(data, "none", "desk")
    with pytest.raises(StoreError, match="already"):
        rollback(data, now.name, "desk")
    text = publishing.builds(data)[-2] / "texts" / f"{SLUG}.txt"
    text.unlink()
    with pytest.raises(StoreError, match=r"missing.*zhengmai verify"):
        rollback(data, None, "desk")
    assert open_current(data) == now
    assert not list((data / journal.FOLDER).glob("*"))


def test_how_many_builds_are_kept_is_a_setting(data: Path) -> None:
    now = open_current(data)
    publishing.remove_old(data, 1, now)
    assert publishing.builds(data) == [now]


def test_a_clock_that_is_set_back_does_not_change_the_order_of_builds(data: Path) -> None:
    last = publishing.builds(data)[-1].name
    names = [publishing.new_name(data, datetime(year, 1, 1, tzinfo=UTC), "0" * 64) for year in (1999, 2199)]
    assert all(name > last for name in names)
    assert names[0].partition("-")[0][:8] == last[:8]


# -- the lock, the disk, the cache -----------------------------------------------------------------------------------


def test_whoever_finds_the_lock_taken_is_told_who_has_it(data: Path) -> None:
    with journal.take_lock(data), pytest.raises(StoreError) as refused:
        journal.take_lock(data)
    for lang in ("en", "zh"):
        assert f"kill {os.getpid()}" in refused.value.text(lang)
        assert f"{datetime.now(UTC):%Y-%m-%d}" in refused.value.text(lang)
    journal.take_lock(data).close()


@pytest.mark.parametrize("work", [faults.build, faults.back_up, faults.take_back])
def test_a_full_disk_is_told_and_leaves_what_was(bench: Bench, work: Callable[[Path], None]) -> None:
    data = bench.copy(links=False)
    code, said = bench.do(work, data, limit=50_000)
    assert code == faults.TOLD
    # SQLite calls a file that may not grow an I/O error; where not even the words have room there are none.
    assert "disk is full" in said or "cannot be read or written" in said or not said, said
    found = bench.judged("", work, data)
    assert found.outcome == "old", found.note


def _judge_again(data: Path) -> None:
    judge_build(open_current(data), only=[SLUG])


def test_no_room_for_what_is_found_is_told(bench: Bench, data: Path) -> None:
    code, said = bench.do(_judge_again, data, limit=4096)
    assert code == faults.TOLD, said
    assert str(open_current(data)) in said


def test_other_failures_of_the_system_are_told_with_their_file(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match=r"absent: cannot be read or written: No such file"),
        disk.told(tmp_path),
    ):
        (tmp_path / "absent").read_text()
    with pytest.raises(RuntimeError, match="a defect"), disk.told(tmp_path):
        raise RuntimeError("a defect")


def test_a_cache_entry_that_reads_well_but_is_another_is_not_believed(bench: Bench, data: Path) -> None:
    entry = next(path for path in (data / "cache").iterdir() if b"30%" in path.read_bytes())
    assert cache_files.read(entry) is not None
    entry.write_bytes(entry.read_bytes().replace(b"30%", b"90%"))
    assert cache_files.read(entry) is None


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what", ["store", "manifest", "search index", "findings", "texts, records", "lists", "any"]
)
def test_damage_is_told_and_never_answered_from(bench: Bench, what: str) -> None:
    found = bench.damaged(what)
    assert found.outcome in ("told", "harmless"), found.note


def test_a_store_whose_manifest_was_cut_at_a_record_is_not_opened(data: Path) -> None:
    store = open_current(data) / "store"
    manifest = next(store.glob("MANIFEST-*"))
    body = manifest.read_bytes()
    manifest.unlink()
    manifest.write_bytes(body[:-1])
    with pytest.raises(StoreError, match=r"zhengmai rollback"):
        open_store(store)


def test_a_damaged_build_is_not_served_and_the_next_build_makes_a_whole_one(data: Path) -> None:
    folder = open_current(data)
    heads = folder / "heads.jsonl"
    body = heads.read_bytes()
    heads.unlink()
    heads.write_bytes(body.replace("西陵区".encode(), "夷陵区".encode()))
    code, said = command("serve", "--data", data, "--port", "0")
    assert code != 0
    assert "heads.jsonl: is not what was published" in said
    assert command("verify", "--data", data, "--lang", "en")[0] == 1
    faults.rebuild(data)
    assert open_current(data) != folder
    assert verifying.verify(open_current(data), data).sound


@pytest.mark.parametrize(
    "name", ["records/420502-xiling-2024.json", "texts/420502-xiling-2024.txt", "search.db"]
)
def test_whoever_builds_again_takes_no_damage_over(data: Path, name: str) -> None:
    path = open_current(data) / name
    body = path.read_bytes()
    path.unlink()
    path.write_bytes(body[:-5])
    assert not verifying.verify(open_current(data), data).sound
    faults.rebuild(data)
    assert verifying.verify(open_current(data), data).sound


def test_a_kill_leaves_a_whole_state(bench: Bench) -> None:
    for work in (faults.upload, faults.go_back, faults.take_back):
        found = bench.killed(work)
        assert found.outcome in ("old", "new"), found.note


@pytest.mark.parametrize("seed", range(4))
def test_a_store_elsewhere_that_fails_in_the_middle_is_told_or_whole(bench: Bench, seed: int) -> None:
    bench.chance.seed(seed)
    for found in (bench.put_in(), bench.ask()):
        assert found.outcome != "WRONG", found.note


# -- verify ----------------------------------------------------------------------------------------------------------


def disagreements(build: Path) -> str:
    """What verifying finds in a build whose checksums are made anew: only its parts disagree."""
    (build / sealing.FILE).unlink()
    sealing.seal(build)
    return "\n".join(verifying.verify(build, None).lines("en"))


def test_verify_tells_what_agrees(data: Path) -> None:
    code, said = command("verify", "--data", data, "--lang", "en")
    assert code == 0, said
    assert "3 documents" in said
    assert "agree" in said
    assert "一致" in command("verify", "--data", data)[1]


def test_verify_finds_a_text_that_is_another(bench: Bench) -> None:
    build = open_current(bench.copy(links=False))
    text = build / "texts" / f"{SLUG}.txt"
    text.write_text("　" + text.read_text(encoding="utf-8"), encoding="utf-8")
    said = disagreements(build)
    assert f"{SLUG}: the text is not the one that its record was read from" in said
    assert "but the text has" in said


def test_verify_finds_triples_findings_and_rows_that_do_not_fit(bench: Bench) -> None:
    build = open_current(bench.copy(links=False))
    store = ox.Store(str(build / "store"))
    target = ox.NamedNode(f"https://w3id.org/zhengmai/id/document/{SLUG}/target/1")
    for quad in list(store.quads_for_pattern(target, None, None, None)):
        store.remove(quad)
    store.flush()
    del store
    record = build / "records" / f"{SLUG}.json"
    record.write_text(record.read_text(encoding="utf-8").replace("更新机床", "更换机床"), encoding="utf-8")
    with closing(databases.changed(build / finding_file.FILE)) as base, base:
        number, kept = base.execute(
            "SELECT number, packed FROM finding JOIN body USING (number) WHERE document = ?", [SLUG]
        ).fetchone()
        body = finding_file.unpacked(kept).decode().replace(f'"document":"{SLUG}"', '"document":"nobody"', 1)
        base.execute("UPDATE body SET packed = ? WHERE number = ?", [finding_file.packed(body), number])
    said = disagreements(build)
    assert f"{SLUG}: its graph has" in said
    assert "triples: the build tells" in said
    assert "is about nobody, which is not in the build" in said


# -- backup and restore ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.zst"])
def test_a_backup_is_restored_whole(bench: Bench, data: Path, tmp_path: Path, suffix: str) -> None:
    token = add_token(data / "tokens.json", "office")
    file, new = tmp_path / f"b.{suffix}", tmp_path / "new"
    code, said = command("backup", file, "--data", data, "--lang", "en")
    assert code == 0, said
    assert hashlib.sha256(file.read_bytes()).hexdigest() in said
    assert file.stat().st_mode & 0o077 == 0
    assert command("verify", "--backup", file)[0] == 0
    code, said = command("restore", file, "--data", new)
    assert code == 0, said
    assert {**faults.answers(new), "store": ""} == {**bench.good, "store": ""}
    assert verifying.verify(open_current(new), new).sound
    assert [one.name for one in load_tokens(new / "tokens.json")] == ["office"]
    assert [one.kind for one in trail.read_trail(new)] == ["add", "replace", "restore"]
    assert token not in file.read_bytes().decode("latin-1")
    # Whoever goes on from there builds the folder that came along.
    with BuildJob(new / "corpus", new) as job:
        assert job.unchanged
    assert read_summary(open_current(new)).plans == str((new / "corpus").resolve())


def test_a_backup_is_read_by_other_programs(bench: Bench, tmp_path: Path) -> None:
    with tarfile.open(bench.base / "old.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    bag = tmp_path / "zhengmai-backup"
    lines = (bag / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
    told = {name: sha256 for sha256, name in (line.split("  ", 1) for line in lines)}
    there = {path.relative_to(bag).as_posix() for path in (bag / "data").rglob("*") if path.is_file()}
    assert told.keys() == there
    assert all(hashlib.sha256((bag / name).read_bytes()).hexdigest() == told[name] for name in told)
    quads = sum(len(list(ox.parse(path=str(path)))) for path in (bag / "data" / "quads").iterdir())
    assert quads == json.loads((bag / "data" / "backup.json").read_bytes())["triples"]


def test_what_is_there_gives_way_only_when_asked_and_its_tokens_and_trail_stay(data: Path) -> None:
    file = data.parent / "old.tar.gz"
    with pytest.raises(BadInput, match="--replace"):
        backup.restore(file, data, "desk")
    rollback(data, None, "desk")
    add_token(data / "tokens.json", "mine")
    before = open_current(data)
    done = backup.restore(file, data, "desk", replace=True)
    assert "30%" in (read_text(done.build, SLUG) or "")
    assert before in publishing.builds(data)
    assert [one.kind for one in trail.read_trail(data)] == ["add", "replace", "rollback", "restore"]
    assert [one.name for one in load_tokens(data / "tokens.json")] == ["mine"]
    assert verifying.verify(done.build, data).sound


@pytest.mark.parametrize("how", ["cut", "bit", "other"])
def test_a_damaged_backup_is_refused_and_changes_nothing(bench: Bench, tmp_path: Path, how: str) -> None:
    body = bytearray((bench.base / "old.tar.gz").read_bytes())
    if how == "cut":
        body = body[:-5000]
    elif how == "bit":
        body[len(body) // 2] ^= 4
    else:
        body = bytearray(b"nothing")
    file, new = tmp_path / "b.tar.gz", tmp_path / "new"
    file.write_bytes(body)
    with pytest.raises(StoreError, match="no whole backup"):
        backup.restore(file, new, "desk")
    assert not (new / "current").exists()
    shutil.rmtree(new, ignore_errors=True)
    with pytest.raises(StoreError):
        backup.check(file)


def test_names_of_backups(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\.tar\.gz"):
        backup.backup(data, tmp_path / "backup.zip")
    (tmp_path / "b.tar.gz").write_text("mine")
    with pytest.raises(BadInput, match="there already"):
        backup.backup(data, tmp_path / "b.tar.gz")
    assert not list(tmp_path.glob(".*.part"))


def test_a_file_that_is_missing_is_told_not_taken_for_one_that_never_was(data: Path) -> None:
    build = open_current(data)
    for name in (f"texts/{SLUG}.txt", f"records/{SLUG}.json", "waivers.json"):
        (build / name).unlink()
    with pytest.raises(StoreError, match="missing"):
        read_text(build, SLUG)
    with pytest.raises(StoreError, match="missing"):
        find_record(build, SLUG)
    with pytest.raises(StoreError, match="missing"):
        kept(build)
    assert find_record(build, "nobody") is None
