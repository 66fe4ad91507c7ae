"""The secret key: a database that it does not fit is not served, and a new key takes over from an older one."""

from pathlib import Path

import pytest

from crontopus.appliance import assembled
from crontopus.config import Config
from crontopus.domain.access import Role
from crontopus.domain.errors import Invalid
from crontopus.engine.keys import require_fitting
from crontopus.storage.opening import open_database
from crontopus.storage.sealing import FILE, rotate
from crontopus.wire.accounts import NewNamespace
from tests.providers import Browser, Hostile, hostile, new
from tests.world import BASE, Hands, world_in

OTHER = "ab" * 32


async def starts(data: Path, database_url: str, secret_key: str = "") -> None:
    config = Config(data=data, database_url=database_url, public_url=BASE, secret_key=secret_key)
    async with assembled(config, Hands()):
        pass


async def test_another_key_is_refused_at_the_start_and_changes_nothing(world_data: tuple[Path, str]) -> None:
    data, url = world_data
    await starts(data, url)
    kept = (data / FILE).read_text()
    with pytest.raises(Invalid, match="not the one of this database"):
        await starts(data, url, OTHER)
    (data / FILE).unlink()
    with pytest.raises(Invalid, match=r"is not there\. Put it back"):
        await starts(data, url)
    assert not (data / FILE).exists()
    (data / FILE).write_text(kept)
    await starts(data, url)


async def test_that_the_key_fits_is_asked_without_sealing_anything(world_data: tuple[Path, str]) -> None:
    data, url = world_data
    await starts(data, url)
    older = (data / FILE).read_text()
    rotate(data)
    async with open_database(data, url, Hands()) as db:
        await require_fitting(db, data)
    (data / FILE).write_text(older)
    await starts(data, url)
    (data / FILE).write_text(OTHER)
    async with open_database(data, url, Hands()) as db:
        with pytest.raises(Invalid, match="not the one of this database"):
            await require_fitting(db, data)


async def test_a_new_key_takes_over_and_the_older_one_can_go(world_data: tuple[Path, str]) -> None:
    data, url = world_data
    hands = Hands()
    with hostile(hands) as by:
        await _takes_over(data, url, hands, by)


async def _takes_over(data: Path, url: str, hands: Hands, by: Hostile) -> None:
    async with world_in(data, url, hands) as world, world.signed_in("acme") as acme:
        await acme.add_namespace(NewNamespace(slug="more"))
        before = [one.ping_key for one in (await acme.namespaces()).items]
        told = [one.settings for one in (await acme.channels()).items]
        assert told
        async with world.person("acme", Role.OWNER) as owner:
            provider = await owner.add_provider(new(by.issuer, default_role=Role.VIEWER))
    rotate(data)
    await starts(data, url)
    newest, older = (data / FILE).read_text().splitlines()
    (data / FILE).write_text(newest + "\n")
    async with world_in(data, url, hands) as world, world.signed_in("acme") as acme:
        assert [one.ping_key for one in (await acme.namespaces()).items] == before
        assert [one.settings for one in (await acme.channels()).items] == told
        assert (await Browser(world).signs_in(provider, by)).status_code == 303
    (data / FILE).write_text(older + "\n")
    with pytest.raises(Invalid, match="not the one of this database"):
        await starts(data, url)
