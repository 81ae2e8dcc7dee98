"""A build on Spark equals the one on a single machine: every triple, every finding, whatever happens to a worker."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from api.linked import distributions
from benchmarks import corpus
from distributed.building import PARTS, TABLES, SparkJob, source_at, write_out
from distributed.folders import address, local_path
from distributed.session import check, session
from distributed.tasks import TABLES as NAMES
from graph import stores
from graph.build import BuildJob, open_current, read_summary
from graph.errors import BadInput
from shapes.building import judge_job
from tests.support.cluster import SETTINGS, cluster
from tests.support.equal import differences, statements

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PLANS = Path(__file__).parent.parent / "plans"


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that Hadoop knows as viewfs://far/mounted: a file system that is not this machine's own."""
    return tmp_path_factory.mktemp("mounted")


@pytest.fixture(scope="module")
def spark(mounted: Path) -> Iterator[SparkSession]:
    """Two threads of one process that run tasks."""
    mount = {"spark.hadoop.fs.viewfs.mounttable.far.link./mounted": address(str(mounted))}
    with session("local[2]", {**SETTINGS, **mount}) as found:
        yield found


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Sixty plans with faults of every kind, and the data folder that a single machine made of them."""
    folder = tmp_path_factory.mktemp("generated")
    corpus.write(folder / "plans", 60, 5, 0.6)
    with BuildJob(folder / "plans", folder / "data") as job:
        judge_job(job)
        job.publish()
    return folder / "plans", folder / "data"


def quietly(what: str, done: int, total: int) -> None:
    """No progress."""


def build(spark: SparkSession, plans: Path | str, data: Path, **more: Any) -> SparkJob:
    with (
        source_at(spark, str(plans)) as (source, folder, names),
        SparkJob(spark, folder, data, source=source, names=names, **more) as job,
    ):
        if not job.unchanged:
            job.publish()
        return job


@pytest.fixture(scope="module")
def far(mounted: Path) -> str:
    """The plans that come along, on another file system."""
    shutil.copytree(PLANS, mounted / "plans")
    return "viewfs://far/mounted/plans"


@pytest.fixture(scope="module")
def real(spark: SparkSession, far: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, built on Spark."""
    data = tmp_path_factory.mktemp("real") / "data"
    build(spark, far, data, work="viewfs://far/mounted/work")
    return data


def test_the_real_corpus_equals_the_single_machine(real: Path, built: Path) -> None:
    assert differences(built, real) == []
    one, other = (read_summary(open_current(data)) for data in (built, real))
    assert (one.counts, one.inputs, one.inputs_hash) == (other.counts, other.inputs, other.inputs_hash)
    assert one.idle_corrections == other.idle_corrections


def test_it_serves_every_command(real: Path) -> None:
    asked = [sys.executable, "-m", "zhengmai", "ask", "lead-agencies", "domain=教育", "--data", str(real)]
    told = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert "教育" in told.stdout
    checked = [sys.executable, "-m", "zhengmai", "check", "--data", str(real), "--format", "json"]
    found = subprocess.run(checked, check=False, capture_output=True, text=True)
    assert (found.returncode, '"findings"' in found.stdout) == (1, True)


def test_nothing_changed_means_nothing_is_made(spark: SparkSession, far: str, real: Path) -> None:
    before = open_current(real)
    assert build(spark, far, real).unchanged
    assert open_current(real) == before
    assert [path.name for path in (real / "builds").iterdir()] == [before.name], "nothing is left lying about"


def test_a_generated_corpus_equals_the_single_machine(
    spark: SparkSession, generated: tuple[Path, Path], tmp_path: Path
) -> None:
    plans, data = generated
    job = build(spark, plans, tmp_path / "data")
    assert differences(data, tmp_path / "data") == []
    assert job.sizes is not None
    assert min(job.sizes.shared, job.sizes.uppers, job.sizes.views, job.sizes.agencies) > 0


def test_the_tables_are_those_that_are_published(built: Path, real: Path, tmp_path: Path) -> None:
    distributions.write(open_current(built), tmp_path)
    for name in NAMES:
        published = pq.read_table(tmp_path / f"{name}.parquet")
        ours = pq.read_table(open_current(real) / TABLES / f"{name}.parquet")
        assert [(one.name, one.type) for one in published.schema] == [
            (one.name, one.type) for one in ours.schema
        ]
        assert ours.num_rows > 0
        key = published.schema.names[0]
        rows = [sorted(map(str, table.to_pylist())) for table in (published, ours)]
        assert rows[0] == rows[1], (name, key)


def test_parts_and_tables_stand_under_an_address(
    spark: SparkSession, real: Path, mounted: Path, tmp_path: Path
) -> None:
    there, out = "viewfs://far/mounted/out/某日", mounted / "out" / "某日"
    with source_at(spark, str(PLANS)) as (source, folder, names):
        summary = write_out(spark, folder, source, names, there, quietly)
        with pytest.raises(BadInput, match="something stands there"):
            write_out(spark, folder, source, names, there, quietly)
    parts = sorted((out / PARTS).glob("part-*.nq"))
    lines = [part.read_bytes().splitlines() for part in parts]
    assert all(part == sorted(set(part)) and part for part in lines)
    assert summary.counts == read_summary(open_current(real)).counts
    assert read_summary(out) == summary
    assert summary.counts["triples"] == sum(map(len, lines)), "none stands in two parts"
    stores.create(tmp_path / "store", parts)
    assert statements(tmp_path / "store") == statements(open_current(real) / "store")
    # Hadoop writes checksums beside its files, under names that begin with a dot.
    assert {path.name for path in out.iterdir() if path.name[0] != "."} == {PARTS, TABLES, "build.json"}
    assert {path.name for path in (out / TABLES).iterdir() if path.name[0] != "."} == {
        f"{name}.parquet" for name in NAMES
    }


def test_what_is_wrong_with_a_document_is_told_as_on_a_single_machine(
    spark: SparkSession, tmp_path: Path
) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "a.txt").write_bytes((PLANS / "150300-wuhai-2024.txt").read_bytes())
    (plans / "b.txt").write_text("方案", encoding="utf-8")
    with pytest.raises(BadInput) as single, BuildJob(plans, tmp_path / "one"):
        pass
    with pytest.raises(BadInput) as distributed:
        build(spark, plans, tmp_path / "two")
    assert distributed.value.message == single.value.message
    assert list((tmp_path / "two" / "builds").iterdir()) == []


def test_files_that_spark_passes_over_are_not_lost(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "_a.txt").write_bytes((PLANS / "150300-wuhai-2024.txt").read_bytes())
    with pytest.raises(BadInput, match="rename it"):
        build(spark, tmp_path / "plans", tmp_path / "data")


@pytest.mark.parametrize(
    "where", ["file:///no/such/folder", "nofs://somewhere/plans", "hdfs://127.0.0.1:1/plans"]
)
def test_a_folder_that_cannot_be_read(spark: SparkSession, where: str) -> None:
    if where.startswith("hdfs"):
        spark.sparkContext._jsc.hadoopConfiguration().set("ipc.client.connect.max.retries", "0")
    with pytest.raises(BadInput, match=where) as told, source_at(spark, where):
        pass
    assert told.value.zh
    assert "\n" not in told.value.message


def test_documents_elsewhere_are_for_the_workers_to_read(
    spark: SparkSession, far: str, real: Path, mounted: Path
) -> None:
    with source_at(spark, far) as (_, folder, names):
        assert names is not None
        assert "420115-jiangxia-2024.txt" in names
        assert not list(folder.glob("*.txt"))
        assert (folder / "catalog.yaml").read_bytes() == (PLANS / "catalog.yaml").read_bytes()
    assert read_summary(open_current(real)).plans == far
    assert [path.name for path in mounted.iterdir() if path.name != "out"] == ["plans"], "nothing is left"


def test_addresses() -> None:
    assert address("hdfs://host/a/") == "hdfs://host/a"
    assert address("/a b/方案") == "file:///a b/方案"
    assert local_path("file:///a b/方案") == Path("/a b/方案")
    assert local_path("s3a://bucket/a") is None


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as changed:
        changed.setattr("distributed.session.find_spec", lambda name: None)
        with pytest.raises(BadInput, match=r"pip install 'zhengmai\[spark\]'"):
            check("local[2]")
    with monkeypatch.context() as changed:
        changed.setenv("PATH", str(tmp_path))
        changed.delenv("JAVA_HOME", raising=False)
        with pytest.raises(BadInput, match="needs Java 17"):
            check("local[2]")


@pytest.mark.parametrize(
    ("master", "told"),
    [
        ("local[two]", "is no Spark master"),
        ("http://a", "is no Spark master"),
        ("spark://127.0.0.1:1", "nobody answers"),
    ],
)
def test_a_bad_master_is_said_at_once(master: str, told: str, tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "zhengmai", "build", "--engine", "spark", "--master", master]
    found = subprocess.run(
        [*asked, "--data", str(tmp_path)], check=False, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 2
    assert told in found.stderr
    assert "Traceback" not in found.stderr


def test_a_worker_that_is_killed_in_mid_run_changes_nothing(
    generated: tuple[Path, Path], tmp_path: Path
) -> None:
    plans, data = generated
    (tmp_path / "cluster").mkdir()
    with cluster(tmp_path / "cluster", 2) as found:
        asked = [sys.executable, "-m", "zhengmai", "build", str(plans), "--engine", "spark"]
        asked += ["--master", found.url, "--data", str(tmp_path / "data")]
        for name, value in SETTINGS.items():
            asked += ["--conf", f"{name}={value}"]
        with subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            assert running.stderr is not None
            # A worker that has begun to write what it derived.
            begun = "builds/spark-*.part/made/_temporary/0/_temporary/attempt_*/*.parquet"
            while not list((tmp_path / "data").glob(begun)) and running.poll() is None:
                time.sleep(0.02)
            assert running.poll() is None, running.stderr.read().decode()
            assert found.executors(1), "it ran tasks"
            found.kill(1)
            told = running.stderr.read().decode()
            assert running.wait() == 0, told
    assert differences(data, tmp_path / "data") == []
