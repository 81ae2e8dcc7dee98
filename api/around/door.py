"""Who may come in, and how quickly: what each process knows of its clients. No request is known here.

A client has a bucket of tokens, and so many requests that are answered at a time. A request takes a token; one that had to
be refused takes more, and so does the time of its queries: a flood of what costs much is over sooner than one of what
costs little. Health checks and the files of pages have a bucket of their own, and are never refused, only late.

This machine itself has no limit.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from api.around.waiting import WaitingRoom
from api.settings import Settings

PROBES: Final = ("/health", "/ready", "/metrics")
FREE: Final = (*PROBES, "/static/")
REFUSED: Final = frozenset({400, 403, 408, 411, 413, 414, 415, 422, 499})
"""Answers after which more than one token is gone. 404 and 406 are mistakes of good clients; 503 is none of theirs."""
_IN_VAIN: Final = frozenset({499, 503})
"""Answers that nobody waited for, or that tell to come again later."""
_REFUSED_TOKENS = 9
_LOOKED_AT: Final = 1000  # characters of a refused query that take one token more
_VAIN_PER_MINUTE: Final = 12  # as the Retry-After of a 503 has it
_VAIN_AT_ONCE: Final = 3
_CLIENTS = 50_000


class Buckets:
    """One bucket a client: ``burst`` tokens at most, ``per_minute`` come in. The longest unseen clients are forgotten.

    What is charged afterwards may leave a client in debt, by ``burst`` tokens at most.
    """

    def __init__(self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take a token; 0, or the seconds until there is one."""
        left = self._left(client)
        allowed = left >= 1
        self._keep(client, left - 1 if allowed else left)
        return 0.0 if allowed else (1 - left) / self._rate

    def charge(self, client: str, tokens: float, seconds: float = 0) -> None:
        """Take what an answer cost beside its token: ``seconds`` of queries, of which a client may have two at a time."""
        cost = tokens + seconds * self._rate / 2
        if cost > 0.5:
            self._keep(client, max(-float(self._burst), self._left(client) - cost))

    def share(self, client: str) -> float:
        """How full the bucket is: 1 for who was not seen for a while, 0 and less for who has no token. Takes none."""
        left, since = self._buckets.get(client, (float(self._burst), 0.0))
        return min(1.0, (left + (self._clock() - since) * self._rate) / self._burst)

    def empty(self, client: str) -> bool:
        """Whether there is no token. Takes none."""
        return self.share(client) * self._burst < 1

    def _left(self, client: str) -> float:
        now = self._clock()
        left, since = self._buckets.pop(client, (float(self._burst), now))
        return min(float(self._burst), left + (now - since) * self._rate)

    def _keep(self, client: str, left: float) -> None:
        self._buckets[client] = (left, self._clock())
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)


@lru_cache(maxsize=4096)
def client_of(host: str | None) -> str | None:
    """Whom a request is counted for: an address, the network /64 of an IPv6 address; None for this machine."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:  # a socket of this machine
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback:
        return None
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


class Refusal(NamedTuple):
    """Why a client is not let in: a kind of problem, the limit that it names, and in how many seconds to come again."""

    kind: str
    limit: int
    seconds: int


class Door:
    """The clients of one process. ``room`` is where requests wait (`api.around.waiting`)."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.room = WaitingRoom(settings.held_requests)
        self.turned_away: Counter[str] = Counter()
        self.connections: Counter[str] = Counter()
        self._held_seconds = settings.held_seconds
        self._per_minute = settings.rate_per_minute
        self._most = settings.client_requests
        self._at_work: Counter[str] = Counter()
        self._vain = Buckets(_VAIN_PER_MINUTE, _VAIN_AT_ONCE, clock)
        self._requests, self._free, self._opened = (
            Buckets(settings.rate_per_minute * times, settings.rate_burst * times, clock)
            if settings.rate_per_minute
            else None
            for times in (1, 1, 2)
        )

    def before(self, client: str, path: str) -> float | None:
        """How long a request has to wait before it is looked at: None for not at all, 0 for until its turn in the room.

        Who has asked too much waits the longest, and may be let in after it. So does who asks again and again at once
        where all places are taken, or goes away again and again before the answer.
        """
        if path.startswith(FREE):
            if self._free and self._free.wait(client):
                return self._held_seconds
            return 0 if path.startswith(PROBES) else None
        share = self._requests.share(client) if self._requests else 1.0
        if self._at_work[client] >= self._most or (self._requests and self._requests.empty(client)):
            return self._held_seconds
        if self._requests and self._vain.empty(client):
            return self._held_seconds
        return 0 if share < 0.5 else None

    def before_reading(self, client: str) -> float:
        """How long a new connection has to wait before it is read: twice as many may be opened as requests be sent."""
        return self._held_seconds if self._opened and self._opened.wait(client) else 0

    def before_refusing(self, client: str) -> float:
        """How long the answer to a request waits that had to be refused: not, for who was seldom refused."""
        return self._held_seconds if self._requests and self._requests.share(client) < 0.5 else 0

    def refusal(self, client: str) -> Refusal | None:
        """Take a token, or tell why not."""
        if self._at_work[client] >= self._most:
            return Refusal("at-once", self._most, 1)
        if self._requests and (seconds := self._requests.wait(client)):
            return Refusal("rate", self._per_minute, math.ceil(seconds))
        return None

    def enter(self, client: str) -> None:
        """One more of its requests is being answered."""
        self._at_work[client] += 1

    def leave(self, client: str, status: int, seconds: float, characters: int) -> None:
        """One less, which took ``seconds`` of queries; ``characters`` of a query were looked at for it."""
        take(self._at_work, client)
        if self._requests:
            refused = _REFUSED_TOKENS + characters / _LOOKED_AT if status in REFUSED else 0
            self._requests.charge(client, refused, seconds)
            if status in _IN_VAIN:
                self._vain.charge(client, 1)


def take(counter: Counter[str], client: str) -> None:
    """One less, and nothing is kept of who has none."""
    counter[client] -= 1
    if counter[client] <= 0:
        del counter[client]
