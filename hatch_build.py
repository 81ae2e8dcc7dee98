"""The build of a wheel bundles the scripts of the pages first, so that an installed service needs no Node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Runs api/web/build.py. An editable install is left to `make assets`: the scripts change while one works."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            subprocess.run([sys.executable, str(Path(self.root) / "api" / "web" / "build.py")], check=True)
