"""What a user of healthchecks-wrapper 0.1.6 writes, with `with` and with `async with`; run in `.venv-clients`.

Arguments: sync or async, and the ping URL.
"""

import asyncio
import sys

from healthchecks_wrapper import HealthCheck  # type: ignore[import-not-found] # it stands in an environment of its own


def by_sync(url: str) -> None:
    with HealthCheck(url):
        pass
    with HealthCheck(url, suppress_exceptions=True):
        raise ValueError("the disk is gone")


async def by_async(url: str) -> None:
    async with HealthCheck(url):
        pass
    async with HealthCheck(url, suppress_exceptions=True):
        raise ValueError("the disk is gone")


if __name__ == "__main__":
    if sys.argv[1] == "sync":
        by_sync(sys.argv[2])
    else:
        asyncio.run(by_async(sys.argv[2]))
