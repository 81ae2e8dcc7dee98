"""How fast plans are read: text to record, against `jieba.cut` over the same texts.

    make bench                              or: python benchmarks/reading.py [--plans 1000] [--part speed]

Cutting the text into words is the least that a usual Chinese pipeline does. The corpus is made from the five plans that
come along: each variant has its own place name, figures and order of tasks, and names put before some of its things,
so that no cache of phrases helps. Everything runs on one core, the two by turns in batches of 20 plans; the dictionary
and the vocabularies are loaded before. Memory is the peak of a process of its own that reads one plan after another and
keeps none. Two processes are two cores, half the corpus each.

Prints its figures; raises nothing but what the reader raises. Linux only (it pins processes to cores).
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing as mp
import os
import platform
import random
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from graph import divisions  # noqa: E402
from graph.extraction import extract  # noqa: E402
from graph.linking import link  # noqa: E402

BATCH = 20
_MARK = re.compile(r"^(\s*(?:（[一二三四五六七八九十]+）|\d{1,2}[.．、](?!\d)))", re.MULTILINE)
_CHAPTER = re.compile(r"^(?=\s*[一二三四五六七八九十]+、)", re.MULTILINE)
_FIGURE = re.compile(r"(?<![\d.])(?!20\d\d年)\d+(?:\.\d+)?(?=[%％万亿台套辆个家项座公吨处户艘])")
_THING = re.compile("设备|项目|企业|设施")


def sources() -> list[tuple[str, str, str]]:
    """The five plans: code, the name of the place, text."""
    found = []
    for path in sorted((ROOT / "plans").glob("*.txt")):
        code = path.stem[:6]
        found.append((code, divisions.divisions()[code].name, path.read_text(encoding="utf-8")))
    return found


def variants(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """``count`` plans, code and text, the same for the same seed; made one at a time."""
    chance = random.Random(seed)  # noqa: S311 - a corpus, not a secret
    originals = sources()
    counties = [one for one in divisions.divisions().values() if one.level == "county" and len(one.name) > 2]
    stems = [one.name[:-1] for one in counties]
    for number in range(count):
        _, place, text = originals[number % len(originals)]
        other = chance.choice(counties)
        text = text.replace(place, other.name).replace(place[:-1], other.name[:-1])
        text = _FIGURE.sub(lambda match: _like(match.group(), chance), text)
        text = _THING.sub(
            lambda match: (chance.choice(stems) if chance.random() < 0.1 else "") + match.group(), text
        )
        yield other.code, "".join(_shuffled(chapter, chance) for chapter in _CHAPTER.split(text))


def _like(figure: str, chance: random.Random) -> str:
    """Another figure with as many digits."""
    return re.sub(r"\d", lambda digit: str(chance.randint(1, 9)), figure)


def _shuffled(chapter: str, chance: random.Random) -> str:
    """The tasks of a chapter in another order under the same numbers."""
    first, *rest = _MARK.split(chapter)
    marks, tasks = rest[::2], rest[1::2]
    chance.shuffle(tasks)
    return first + "".join(mark + task for mark, task in zip(marks, tasks, strict=True))


def read(code: str, text: str) -> int:
    """Text to record; the number of its tasks and targets."""
    record = link(extract(text, f"{code}-variant", code))
    return len(record.actions) + len(record.targets)


def size(texts: list[tuple[str, str]]) -> float:
    """Megabytes (10^6 bytes) of UTF-8."""
    return sum(len(text.encode()) for _, text in texts) / 1e6


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time: what else runs on the machine counts less than on the clock."""
    start = time.process_time()
    work()
    return time.process_time() - start


def against_jieba(count: int, seed: int) -> None:
    """Both over the same batches by turns, on this core."""
    try:
        import jieba
    except ImportError:
        raise SystemExit(
            "jieba is not installed; run 'make bench', or pip install 'zhengmai[bench]'"
        ) from None
    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    for code, text in variants(5, seed + 1):
        read(code, text)
        list(jieba.cut(text))
    ours: list[float] = []
    theirs: list[float] = []
    found = 0
    corpus = variants(count, seed)
    for number in range(count // BATCH):
        batch = [next(corpus) for _ in range(BATCH)]
        megabytes = size(batch)

        def reading(batch: list[tuple[str, str]] = batch) -> None:
            nonlocal found
            found += sum(read(code, text) for code, text in batch)

        def cutting(batch: list[tuple[str, str]] = batch) -> None:
            for _, text in batch:
                list(jieba.cut(text))

        # Whoever goes first finds cold caches: take turns at that too.
        for work, speeds in sorted(
            [(reading, ours), (cutting, theirs)], key=lambda pair: pair[0] is reading, reverse=number % 2 == 0
        ):
            speeds.append(megabytes / timed(work))
    print(f"plans read                     {count} ({found} tasks and targets found)")
    print(
        f"zhengmai, text to record       {statistics.median(ours):.3f} MB/s (median of {len(ours)} batches)"
    )
    print(f"jieba.cut                      {statistics.median(theirs):.3f} MB/s")
    print(f"ratio of medians               {statistics.median(ours) / statistics.median(theirs):.2f}")


def peaks(count: int, seed: int, out: SimpleQueue[list[tuple[int, float]]]) -> None:
    """Peak memory of this process in MB (10^6 bytes) after a tenth, a half and the whole of the corpus."""
    at = {count // 10, count // 2, count}
    found: list[tuple[int, float]] = []
    for number, (code, text) in enumerate(variants(count, seed), start=1):
        read(code, text)
        if number in at:
            found.append((number, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6))
    out.put(found)


def share(
    core: int,
    part: int,
    parts: int,
    count: int,
    seed: int,
    ready: Barrier,
    out: SimpleQueue[tuple[float, float]],
) -> None:
    """Read every ``parts``-th plan on one core, once all processes are ready; when it began and ended, in seconds."""
    os.sched_setaffinity(0, {core})
    mine = [plan for number, plan in enumerate(variants(count, seed)) if number % parts == part]
    for code, text in variants(5, seed + 1):
        read(code, text)
    ready.wait()
    start = time.monotonic()
    for code, text in mine:
        read(code, text)
    out.put((start, time.monotonic()))


def seconds(cores: list[int], count: int, seed: int) -> float:
    """How long the corpus takes with one process a core."""
    context = mp.get_context("spawn")
    ready = context.Barrier(len(cores))
    out: SimpleQueue[tuple[float, float]] = context.SimpleQueue()
    workers = [
        context.Process(target=share, args=(core, part, len(cores), count, seed, ready, out))
        for part, core in enumerate(cores)
    ]
    for worker in workers:
        worker.start()
    times = [out.get() for _ in workers]
    for worker in workers:
        worker.join()
    return max(end for _, end in times) - min(start for start, _ in times)


def memory(count: int, seed: int) -> None:
    """Peak memory of a process that reads the corpus."""
    context = mp.get_context("spawn")
    out: SimpleQueue[list[tuple[int, float]]] = context.SimpleQueue()
    worker = context.Process(target=peaks, args=(count, seed, out))
    worker.start()
    told = ", ".join(f"{peak:.1f} MB at {number}" for number, peak in out.get())
    worker.join()
    print(f"peak memory                    {told}")


def processes(count: int, seed: int, cores: list[int]) -> None:
    """One process on one core against two on two, three times by turns: of each, the run that was disturbed least."""
    if len(cores) < 2:
        print("two processes against one      not measured: one core")
        return
    runs = [(seconds(cores[:1], count, seed), seconds(cores[:2], count, seed)) for _ in range(3)]
    one, two = (min(times) for times in zip(*runs, strict=True))
    print(
        f"one process, two processes     {one:.1f} s, {two:.1f} s (least of three): {one / two:.2f} times as fast"
    )


def main() -> None:
    """Run all three, or one, and print."""
    parser = argparse.ArgumentParser(description="text to record, against jieba.cut")
    parser.add_argument("--plans", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=["speed", "memory", "processes", "all"], default="all")
    given = parser.parse_args()
    count = max(BATCH, given.plans // BATCH * BATCH)
    cores = sorted(os.sched_getaffinity(0))
    print(
        f"machine                        {platform.machine()}, {len(cores)} cores, Python {platform.python_version()}"
    )
    print(f"load before                    {os.getloadavg()[0]:.2f}")
    if given.part in {"speed", "all"}:
        os.sched_setaffinity(0, {cores[0]})
        against_jieba(count, given.seed)
        os.sched_setaffinity(0, set(cores))
    if given.part in {"memory", "all"}:
        memory(count, given.seed)
    if given.part in {"processes", "all"}:
        processes(count, given.seed, cores)
    print(f"load after                     {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
