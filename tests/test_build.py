"""A build: incremental, put in place in one step, and never the loss of what was published."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import corpus
from graph.build import BuildJob, current_build, open_current, read_summary
from graph.errors import BadInput, StoreError
from graph.stores import open_store
from ontology.terms import GRAPH_ONTOLOGY, GRAPH_PROVENANCE
from shapes.judging import judge_build
from tests.support.equal import findings

PLANS = Path(__file__).parent.parent / "plans"
SMALL = ["360704-ganxian-2024.txt", "150300-wuhai-2024.txt"]


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A folder with two of the real plans and the record above them, without a catalogue."""
    folder = tmp_path / "plans"
    (folder / "records").mkdir(parents=True)
    for name in SMALL:
        shutil.copy(PLANS / name, folder / name)
    shutil.copy(PLANS / "records" / "100000-state-council-2024.yaml", folder / "records")
    return folder


def build(plans: Path, data: Path) -> BuildJob:
    with BuildJob(plans, data) as job:
        if not job.unchanged:
            job.publish()
        return job


def test_a_folder_without_a_catalogue_is_built_by_what_the_titles_say(plans: Path, tmp_path: Path) -> None:
    job = build(plans, tmp_path / "data")
    counts = read_summary(job.folder).counts
    assert (counts["documents"], counts["records"], counts["actions"]) == (2, 1, 70)
    store = open_store(job.folder / "store")
    places = {
        row["name"].value
        for row in store.rows(
            "PREFIX zm: <https://w3id.org/zhengmai/ns#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>"
            "SELECT DISTINCT ?name { ?plan a zm:Plan ; zm:jurisdiction/skos:prefLabel ?name }"
        )
        if hasattr(row["name"], "value")
    }
    assert places == {"全国", "赣县区", "乌海市"}


def test_nothing_changed_means_nothing_is_made(plans: Path, tmp_path: Path) -> None:
    first = build(plans, tmp_path / "data")
    second = build(plans, tmp_path / "data")
    assert second.unchanged
    assert second.folder == first.folder == current_build(tmp_path / "data")


def test_only_the_changed_document_is_read_again(plans: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    build(plans, data)
    changed = plans / SMALL[0]
    changed.write_text(changed.read_text(encoding="utf-8").replace("75%、55%", "90%、75%"), encoding="utf-8")
    job = build(plans, data)
    summary = read_summary(job.folder)
    assert not job.unchanged
    assert summary.reused == 1
    # The cache knows each text it has read: going back costs no reading at all.
    shutil.copy(PLANS / SMALL[0], changed)
    assert read_summary(build(plans, data).folder).reused == 2


def test_a_cut_cache_entry_is_read_again(plans: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    whole = read_summary(build(plans, data).folder).counts
    for entry in (data / "cache").iterdir():
        entry.write_bytes(entry.read_bytes()[:500])
    (data / "current").unlink()
    assert read_summary(build(plans, data).folder).counts == whole


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.txt", b"", "is empty"),
        ("picture.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "PNG"),
        ("binary.txt", bytes(range(256)) * 40, "not text"),
        (
            "nowhere.txt",
            "某地推动设备更新方案\n一、目标\n到2027年，更新设备10台。\n".encode(),
            "catalog.yaml",
        ),
    ],
)
def test_a_broken_build_leaves_the_published_one(
    plans: Path, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    data = tmp_path / "data"
    before = build(plans, data).folder
    (plans / name).write_bytes(content)
    with pytest.raises(BadInput, match=says):
        build(plans, data)
    assert current_build(data) == before
    assert len(open_store(before / "store")) > 1000
    assert [path for path in (data / "builds").iterdir() if path.suffix == ".part"] == []


def test_an_interrupted_build_leaves_the_published_one(plans: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    before = build(plans, data).folder
    (plans / SMALL[1]).unlink()
    with pytest.raises(KeyboardInterrupt), BuildJob(plans, data):
        raise KeyboardInterrupt
    assert current_build(data) == before


def test_two_builds_at_once_are_refused(plans: Path, tmp_path: Path) -> None:
    with BuildJob(plans, tmp_path / "data"), pytest.raises(StoreError, match="has been writing here since"):
        build(plans, tmp_path / "data")


def test_the_last_three_builds_are_kept(plans: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for round in range(5):
        (plans / "catalog.yaml").write_text(f"# {round}\ndocuments: []\n", encoding="utf-8")
        last = build(plans, data).folder
    kept = [path for path in (data / "builds").iterdir() if path.suffix != ".part"]
    assert len(kept) == 3
    assert current_build(data) == last


@pytest.mark.parametrize(
    ("catalog", "says"),
    [
        ("documents:\n  - {file: missing.txt}\n", "missing.txt"),
        ("documents:\n  - {file: 150300-wuhai-2024.txt, code: '999999'}\n", "999999"),
        ("documents:\n  - {file: 150300-wuhai-2024.txt, colour: red}\n", "colour"),
        ("documents: [", "not YAML"),
    ],
)
def test_a_wrong_catalogue_says_where(plans: Path, tmp_path: Path, catalog: str, says: str) -> None:
    (plans / "catalog.yaml").write_text(catalog, encoding="utf-8")
    with pytest.raises(BadInput, match=says):
        build(plans, tmp_path / "data")


def test_folders_without_plans_or_builds_are_told(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match="holds no plans"):
        build(tmp_path / "none", tmp_path / "data")
    with pytest.raises(BadInput, match="no such folder"):
        build(tmp_path / "nowhere", tmp_path / "data")
    with pytest.raises(StoreError, match="zhengmai build"):
        open_current(tmp_path / "data")


def _judged(plans: Path, data: Path, *, fresh: bool = False) -> BuildJob:
    with BuildJob(plans, data, fresh=fresh) as job:
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


@pytest.mark.parametrize("changed", ["leaf", "upper"])
def test_a_change_of_one_text_gives_what_a_full_build_gives(tmp_path: Path, changed: str) -> None:
    corpus.write(tmp_path / "plans", 24, seed=11, seeded=0.5)
    first = _judged(tmp_path / "plans", tmp_path / "data")
    assert first.step is None
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    made = list(corpus.plans(24, seed=11, seeded=0.5))
    plan = made[1] if changed == "upper" else made[-1]
    file = tmp_path / "plans" / f"{plan.slug}.txt"
    text = file.read_text(encoding="utf-8")
    assert "45%" in text
    file.write_text(text.replace("45%", "41%").replace("教育", "文旅"), encoding="utf-8")

    second = _judged(tmp_path / "plans", tmp_path / "data")
    assert second.step is not None
    assert second.step.changed == [plan.slug]
    # The plans below are judged again too; the plan above is not, since its sums do not speak of this one.
    below = [one.slug for one in made if one.code[:2] == plan.code[:2]]
    assert len(second.step.affected) == (1 if changed == "leaf" else len(below))
    full = _judged(tmp_path / "plans", tmp_path / "other")
    assert full.step is None
    assert _quads(second.folder) == _quads(full.folder)
    assert findings(second.folder) == findings(full.folder)
    one, other = read_summary(second.folder), read_summary(full.folder)
    assert one.counts | {"triples": 0} == other.counts | {"triples": 0}
    assert one.counts["triples"] == len(open_store(second.folder / "store"))
    # The build before is as it was.
    assert {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("what", ["title", "catalogue", "added"])
def test_what_other_documents_go_by_makes_a_full_build(plans: Path, tmp_path: Path, what: str) -> None:
    data = tmp_path / "data"
    _judged(plans, data)
    first = plans / SMALL[0]
    if what == "title":
        text = first.read_text(encoding="utf-8")
        first.write_text(text.replace("赣区府发〔2024〕2号", "赣区府发〔2024〕3号"), encoding="utf-8")
    elif what == "catalogue":
        (plans / "catalog.yaml").write_text("documents: []\n", encoding="utf-8")
    else:
        shutil.copy(PLANS / "120114-wuqing-2024.txt", plans / "120114-wuqing-2024.txt")
    assert _judged(plans, data).step is None
