"""The service as it runs: uvicorn on a free port of the loopback, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import create_app
from api.around.connections import protocol
from api.settings import Settings


@contextmanager
def running(settings: Settings, *, warm: bool = False) -> Iterator[str]:
    """Its address, without a slash at the end, as long as the context lasts; ``warm`` as `zhengmai serve` starts it."""
    config = uvicorn.Config(
        create_app(settings, warm=warm),
        port=0,
        log_level="critical",
        http=protocol(settings),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
