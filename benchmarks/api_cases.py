"""Requests made up from the OpenAPI description, against a running service: `python benchmarks/api_cases.py`.

schemathesis makes them up, fitting and unfitting ones, and looks at each answer: no 5xx, the status, content type and
body as described, what does not fit refused, 405 with the methods that there are. Exit code 1 if one is otherwise.

    python benchmarks/api_cases.py --cases 10000 --seed 1 --url http://127.0.0.1:8000
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).parent
_SLOW = "^/drafts"  # each of these starts a process that reads a document: a tenth as many
_METHODS = {"get", "head", "post", "put", "patch", "delete"}


def run(
    url: str, cases: int, seed: int, *, phases: str = "examples,coverage,fuzzing"
) -> tuple[int, int, str]:
    """Send about ``cases`` requests; how many it were, the exit code of schemathesis, and what it printed."""
    with urlopen(f"{url}/openapi.json", timeout=60) as answer:  # noqa: S310 - an address that was given to us
        paths = json.load(answer)["paths"]
    each = math.ceil(cases / sum(len(_METHODS & set(path)) for path in paths.values()))
    quick, slow = (f"--{what}-path-regex={_SLOW}" for what in ("exclude", "include"))
    parts = [_part(url, each, seed, phases, quick), _part(url, math.ceil(each / 10), seed, phases, slow)]
    count = sum(int(found[1]) for _, said in parts if (found := re.search(r"(\d+) generated", said)))
    return count, max(code for code, _ in parts), "\n".join(said for _, said in parts)


def _part(url: str, each: int, seed: int, phases: str, which: str) -> tuple[int, str]:
    command = [
        *(
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(HERE / "api_cases.toml"),
            "--no-color",
        ),
        *("run", f"{url}/openapi.json", "--seed", str(seed), "--phases", phases, "--checks", "all"),
        *("--max-examples", str(each), which, "--suppress-health-check", "all"),
        *("--continue-on-failure", "--no-shrink", "--request-timeout", "60", "--warnings", "off"),
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "api_hooks.py")}
    with tempfile.TemporaryDirectory() as folder:  # it keeps notes where it runs
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            cwd=folder,
            check=False,
        )
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def served() -> Iterator[str]:
    """A service on a build of the plans that come along, in processes of its own."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-m", "zhengmai"]
        subprocess.run([*program, "build", "--data", folder], check=True, capture_output=True)
        command = [*program, "serve", "--data", folder, "--port", "0"]
        variables = os.environ | {"ZHENGMAI_LOG_LEVEL": "error"}
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables) as process:
            assert process.stderr
            said = process.stderr.readline()
            found = re.search(r"http://\S+?(?=/ )", said)
            if not found:
                raise SystemExit(said)
            try:
                yield found[0]
            finally:
                process.terminate()


def main() -> None:
    """Run, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--url", help="of a running service; without it, one is started on the plans that come along"
    )
    options = parser.parse_args()
    with contextlib.nullcontext(options.url) if options.url else served() as url:
        began = time.monotonic()
        count, code, said = run(url.rstrip("/"), options.cases, options.seed)
    print(said if code else "")
    print(f"{count:,} cases in {time.monotonic() - began:.0f} s, seed {options.seed}: ", end="")
    print("all answers are as described" if code == 0 else "see above")
    sys.exit(min(code, 1))


if __name__ == "__main__":
    main()
