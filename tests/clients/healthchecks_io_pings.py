"""What a user of healthchecks-io 0.4.4 writes, by its synchronous and its asynchronous client; run in `.venv-clients`.

Arguments: sync or async, the base of ping URLs, a ping key, the UUID of one job and the slug of another.
"""

import asyncio
import sys

from healthchecks_io import (  # type: ignore[import-not-found] # it stands in an environment of its own
    AsyncClient,
    CheckNotFoundError,
    CheckTrap,
    Client,
)

OK = (True, "OK")


def by_sync(base: str, key: str, uuid: str, slug: str) -> None:
    with Client(ping_key=key, ping_url=base) as client:
        assert client.start_ping(uuid=uuid, data="begun") == OK
        assert client.success_ping(uuid=uuid, data="went well") == OK
        assert client.fail_ping(uuid=uuid, data="went wrong: é") == OK
        assert client.exit_code_ping(3, uuid=uuid) == OK
        with CheckTrap(client, slug=slug) as trap:
            trap.add_log("first line")
            trap.add_log("second line")
        with CheckTrap(client, slug=slug, suppress_exceptions=True):
            raise ValueError("the disk is gone")
        try:
            client.success_ping(slug="nobody")
        except CheckNotFoundError:
            return
    raise AssertionError("a job that is not there was pinged")


async def by_async(base: str, key: str, uuid: str, slug: str) -> None:
    async with AsyncClient(ping_key=key, ping_url=base) as client:
        assert await client.start_ping(uuid=uuid, data="begun") == OK
        assert await client.success_ping(uuid=uuid, data="went well") == OK
        assert await client.fail_ping(uuid=uuid, data="went wrong: é") == OK
        assert await client.exit_code_ping(3, uuid=uuid) == OK
        async with CheckTrap(client, slug=slug) as trap:
            trap.add_log("first line")
            trap.add_log("second line")
        async with CheckTrap(client, slug=slug, suppress_exceptions=True):
            raise ValueError("the disk is gone")
        try:
            await client.success_ping(slug="nobody")
        except CheckNotFoundError:
            return
    raise AssertionError("a job that is not there was pinged")


if __name__ == "__main__":
    variant, *given = sys.argv[1:]
    if variant == "sync":
        by_sync(*given)
    else:
        asyncio.run(by_async(*given))
