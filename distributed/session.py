"""A Spark session for a build, and what may be wrong before there is one."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from graph.errors import BadInput, ZhengmaiError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MASTER: Final = re.compile(r"local(?:\[(?:\d+|\*)(?:,\d+)?\])?|spark://\S+:\d+(?:,\S+:\d+)*|yarn|k8s://\S+")
_LOOPBACK: Final = re.compile(r"local\b|spark://(?:127\.|localhost\b|\[::1\])")
_REACHED: Final = 5.0  # seconds to wait for a master's port
_CONF: Final = {
    "spark.app.name": "zhengmai",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # What a task wrote is kept when another attempt of it comes second.
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1",
    # No marker files beside the parts.
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "spark.hadoop.parquet.enable.summary-metadata": "false",
    # A broadcast is pickled by Python already.
    "spark.broadcast.compress": "true",
    "spark.sql.parquet.compression.codec": "zstd",
}


@contextmanager
def session(master: str, conf: Mapping[str, str] | None = None) -> Iterator[SparkSession]:
    """A session on a master, ended when it is left; ``conf`` goes before what is set here.

    Raises:
        BadInput: pyspark or Java are missing, the master's address is none, or nobody answers there.
    """
    check(master)
    from pyspark.sql import SparkSession

    settings = {**_CONF, **_around(master), **(conf or {})}
    builder = SparkSession.builder.master(master)
    for name, value in settings.items():
        builder = builder.config(name, value)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spark = builder.getOrCreate()
    except Exception as error:  # what the virtual machine throws comes as several kinds
        raise BadInput(
            f"--master {master}: Spark did not start: {_first_line(error)}",
            zh=f"--master {master}：Spark 没有启动：{_first_line(error)}",
        ) from error
    try:
        yield spark
    except ZhengmaiError:
        raise
    except Exception as error:
        if (told := _told(error)) is None:
            raise
        raise told from error
    finally:
        with suppress(Exception):  # the virtual machine may be gone already
            spark.stop()


def check(master: str) -> None:
    """Raise BadInput, saying what to do, where no session can be had."""
    if find_spec("pyspark") is None:
        raise BadInput(
            "--engine spark needs the package pyspark; install it with: pip install 'zhengmai[spark]'",
            zh="--engine spark 需要 pyspark 软件包；请先安装：pip install 'zhengmai[spark]'",
        )
    if _java() is None:
        raise BadInput(
            "--engine spark needs Java 17 or newer, and no java was found; install one (Debian: default-jre-headless) "
            "or set JAVA_HOME",
            zh="--engine spark 需要 Java 17 或更新版本，但没有找到 java；请安装（Debian：default-jre-headless）或设置 JAVA_HOME",
        )
    if not _MASTER.fullmatch(master):
        raise BadInput(
            f"--master {master}: is no Spark master; write local[2], spark://HOST:7077, yarn or k8s://https://HOST:PORT",
            zh=f"--master {master}：不是 Spark 主节点地址；请写 local[2]、spark://主机:7077、yarn 或 k8s://https://主机:端口",
        )
    if master.startswith("spark://"):
        _reach(master)


def is_near(master: str) -> bool:
    """Whether the workers are processes of this machine, which see its files and packages."""
    return _LOOPBACK.match(master) is not None


def _around(master: str) -> dict[str, str]:
    """Settings for workers on this machine: all traffic on the loopback device, our packages on their path."""
    if not is_near(master):
        return {}
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    packages = str(Path(__file__).resolve().parents[1])
    paths = [packages, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(paths),
    }


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    if home:
        return shutil.which("java", path=str(Path(home) / "bin"))
    return shutil.which("java")


def _reach(master: str) -> None:
    """One master of the list must answer: Spark itself would try for a minute and then end the process."""
    failed = ""
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHED):
                return
        except (OSError, ValueError, OverflowError) as error:
            failed = str(error)
    raise BadInput(
        f"--master {master}: nobody answers there ({failed}); start the master, or look at the address",
        zh=f"--master {master}：无人应答（{failed}）；请启动主节点，或检查地址",
    )


def _told(error: Exception) -> BadInput | None:
    """What a failed job says of itself where it is not our defect: the path or the machines."""
    text = str(error)
    if "all workers are lost" in text or "ExecutorLostFailure" in text:
        return BadInput(
            f"Spark lost its workers again and again ({_first_line(error)}); look at their logs, mostly memory",
            zh=f"Spark 反复丢失工作进程（{_first_line(error)}）；请查看其日志，多为内存不足",
        )
    return None


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[
        :300
    ]
