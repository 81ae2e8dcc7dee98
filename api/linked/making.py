"""Has the files of a build made when they are first asked for, in a process beside the service."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from api.linked.distributions import Index
from graph.errors import StoreError


class Making:
    """Starts the making, once at a time, and waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Path, subprocess.Popen[bytes]] = {}

    def index(self, build: Path, seconds: float) -> Index | None:
        """The files of a build; None where they are not made within ``seconds``, and are being made.

        Raises StoreError, with the reason, where they cannot be made.
        """
        made = Index.read(build)
        if made is not None:
            return made
        with self._lock:
            process = self._running.get(build)
            if process is None:
                process = subprocess.Popen(
                    [sys.executable, "-m", "api.linked.distributions", str(build)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )
                self._running[build] = process
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        with self._lock:
            self._running.pop(build, None)
        made = Index.read(build)
        if made is None:
            told = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
            raise StoreError(
                f"the data files of this build cannot be made: {told.rpartition(chr(10))[2] or process.returncode}"
            )
        return made
