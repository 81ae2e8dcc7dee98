"""Going back to a build that is kept: the link is set to it in one step, and the audit trail has a line of it.

The folder of plans stays as it is. A running service answers from the other build from the next request on.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from graph import disk, journal, publishing, sealing
from graph.build import Summary, read_summary
from graph.errors import NotFound, StoreError
from graph.stores import open_store
from graph.trail import Entry
from graph.words import both


@dataclass(frozen=True)
class Kept:
    """A build that is kept; ``summary`` is None where it cannot be read."""

    folder: Path
    summary: Summary | None
    current: bool


def kept_builds(data: Path) -> list[Kept]:
    """The builds that are kept, the newest first."""
    now = publishing.published(data)
    return [Kept(path, _summary(path), path.resolve() == now) for path in reversed(publishing.builds(data))]


def rollback(data: Path, to: str | None, agent: str) -> tuple[Path, Path | None]:
    """Publish a build that is kept again; without ``to`` the newest of those made before the current one.

    Returns it, and the one that was published until now. Nothing changes where it is not whole. Raises StoreError,
    NotFound.
    """
    lock = journal.take_lock(data)
    with lock, disk.told(data):
        journal.recover(data)
        now = publishing.published(data)
        target = _target(data, to, now)
        # What is about to be served is looked at as a service does at its start.
        read_summary(target)
        sealing.trust(target)
        open_store(target / "store")
        moment = datetime.now(UTC)
        name = f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03}-{secrets.token_hex(4)}"
        entry = Entry(
            id=name,
            kind="rollback",
            agent=agent,
            time=moment.isoformat(timespec="seconds"),
            build=target.name,
        )
        place = data / journal.FOLDER / name
        place.mkdir(parents=True)
        # The link is the point from which it holds; the line of the trail follows, now or at the next start.
        intent = journal.Intent(build=target.name, corpus=None, put=[], remove=[], entry=entry)
        journal.write_intent(place, intent)
        publishing.switch(data, target.name)
        journal.finish(data, place, intent)
        return target, now


def _target(data: Path, to: str | None, now: Path | None) -> Path:
    found = publishing.builds(data)
    if to is None:
        before = [path for path in found if now is None or path.name < now.name]
        if not before:
            en, zh = both("rollback", "none", data=data)
            raise StoreError(en, zh=zh)
        return before[-1].resolve()
    names = [path.name for path in found]
    if to not in names:
        en, zh = both("rollback", "unknown", build=to, kept=", ".join(names) or "–")
        raise NotFound(en, zh=zh, allowed=names)
    target = (data / "builds" / to).resolve()
    if target == now:
        en, zh = both("rollback", "already", build=to)
        raise StoreError(en, zh=zh)
    return target


def _summary(folder: Path) -> Summary | None:
    try:
        return read_summary(folder)
    except StoreError:
        return None
