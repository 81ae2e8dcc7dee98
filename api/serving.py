"""Running the application: one process or several on one socket, their logs, and their orderly end."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors import Multiprocess

from api.around import logs
from api.around.connections import protocol
from api.settings import Settings
from api.writing.draft_jobs import shared
from graph.errors import BadInput

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(settings: Settings, started: Callable[[str], None] = lambda url: None) -> None:
    """Serve until SIGTERM or SIGINT; what runs may end within ``settings.shutdown_seconds``.

    ``started`` is told the address once connections are taken. Raises BadInput where there is no listening on it.
    """
    listener = _listen(settings.host, settings.port)
    config = uvicorn.Config(
        partial(_create, settings),
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.processes,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        http=protocol(settings),
        forwarded_allow_ips=list(settings.trusted_proxies),
        # Five seconds by default, which a process that starts on a busy machine may need for its imports alone: it would
        # be ended and started again for ever.
        timeout_worker_healthcheck=60,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    logs.configure(settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    with ExitStack() as stack:
        stack.callback(listener.close)
        # Where each process puts its figures for the others; read by prometheus_client when it is imported.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zhengmai-metrics-"))
        if settings.processes > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            stack.enter_context(shared())
        started(f"http://{host}:{listener.getsockname()[1]}/")
        if settings.processes > 1:
            _Processes(config, sockets=[listener]).run()
            return
        # uvicorn raises the signal again at its end, so that who set a handler hears of it. There is nothing more to
        # do, and an end on demand is no failure.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


class _Processes(Multiprocess):
    """Several processes that answer, each replaced when it ends."""

    def keep_subprocess_alive(self) -> None:
        # Asks each whether it is there. Of one that ends in that moment the end of the pipe has to close with it: as long as this
        # process holds that end too, it would wait for an answer, and neither replace it nor obey.
        for process in self.processes:
            process.child_conn.close()
        super().keep_subprocess_alive()


def _create(settings: Settings) -> FastAPI:
    """The application, in the process that is to run it."""
    from api.app import create_app

    logs.configure(settings)
    return create_app(settings, warm=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)  # so that whoever comes while a process starts waits for it, and is not refused
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise BadInput(
            f"{host}:{port}: cannot listen there: {reason}; choose another --host or --port",
            zh=f"{host}:{port}：无法监听：{reason}；请换一个 --host 或 --port",
        ) from error
    return listener
