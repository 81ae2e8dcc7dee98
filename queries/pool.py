"""Places for queries: how many run, how many wait, and in what order. No query is known here, only turns.

A query that is over soon has a place of its own kind. One that runs for longer gives its place up to the next and goes
on beside it, as long as there are not too many of those: a few slow queries do not make everybody wait.

Places go round among those who ask (`asking_for`): the next is for whoever has the fewest queries at work, and who has
none finds a place even where others hold them all. Who is not alone has half of the places at most. So a flood from one
client is a queue of its own.

Whose queries have taken next to no time of the processor goes first, and has a place that the others do not get. So a flood of
slow queries from many clients, of which each asks no more than it may, does not keep those waiting who ask little.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Final

_ALONE: Final = 5.0  # seconds after which who has asked is not there any more
_QUICK: Final = 0.25  # seconds that the queries of a quick client take, on average
_KNOWN: Final = 10_000  # clients of which that is kept


class Client:
    """Whom queries are run for, for how many seconds they have been, and how long texts were looked at for it."""

    __slots__ = ("characters", "name", "seconds")

    def __init__(self, name: str) -> None:
        self.name = name
        self.seconds = 0.0
        self.characters = 0


asking_for: ContextVar[Client | None] = ContextVar("asking_for", default=None)
"""Set by whoever lets clients in; where it is not, all are one."""


class Full(Exception):
    """As many run and wait as may."""


class Turn:
    """A query's turn: ``future`` is true when it has come, false when it gave way to somebody who waits less.

    ``behind`` is whether it should leave the processor to others: it is not known to be quick, and there are others.
    """

    __slots__ = ("began", "behind", "client", "future", "long", "quick")

    def __init__(self, client: str, *, quick: bool, behind: bool) -> None:
        self.client = client
        self.behind = behind
        self.future: Future[bool] = Future()
        self.long = False
        self.quick = quick
        self.began = 0.0


class Turns:
    """``places`` for queries that run, ``long`` more for those that take their time, and a queue of ``waiting``.

    One place more is for those who have no query at work when all are taken. Of the places and of the queue one client
    may have half while others ask too; those that are not quick may have all places but one while a quick client asks.
    """

    def __init__(
        self, places: int, long: int, waiting: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.size = places + waiting
        self._places, self._long, self._waiting = places, long, waiting
        self._queue: deque[Turn] = deque()
        self._held: Counter[str] = Counter()  # by client, the long ones among them
        self._short: Counter[str] = Counter()  # by client, without the long ones
        self._others = 0  # places held by those that are not quick, without the long ones
        self._seen: OrderedDict[str, float] = OrderedDict()  # when who asked last
        # Seconds that a query counted, by client, the last ones counting most
        self._took: OrderedDict[str, float] = OrderedDict()
        self._clock = clock
        self._lock = threading.Lock()

    def full(self) -> bool:
        """Whether a turn would be refused now."""
        client = _asking()
        with self._lock:
            quick = self._quick(client)
            return not self._free_for(client, quick) and not self._may_wait(client, quick)

    def take(self, *, slow: bool = False) -> Turn:
        """A turn; give it back in any case. ``slow`` is for what is not quick, whoever asks it. Raises Full."""
        client = _asking()
        with self._lock:
            quick = not slow and self._quick(client)
            turn = Turn(client, quick=quick, behind=not quick and not self._alone(client))
            self._see(turn.client)
            if self._free_for(turn.client, quick):
                self._grant(turn)
            elif not self._may_wait(turn.client, quick):
                raise Full
            else:
                if len(self._queue) >= self._waiting:
                    self._push_out(turn)
                self._queue.append(turn)
        return turn

    def leave(self, turn: Turn, seconds: float | None = None) -> None:
        """End a turn, whether it had come or not; ``seconds`` is what it counts, else the time since it came."""
        with self._lock:
            if turn in self._queue:
                self._queue.remove(turn)
                turn.future.cancel()
            elif turn.future.done() and not turn.future.cancelled() and turn.future.result():
                if turn.long:
                    self._long += 1
                else:
                    self._vacate(turn)
                _less(self._held, turn.client)
                self._learn(turn.client, self._clock() - turn.began if seconds is None else seconds)
                self._next()

    def go_long(self, turn: Turn) -> bool:
        """Move from a usual place to a long one, if there is one, and let the next in."""
        with self._lock:
            if not self._long:
                return False
            self._long -= 1
            self._vacate(turn)
            turn.long = True
            self._next()
            return True

    def give_way(self, turn: Turn) -> bool:
        """Whether a query that holds a usual place for long must end, as a client that has none at work waits."""
        with self._lock:
            return not turn.long and any(
                not self._held[one.client] for one in self._queue if one.client != turn.client
            )

    def _free_for(self, client: str, quick: bool) -> bool:
        taken = self._short.total()
        if (
            not quick
            and self._others >= max(1, self._places - 1)
            and any(self._quick(one) for one in self._lately(client))
        ):
            return False
        if not self._held[client]:
            return taken <= self._places
        return taken < self._places and (
            self._short[client] < max(1, self._places // 2) or self._alone(client)
        )

    def _see(self, client: str) -> None:
        self._seen[client] = self._clock()
        self._seen.move_to_end(client)
        while self._seen[next(iter(self._seen))] < self._clock() - _ALONE:
            self._seen.popitem(last=False)

    def _alone(self, client: str) -> bool:
        """Whether nobody else has asked lately."""
        return next(self._lately(client), None) is None

    def _lately(self, client: str) -> Iterator[str]:
        """Who else has asked lately."""
        since = self._clock() - _ALONE
        for one, when in reversed(self._seen.items()):
            if when < since:
                return
            if one != client:
                yield one

    def _quick(self, client: str) -> bool:
        """Whether what a client asked was soon done. Of whom nothing is known, it is not known."""
        return self._took.get(client, _QUICK) < _QUICK

    def _learn(self, client: str, seconds: float) -> None:
        # Slowly: one long question does not make a quick client another
        self._took[client] = (7 * self._took.get(client, seconds) + seconds) / 8
        self._took.move_to_end(client)
        if len(self._took) > _KNOWN:
            self._took.popitem(last=False)

    def _vacate(self, turn: Turn) -> None:
        _less(self._short, turn.client)
        self._others -= not turn.quick

    def _may_wait(self, client: str, quick: bool) -> bool:
        mine = sum(one.client == client for one in self._queue)
        if len(self._queue) < self._waiting:
            # Alone, a client may have all of the queue: there is nobody to leave room for
            alone = mine == len(self._queue) and set(self._held) <= {client}
            return alone or mine < max(1, self._waiting // 2)
        waiting = Counter(one.client for one in self._queue)
        if not mine and quick and not all(one.quick for one in self._queue):
            return True
        return bool(waiting) and waiting.most_common(1)[0][1] > mine + 1

    def _push_out(self, turn: Turn) -> None:
        """Send away the last of whoever has most in the queue; for a quick client, of those that are not."""
        some = [one for one in self._queue if turn.quick and not one.quick] or list(self._queue)
        waiting = Counter(one.client for one in some)
        most = max(waiting.values())
        last = next(one for one in reversed(some) if waiting[one.client] == most)
        self._queue.remove(last)
        last.future.set_result(False)

    def _grant(self, turn: Turn) -> None:
        turn.began = self._clock()
        self._short[turn.client] += 1
        self._others += not turn.quick
        self._held[turn.client] += 1
        turn.future.set_result(True)

    def _next(self) -> None:
        while free := [one for one in self._queue if self._free_for(one.client, one.quick)]:
            # Whoever has fewest at work; of those, the quick; of those, who has waited longest
            turn = min(free, key=lambda one: (self._held[one.client], not one.quick))
            self._queue.remove(turn)
            if not turn.future.cancelled():
                self._grant(turn)


def _less(counter: Counter[str], client: str) -> None:
    counter[client] -= 1
    if not counter[client]:
        del counter[client]


def _asking() -> str:
    client = asking_for.get()
    return client.name if client else ""
