"""A bare answer of the same HTTP server: `python -m tests.bench.bare serve --data IGNORED --port PORT`."""

import asyncio
import sys
from typing import Any

from crontopus.http import HttpServer

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"2")],
}
_BODY = {"type": "http.response.body", "body": b"OK"}


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send(_START)
    await send(_BODY)


async def serve(port: int) -> None:
    server = HttpServer(answer, "127.0.0.1", port)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_say_hello(server))
        await server.serve()


async def _say_hello(server: HttpServer) -> None:
    await server.listening()
    print("Crontopus is not here: bare answers", flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[sys.argv.index("--port") + 1])))
