"""Building and publishing: ``build``, ``publish``."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.common import DATA, PLANS, Data, StoreUrl, bar, connection_to, one_of, tell, tell_idle
from graph.errors import BadInput

if TYPE_CHECKING:
    from graph.build import BuildJob
    from shapes.finding_store import Findings
    from shapes.waivers import Waivers

app = typer.Typer()


@app.command(epilog="Example: zhengmai build plans --data data")
def build(
    plans: Annotated[
        str | None,
        typer.Argument(
            help="Folder of plan documents; without one, that which the service writes to, else the plans that come along."
            " With Spark also an address that Hadoop knows (hdfs://…, s3a://…)."
        ),
    ] = None,
    data: Data = DATA,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Read everything again, whatever is cached.")
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", envvar="ZHENGMAI_KEPT_BUILDS", min=1, help="Builds that are kept.")
    ] = 3,
    store: StoreUrl = None,
    engine: Annotated[str, typer.Option("--engine", help="local or spark (docs/spark.md).")] = "local",
    master: Annotated[
        str, typer.Option("--master", help="With Spark: local[2], spark://HOST:7077, yarn, k8s://…")
    ] = "local[*]",
    out: Annotated[
        str | None,
        typer.Option(
            "--out", help="With Spark: write N-Quads and Parquet under this address, publish nothing."
        ),
    ] = None,
    work: Annotated[
        str | None,
        typer.Option(
            "--work", help="With Spark: an address that all workers reach, for what lies between steps."
        ),
    ] = None,
    conf: Annotated[
        list[str] | None,
        typer.Option("--conf", help="With Spark: a setting of it, name=value; several times."),
    ] = None,
) -> None:
    """Read all plans of a folder, compare the levels, judge, and put the new store in place in one step."""
    from graph import disk
    from graph.build import BuildJob
    from shapes.waivers import load_waivers

    one_of("--engine", engine, ("local", "spark"))
    if engine == "spark":
        _build_on_spark(plans, data, fresh, master, out, work, conf or [])
        return
    folder = _plans_of(Path(plans) if plans else None, data)
    waivers = load_waivers(folder)
    with bar() as progress, BuildJob(folder, data, progress=progress, fresh=fresh, kept=keep) as job:
        if not job.unchanged:
            progress("judging with SHACL", 0, 1)
            with disk.told(data):
                _judge(job, waivers)
            progress("judging with SHACL", 1, 1)
            job.publish()
    _tell_build(job)
    if store:
        _publish(job.folder, store)


def _build_on_spark(
    plans: str | None,
    data: Path,
    fresh: bool,
    master: str,
    out: str | None,
    work: str | None,
    conf: list[str],
) -> None:
    from distributed.session import session

    settings = {name: value for name, equals, value in (one.partition("=") for one in conf) if equals}
    if len(settings) != len(conf):
        raise BadInput("--conf: write name=value, each name once, as spark.executor.memory=4g")
    where = plans or str(_plans_of(None, data))
    with session(master, settings) as spark, bar() as progress:
        from distributed.building import SparkJob, source_at, write_out

        with source_at(spark, where) as (source, folder, names):
            if out is not None:
                told = write_out(spark, folder, source, names, out, progress)
                tell_idle(told.idle_corrections)
                print(json.dumps({"out": out, **told.counts}, ensure_ascii=False))
                return
            if names is None:
                _plans_of(folder, data)  # refuses to pass over what the service wrote
            with SparkJob(
                spark,
                folder,
                data,
                source=source,
                names=names,
                work=work,
                progress=progress,
                fresh=fresh,
            ) as job:
                if not job.unchanged:
                    job.publish()
    _tell_build(job)


def _tell_build(job: BuildJob) -> None:
    from graph.build import read_summary
    from shapes.finding_store import Findings

    summary = read_summary(job.folder)
    if job.unchanged:
        tell(f"Nothing has changed since {summary.made}; the build stays as it is.")
    elif summary.reused:
        tell(
            f"{summary.reused} of {summary.counts['documents']} documents were unchanged and taken from the cache."
        )
    tell_idle(summary.idle_corrections)
    findings = Findings(job.folder, date.today())  # noqa: DTZ011 - the day where the build is made
    for notice in findings.notices:
        tell(notice.words.zh if os.environ.get("LANG", "").startswith("zh") else notice.words.en)
    _print_summary(summary.counts, findings)
    findings.close()


@app.command("publish", epilog="Example: zhengmai publish --store http://127.0.0.1:7878")
def publish_command(store: StoreUrl = None, data: Data = DATA) -> None:
    """Put the built graph into the store of a server: only what changed there; what was cut off is done again."""
    from graph.build import open_current

    if not store:
        raise BadInput("--store: name the server, for example --store http://127.0.0.1:7878")
    _publish(open_current(data), store)


def _publish(build: Path, store: str) -> None:
    from graph.remote_publishing import publish

    connection = connection_to(store)
    with bar() as progress:
        done = publish(build, connection, progress)
    tell(
        f"{connection.where}: holds build {build.name} ({done.loaded} graphs put in, {done.kept} were there, "
        f"{done.removed} removed, {done.triples:,} triples sent)."
    )


def _plans_of(plans: Path | None, data: Path) -> Path:
    """The folder to build. What was added through the service must not be lost by a build of another folder."""
    from graph.trail import read_trail

    corpus = Path(os.environ.get("ZHENGMAI_CORPUS") or data / "corpus")
    if not corpus.is_dir():
        return plans or PLANS
    if plans is not None and plans.resolve() != corpus.resolve() and read_trail(data):
        raise BadInput(
            f"{plans}: {data} is built of {corpus}, which was changed through the service; name no folder to build "
            "that one, or give another --data"
        )
    return plans or corpus


def _judge(job: BuildJob, waivers: Waivers) -> None:
    """Validate the new store and write the findings beside it, and the waivers that decide on them day by day."""
    from shapes.building import judge_job

    judge_job(job, waivers)


def _print_summary(counts: dict[str, int], findings: Findings) -> None:
    """The counts of a build on stdout, findings by outcome last."""
    names = {
        "documents": "documents read 读取的方案",
        "records": "records by hand 人工记录",
        "stubs": "known by citation only 仅见引用",
        "actions": "tasks 任务",
        "assignments": "assignments 职责分工",
        "targets": "targets 目标",
        "agencies": "agencies 单位",
        "comparisons": "comparisons 上下级比较",
        "triples": "triples 三元组",
    }
    for key, label in names.items():
        print(f"{counts[key]:>8,}  {label}")
    report = findings.head
    print(f"{report.summary.findings:>8,}  findings 检查结果")
    for key, count in report.summary.by_outcome.items():
        note = report.rules.get(key) or report.rules.get(findings.rule_of_outcome[key])
        print(f"{count:>12,}  {key} {note.label.zh if note else ''}".rstrip())
