"""Channels on which each message costs something: how many go out in a month, and what becomes of the others."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crontopus.domain.errors import Conflict, Invalid
from crontopus.domain.routing import MessageState
from crontopus.storage import channels
from crontopus.wire.alerts import Channel, ChannelPatch, NewChannel, NewRoute, RouteStep
from tests.engine.test_alerts import Post, posting
from tests.notify.fakes import Reply, served
from tests.notify.fakes.twilio import ACCOUNT, SENDER, TO, TOKEN, Twilio

WHY = "as many messages went out on this channel in this month as may: 2, by its setting monthly"
GIVEN: dict[str, Any] = {"account": ACCOUNT, "token": TOKEN, "sender": SENDER, "to": TO}
LAN = {"alert_networks": ["127.0.0.0/8"]}


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with served(Twilio()) as fake:
        yield fake


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with posting((tmp_path, ""), **LAN) as found:
        yield found


async def made(post: Post, twilio: Twilio, monthly: int = 2) -> Channel:
    """By text, and else by a letter to somebody who is told of nothing else."""
    boss = await post.client.add_channel(NewChannel(kind="email", name="Boss", settings={"to": "boss@acme.test"}))
    found = await post.client.add_channel(
        NewChannel(kind="twilio", name="Text", settings=GIVEN | {"monthly": monthly}, fallback=boss.id)
    )
    await post.client.add_route(NewRoute(name="All of it", steps=[RouteStep(channels=[found.id])]))
    sealer = post.world.appliance.parts.sealer
    async with post.world.appliance.db.write(post.world.tenants["acme"].principal.tenant) as tx:
        settings = msgspec.json.encode(GIVEN | {"monthly": monthly, "api": twilio.url})
        await channels.change(tx, found.id, {"sealed": sealer.seal(settings, tx.tenant, found.id)})
    return found


async def fails(post: Post, number: int) -> None:
    await post.says(await post.job(f"Job {number}"), "exit", exit_code=1)


async def states(post: Post, channel: Channel) -> list[MessageState]:
    return [one.state for one in (await post.client.notifications(channel=channel.id)).items][::-1]


async def test_beyond_its_number_nothing_is_sent_and_the_fallback_is_told(post: Post, twilio: Twilio) -> None:
    channel = await made(post, twilio)
    for number in range(4):
        await fails(post, number)
    assert len(twilio.told) == 2
    assert await states(post, channel) == ["delivered", "delivered", "dead", "dead"]
    newest = (await post.client.notifications(channel=channel.id)).items[0]
    assert (newest.why, newest.tries) == (WHY, 0)
    assert [each["To"] for each in post.box.taken] == ["boss@acme.test", "boss@acme.test"]
    found = await post.client.channel(channel.id)
    assert (found.monthly, found.sent_this_month, found.failures, found.broken_at) == (2, 2, 0, None)
    with pytest.raises(Conflict, match=WHY):
        await post.client.test_channel(channel.id)


async def test_the_next_month_begins_anew_in_utc(post: Post, twilio: Twilio) -> None:
    """The clock stands on the fourth of January."""
    channel = await made(post, twilio, monthly=1)
    await fails(post, 1)
    await post.passes(days=27, hours=15, minutes=59)
    assert (await post.client.channel(channel.id)).sent_this_month == 1
    told = len(twilio.told)
    await fails(post, 2)
    assert len(twilio.told) == told
    await post.passes(minutes=1)
    assert (await post.client.channel(channel.id)).sent_this_month == 0
    await fails(post, 3)
    assert len(twilio.told) == told + 1
    assert (await post.client.channel(channel.id)).sent_this_month == 1


async def test_what_is_refused_costs_nothing_and_what_may_have_arrived_does(post: Post, twilio: Twilio) -> None:
    channel = await made(post, twilio)
    twilio.replies.append(Reply(503))
    await fails(post, 1)
    assert (await post.client.channel(channel.id)).sent_this_month == 0
    twilio.replies.append(Reply(200, b"<html>"))
    await fails(post, 2)
    assert (await post.client.channel(channel.id)).sent_this_month == 1


async def test_a_test_counts_as_any_other(post: Post, twilio: Twilio) -> None:
    channel = await made(post, twilio)
    assert (await post.client.test_channel(channel.id)).outcome == "Delivered"
    assert (await post.client.channel(channel.id)).sent_this_month == 1
    twilio.replies.append(Reply(503))
    assert (await post.client.test_channel(channel.id)).outcome == "TryAgain"
    assert (await post.client.channel(channel.id)).sent_this_month == 1


async def test_the_count_holds_over_a_restart(world_data: tuple[Path, str], twilio: Twilio) -> None:
    async with posting(world_data, **LAN) as post:
        channel = await made(post, twilio)
        await fails(post, 1)
        await fails(post, 2)
    async with posting(world_data, **LAN) as post:
        await fails(post, 3)
        assert (await post.client.channel(channel.id)).sent_this_month == 2
    assert len(twilio.told) == 2


async def test_a_raised_number_lets_more_out(post: Post, twilio: Twilio) -> None:
    channel = await made(post, twilio, monthly=1)
    await fails(post, 1)
    await post.client.edit_channel(channel.id, ChannelPatch(settings={"monthly": 2}))
    await fails(post, 2)
    await fails(post, 3)
    assert len(twilio.told) == 2


async def test_a_channel_that_costs_nothing_is_not_counted(post: Post) -> None:
    (owner,) = (await post.client.channels()).items
    await fails(post, 1)
    found = await post.client.channel(owner.id)
    assert (found.monthly, found.sent_this_month) == (None, 0)


@pytest.mark.parametrize("monthly", [0, -1, 1_000_001, "many", 1.5])
async def test_a_number_that_makes_no_sense_is_refused(post: Post, monthly: Any) -> None:
    with pytest.raises(Invalid) as error:
        await post.client.add_channel(NewChannel(kind="twilio", name="Text", settings=GIVEN | {"monthly": monthly}))
    assert [fault.pointer for fault in error.value.faults] == ["/settings/monthly"]
    found = await post.client.add_channel(NewChannel(kind="twilio", name="Text", settings=GIVEN))
    assert found.monthly == 300
