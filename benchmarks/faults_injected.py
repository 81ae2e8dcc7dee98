"""Faults on purpose, at random moments and places: after each, what is served is whole and right, or an error says so.

    python benchmarks/faults_injected.py --runs 200 --seed 1 --bound 900

Kinds: kill -9 of a build, a small change, an upload, a rollback, a backup and a restore; a disk that is full (a small tmpfs;
where mounting is not permitted, a limit on the size of files); files of the store, the cache, the backup, the search index,
the findings and others with a bit turned, cut short, missing, or changed to something else that reads well; the clock set
back (faketime); two builds at once; a store on a server that hangs, drops, answers 500 or rubbish. The service itself is killed by benchmarks/killing.py.

A round ends as: old (the state before, whole), new (the state after, whole), told (an error in words; what was published is
untouched, or named as damaged), harmless (a damage that changed no answer), WRONG (anything else: it fails).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a file, it stands beside the packages, not above

from benchmarks import fault_remote  # noqa: E402
from benchmarks.fault_work import (  # noqa: E402
    SLUG,
    TOLD,
    answers,
    back_up,
    build,
    go_back,
    in_child,
    rebuild,
    restore_empty,
    small_change,
    state,
    take_back,
    text_of,
    upload,
)
from graph import backup, publishing, sealing, verifying  # noqa: E402
from graph.build import open_current  # noqa: E402
from graph.corpus_changes import Corpus, PutPlan  # noqa: E402
from graph.errors import ZhengmaiError  # noqa: E402
from shapes.building import judge_job  # noqa: E402
from tests.support import writing  # noqa: E402

OUTCOMES: Final = ("old", "new", "told", "harmless", "WRONG")
_SPACE_NEEDED: Final = 40 << 20


# -- the rounds --------------------------------------------------------------------------------------------------


@dataclass
class Round:
    """What a round came to, and how."""

    kind: str
    outcome: str
    note: str = ""


class Bench:
    """A data folder with two builds, a cache, a folder of plans and a backup, out of which each round gets a copy."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["benchmarks.faults_injected"])
        self.base = folder / "base"
        self.seconds: dict[str, float] = {}
        self.tmpfs: bool | None = None
        data = writing.make(self.base)
        for number in (29, 30):
            with Corpus(data, data / "corpus") as corpus:
                corpus.change(PutPlan(SLUG, text_of(number).encode(), "plan.txt"), "office", judge_job)
        backup.backup(data, self.base / "old.tar.gz")
        self.good = answers(data)

    def copy(self, where: Path | None = None, *, links: bool = True) -> Path:
        """A fresh copy of the data folder; files of builds are linked, which nobody may write to."""
        place = where or Path(tempfile.mkdtemp(dir=self.folder))

        def take(source: str, target: str) -> object:
            if links and "/builds/" in source:
                os.link(source, target)
                return target
            return shutil.copy2(source, target)

        shutil.copytree(self.base / "data", place / "data", symlinks=True, copy_function=take)
        shutil.copy2(self.base / "old.tar.gz", place)
        return place / "data"

    def start(self, work: Callable[[Path], None], data: Path, limit: int | None = None) -> Any:
        """Start work in a process of its own."""
        process = self.context.Process(target=in_child, args=(work, data, limit, data.parent / "said"))
        process.start()
        return process

    def do(self, work: Callable[[Path], None], data: Path, limit: int | None = None) -> tuple[int, str]:
        """Do work in a process of its own to its end: the exit code, and what was said."""
        began = time.monotonic()
        process = self.start(work, data, limit)
        process.join()
        self.seconds.setdefault(work.__name__, time.monotonic() - began)
        said = data.parent / "said"
        return process.exitcode, said.read_text(encoding="utf-8") if said.exists() else ""

    # -- kill -9 -------------------------------------------------------------------------------------------------

    def killed(self, work: Callable[[Path], None]) -> Round:
        """Kill work at a random moment, and look at what the next start serves."""
        kind = f"kill -9: {work.__name__.replace('_', ' ')}"
        if work.__name__ not in self.seconds:
            self.do(work, self.copy())
        data = self.copy()
        process = self.start(work, data)
        time.sleep(self.chance.uniform(0, 1.05 * self.seconds[work.__name__]))
        process.kill()
        process.join()
        return self.judged(kind, work, data)

    def judged(self, kind: str, work: Callable[[Path], None], data: Path, told: str = "") -> Round:
        """What a data folder serves after work on it ended in whatever way."""
        try:
            text, faults = state(data)
        except ZhengmaiError as error:
            return Round(kind, "WRONG", error.text("en"))
        old, new = text_of(30), {"go_back": text_of(29)}.get(work.__name__, text_of(31))
        if faults or text not in (old, new):
            return Round(kind, "WRONG", "; ".join(faults[:3]) or "another text")
        outcome = "new" if text == new else "old"
        if work is take_back:  # what it publishes is the state that was there
            outcome = (
                "new" if len(publishing.builds(data)) > len(publishing.builds(self.base / "data")) else "old"
            )
        if work is back_up:
            outcome = "old"
            if (data.parent / "new.tar.gz").exists():
                backup.check(data.parent / "new.tar.gz")
                outcome = "new"
        if work is restore_empty:
            outcome = "old"
            if (data.parent / "empty" / "current").exists():
                restored, faults = state(data.parent / "empty")
                outcome = "new" if restored == old and not faults else "WRONG"
        if told and outcome == "old":
            return Round(kind, "told", told)
        return Round(kind, outcome)

    # -- full disk -----------------------------------------------------------------------------------------------

    def full(self, work: Callable[[Path], None]) -> Round:
        """Do work where there is a random amount of room."""
        kind = f"disk full: {work.__name__.replace('_', ' ')}"
        place = Path(tempfile.mkdtemp(dir=self.folder))
        room = int(self.chance.triangular(0, 8 << 20, 0))
        if self.tmpfs is not False:
            options = f"size={_SPACE_NEEDED * 3}"
            mounted = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],  # noqa: S607
                check=False,
                capture_output=True,
            )
            self.tmpfs = mounted.returncode == 0
        try:
            data = self.copy(place, links=not self.tmpfs)
            if not self.tmpfs:
                code, said = self.do(work, data, limit=max(room // 4, 1))
                return self.ended(kind, work, data, code, said)
            filler = place / "filler"
            free = os.statvfs(place)
            with filler.open("wb") as out:
                os.posix_fallocate(out.fileno(), 0, max(free.f_bavail * free.f_frsize - room, 1))
            code, said = self.do(work, data)
            filler.unlink()
            return self.ended(kind, work, data, code, said)
        finally:
            if self.tmpfs:
                subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)  # noqa: S607

    def ended(self, kind: str, work: Callable[[Path], None], data: Path, code: int, said: str) -> Round:
        """A round whose work came to an end by itself."""
        if code not in (0, TOLD):
            return Round(kind, "WRONG", f"exit code {code}")
        found = self.judged(
            kind, work, data, told=(said or "(no room for the words)") if code == TOLD else ""
        )
        if code == 0 and found.outcome == "old":
            return Round(kind, "WRONG", "said to be done, and was not")
        if code == TOLD and found.outcome == "new":
            return Round(kind, "WRONG", f"done, and said: {said}")
        return found

    # -- damage --------------------------------------------------------------------------------------------------

    def damaged(self, what: str) -> Round:
        """Damage a file of the published build: each reader is told, or gets what it got before."""
        data = self.copy()
        folder = open_current(data)
        path = self.chance.choice(_files(folder, what))
        how = self.damage(path)
        kind, note = f"damage: {what}", f"{path.relative_to(folder)} {how}"
        now = answers(data)
        wrong = [name for name, one in now.items() if not one.startswith("told: ") and one != self.good[name]]
        verdict = verifying.verify(folder, data)
        passed_over = path.relative_to(folder).as_posix() not in (sealing.read(self.current) or {})
        if wrong:
            return Round(kind, "WRONG", f"{note}: {wrong}")
        if verdict.sound and not passed_over:
            return Round(kind, "WRONG", f"{note}: verify says that all agrees")
        return Round(kind, "harmless" if verdict.sound else "told", note)

    @property
    def current(self) -> Path:
        """The published build of the original."""
        return open_current(self.base / "data")

    def cache(self) -> Round:
        """Damage an entry of the cache: what is built with it is what is built without."""
        data = self.copy()
        path = self.chance.choice(sorted((data / "cache").iterdir()))
        how = self.damage(path)
        shutil.rmtree(data / "builds")
        (data / "current").unlink()
        code, said = self.do(rebuild, data)
        if code:
            return Round("damage: cache", "WRONG", said)
        now = answers(data)
        same = all(now[name] == self.good[name] for name in ("records", "texts", "findings"))
        return Round("damage: cache", "harmless" if same else "WRONG", f"{path.name} {how}")

    def mended(self) -> Round:
        """Damage the published build, and build: it is made anew, whole."""
        data = self.copy()
        folder = open_current(data)
        path = self.chance.choice([one for one in _files(folder, "any") if one.suffix != ".sst"])
        note = f"{path.relative_to(folder)} {self.damage(path)}"
        code, said = self.do(rebuild, data)
        text, faults = state(data)
        ok = code == 0 and not faults and text == text_of(30)
        return Round("damage, then build", "new" if ok else "WRONG", f"{note} {said} {faults[:2]}")

    def backups(self) -> Round:
        """Damage a backup: it is refused, and nothing is changed by it."""
        data = self.copy()
        path = data.parent / "old.tar.gz"
        how = self.damage(path)
        code, said = self.do(restore_empty, data)
        made = (data.parent / "empty" / "current").exists()
        if code == TOLD and not made:
            return Round("damage: backup", "told", said)
        now = answers(data.parent / "empty") if made else {}
        same = all(now.get(name) == self.good[name] for name in ("records", "texts", "findings", "store"))
        return Round("damage: backup", "harmless" if code == 0 and same else "WRONG", f"{how}: {said}")

    def damage(self, path: Path) -> str:
        """Turn a bit, cut short, remove, or change a digit to another; tells which. Links are broken first."""
        body = bytearray(path.read_bytes())
        digits = [at for at, byte in enumerate(body) if 48 <= byte <= 57] if path.suffix != ".sst" else []
        how = self.chance.choice(["bit", "bit", "cut", "gone", "digit" if digits else "bit"])
        path.unlink()
        if how == "gone" or not body:
            return "gone"
        if how == "cut":
            body = body[: self.chance.randrange(len(body))]
        elif how == "bit":
            body[self.chance.randrange(len(body))] ^= 1 << self.chance.randrange(8)
        else:
            at = self.chance.choice(digits)
            body[at] = 48 + (body[at] - 47) % 10
        path.write_bytes(body)
        return how

    # -- clock and two at once -----------------------------------------------------------------------------------

    def clock(self) -> Round:
        """Build while the clock stands years back, then again by the right clock."""
        data = self.copy()
        past = f"-{self.chance.randrange(1, 900)}d"
        command = [sys.executable, str(Path(__file__)), "--one", "small_change", str(data)]
        faked = [shutil.which("faketime") or "faketime", "-f", past, *command]
        ended = subprocess.run(
            faked, check=False, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        if ended.returncode:
            return Round("clock set back", "WRONG", ended.stderr.decode()[-300:])
        newest = publishing.builds(data)[-1]
        if newest.resolve() != open_current(data):
            return Round("clock set back", "WRONG", "the new build does not come last")
        return self.judged("clock set back", small_change, data)

    def at_once(self) -> Round:
        """Two builds at once: one is done, the other told who is at work, or done after it."""
        data = self.copy()
        both = [self.start(upload, data), self.start(small_change, data)]
        for process in both:
            process.join()
        codes = sorted(process.exitcode for process in both)
        if codes not in ([0, 0], [0, TOLD]):
            return Round("two builds at once", "WRONG", str(codes))
        said = (data.parent / "said").read_text() if TOLD in codes else ""
        if TOLD in codes and f"kill {both[0].pid}" not in said and f"kill {both[1].pid}" not in said:
            return Round("two builds at once", "WRONG", said)
        found = self.judged("two builds at once", upload, data)
        if found.outcome == "old":
            return Round(found.kind, "WRONG", "one was done, and nothing was published")
        return found

    # -- another store -------------------------------------------------------------------------------------------

    def put_in(self) -> Round:
        """Put a build into another store that misbehaves."""
        return Round("remote store: put in", *fault_remote.put_in(self.copy(), self.chance))

    def ask(self) -> Round:
        """Ask another store that misbehaves."""
        return Round("remote store: asked", *fault_remote.ask(self.copy(), self.chance))


def _files(folder: Path, what: str) -> list[Path]:
    every = sorted(path for path in folder.rglob("*") if path.is_file())
    chosen = {
        "store": [path for path in every if path.parent.name == "store"],
        "manifest": [path for path in every if path.name.startswith(("MANIFEST", "CURRENT"))],
        "search index": [path for path in every if path.name.startswith("search.")],
        "findings": [path for path in every if path.name.startswith("findings.")],
        "texts, records": [path for path in every if path.parent.name in ("texts", "records")],
        "lists": [folder / "build.json", folder / "heads.jsonl", folder / sealing.FILE],
        "any": every,
    }[what]
    return [path for path in chosen if path.name not in ("LOCK", "IDENTITY")]


def plan(chance: random.Random, runs: int, *, clock: bool) -> list[tuple[str, str]]:
    """Which rounds to do, in a random order, so that a run that is cut short has some of each."""
    shares = {
        ("killed", "build"): 6, ("killed", "small_change"): 10, ("killed", "upload"): 12,
        ("killed", "go_back"): 8, ("killed", "back_up"): 8, ("killed", "take_back"): 8, ("killed", "restore_empty"): 4,
        ("full", "build"): 4, ("full", "small_change"): 5, ("full", "upload"): 5, ("full", "back_up"): 4,
        ("full", "take_back"): 4, ("full", "go_back"): 2,
        ("damaged", "store"): 16, ("damaged", "manifest"): 10, ("damaged", "search index"): 10,
        ("damaged", "findings"): 10, ("damaged", "texts, records"): 10, ("damaged", "lists"): 10,
        ("cache", ""): 6, ("backups", ""): 10, ("mended", ""): 4, ("at_once", ""): 6, ("clock", ""): 4 if clock else 0,
        ("put_in", ""): 14, ("ask", ""): 10,
    }  # fmt: skip
    every = [kind for kind, share in shares.items() for _ in range(share)]
    chosen = [every[number % len(every)] for number in range(runs)] if runs > len(every) else every
    chance.shuffle(chosen)
    return chosen[:runs]


def run(folder: Path, runs: int, seed: int, bound: float, progress: bool = False) -> list[Round]:
    """Do rounds in a folder, as many as asked for, or as fit into ``bound`` seconds."""
    end = time.monotonic() + bound
    bench = Bench(folder, seed)
    work = {
        one.__name__: one for one in (build, small_change, upload, go_back, back_up, take_back, restore_empty)
    }
    done: list[Round] = []
    for name, about in plan(bench.chance, runs, clock=shutil.which("faketime") is not None):
        if time.monotonic() > end:
            break
        method = getattr(bench, name)
        try:
            found = method(work[about]) if about in work else method(about) if about else method()
        except Exception as error:
            found = Round(f"{name} {about}", "WRONG", f"{type(error).__name__}: {error}")
        done.append(found)
        if progress or found.outcome == "WRONG":
            print(
                f"{len(done):>4} {found.kind:<28} {found.outcome:<9} {found.note[:160]}",
                file=sys.stderr,
                flush=True,
            )
        for path in folder.glob("tmp*"):
            shutil.rmtree(path, ignore_errors=True)
    return done


def table(done: list[Round]) -> str:
    """The rounds by kind and outcome."""
    counted: dict[str, Counter[str]] = {}
    for one in done:
        counted.setdefault(one.kind, Counter())[one.outcome] += 1
    lines = [f"| {'kind':<28} | runs | " + " | ".join(OUTCOMES) + " |", "|---" * (len(OUTCOMES) + 2) + "|"]
    total: Counter[str] = Counter()
    for kind, counts in sorted(counted.items()):
        total += counts
        lines.append(
            f"| {kind:<28} | {counts.total():>4} | "
            + " | ".join(f"{counts[one]:>3}" for one in OUTCOMES)
            + " |"
        )
    lines.append(
        f"| {'all':<28} | {total.total():>4} | " + " | ".join(f"{total[one]:>3}" for one in OUTCOMES) + " |"
    )
    return "\n".join(lines)


def main() -> None:
    """Print what the rounds came to; exit code 1 where one was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bound", type=float, default=900, help="seconds after which no round is begun")
    parser.add_argument("--json", type=Path, help="also write the rounds to this file")
    parser.add_argument("--one", nargs=2, metavar=("WORK", "DATA"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        {"small_change": small_change}[asked.one[0]](Path(asked.one[1]))
        return
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        done = run(Path(folder), asked.runs, asked.seed, asked.bound, progress=True)
    print(table(done))
    print(
        f"{len(done)} of {asked.runs} runs in {time.monotonic() - began:.0f} s, load {load:.0f} to {os.getloadavg()[0]:.0f}"
    )
    if asked.json:
        asked.json.writetext_of(json.dumps([one.__dict__ for one in done], ensure_ascii=False, indent=1))
    sys.exit(any(one.outcome == "WRONG" for one in done))


if __name__ == "__main__":
    main()
