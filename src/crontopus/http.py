"""The HTTP server: Granian, embedded in our event loop. The one module that names it.

It takes the end of what a client sends for the end of the connection (hyper's `half_close` is off, and cannot be set
from here). Where that has arrived by the time the headers are read, as of a client that sends and closes in one breath,
the request is dropped before the app is called; once the app is called, it is left to finish.
"""

import logging
import resource
import socket
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from crontopus.domain.errors import Conflict, Unavailable

HEADERS_WITHIN_MS = 10_000
"""A client that has not sent its headers by then is hung up on."""
HEADERS_MOST_BYTES = 64 * 1024
MOST_CONNECTIONS = 8192
"""Who comes when there are as many waits until one of them ends. Those that stall are bounded elsewhere to fewer."""
FILES_BESIDE = 128
"""Files that are left for the database and all else where the system allows fewer than there may be connections."""


class HttpServer:
    """Serves `app` (ASGI) until `stop`; requests under way are finished first, unless it is told to `hang_up`."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        _refuse_taken(host, port)
        self._host, self._port = host, port
        self._over = anyio.Event()
        logging.getLogger("_granian").setLevel(logging.ERROR)
        self._server = Server(
            app,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=1024,
            backpressure=_most_connections(),
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN_MS, max_buffer_size=HEADERS_MOST_BYTES),
            log_level=LogLevels.warning,
            log_enabled=False,
        )

    async def serve(self) -> None:
        async with anyio.create_task_group() as serving:
            serving.start_soon(self._serve)
            await self._over.wait()
            serving.cancel_scope.cancel()

    async def _serve(self) -> None:
        await self._server.serve()
        self._over.set()

    async def listening(self) -> None:
        """Returns once connections are taken."""
        while True:
            with suppress(OSError):
                stream = await anyio.connect_tcp(_nearby(self._host), self._port)
                await stream.aclose()
                return
            await anyio.sleep(0.01)

    def stop(self) -> None:
        self._server.stop()  # type: ignore[no-untyped-call] # Granian left it so

    def hang_up(self) -> None:
        """`serve` returns at once, whoever is still connected."""
        self._over.set()


def _nearby(host: str) -> str:
    """Where a server that listens on every address can be reached."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 # compared, not bound


def free_port(host: str) -> int:
    """A port nobody listens on at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _most_connections() -> int:
    """Each is an open file, and where no file can be opened, nothing can be stored."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files < 0 else max(1, min(MOST_CONNECTIONS, files - FILES_BESIDE))


def _refuse_taken(host: str, port: int) -> None:
    """Say in words what the server would say in a traceback. Raises Conflict or Unavailable."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        if error.errno in (98, 48, 10048):
            raise Conflict(f"port {port} of {host} is taken by another program; choose one with --port") from error
        raise Unavailable(f"cannot listen on {host} port {port}: {error.strerror}") from error
