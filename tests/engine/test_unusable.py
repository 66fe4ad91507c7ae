"""Channels that cannot be used any more: switched off, removed while something is on its way there, or broken."""

from crontopus.client import Client
from crontopus.domain.routing import Kind, MessageState
from crontopus.wire.alerts import Channel, ChannelPatch, NewChannel, RoutePatch, RouteStep
from tests.engine.test_alerts import Post, part, post
from tests.engine.test_channels import client, made, owed, sent, world
from tests.notify.fakes import Reply, served
from tests.notify.fakes.gotify import TOKEN, Gotify
from tests.world import World

__all__ = ["client", "post", "world"]


async def states(client: Client, channel: Channel) -> list[tuple[Kind, MessageState, str]]:
    items = (await client.notifications(channel=channel.id)).items
    return [(each.kind, each.state, each.why) for each in items]


async def test_what_waits_for_a_channel_that_is_switched_off_is_not_sent(client: Client, world: World) -> None:
    fake = Gotify()
    async with served(fake):
        channel = await made(client, "gotify", server=fake.url, token=TOKEN)
        message = await owed(world, client, channel)
        fake.replies.append(Reply(503, {}))
        assert await world.appliance.outbox.step()
        await client.edit_channel(channel.id, ChannelPatch(enabled=False))
        await world.passes(minutes=2)
        await sent(world, client, message)
        assert len(fake.requests) == 1
        assert await states(client, channel) == [(Kind.OPEN, MessageState.OVERTAKEN, "the channel is switched off")]
        await client.edit_channel(channel.id, ChannelPatch(enabled=True))
        await world.sweep()
        await sent(world, client, message)
        assert len(fake.requests) == 2, "it is told once the channel is there again"


async def test_the_end_waits_until_the_channel_is_switched_on_again(client: Client, world: World) -> None:
    fake = Gotify()
    async with served(fake):
        channel = await made(client, "gotify", server=fake.url, token=TOKEN)
        message = await owed(world, client, channel)
        await sent(world, client, message)
        fake.replies.append(Reply(503, {}))
        job = (await client.jobs()).items[0]
        assert (await world.ping(job.ping_url)).status_code == 200
        await world.sweep()
        await world.appliance.outbox.step()
        await client.edit_channel(channel.id, ChannelPatch(enabled=False))
        await world.passes(minutes=5)
        await sent(world, client, message)
        told = len(fake.requests)
        await client.edit_channel(channel.id, ChannelPatch(enabled=True))
        await world.passes(minutes=2)
        await sent(world, client, message)
        assert len(fake.requests) == told + 1
    assert [state for _, state, _ in await states(client, channel)] == [MessageState.DELIVERED] * 2


async def test_a_channel_that_is_removed_while_a_message_is_on_its_way_leaves_nothing_waiting(
    client: Client, world: World
) -> None:
    fake = Gotify()
    fake.always = Reply(503, {})
    async with served(fake):
        channel = await made(client, "gotify", server=fake.url, token=TOKEN)
        message = await owed(world, client, channel)
        (route,) = [one for one in (await client.routes()).items if one.parent]
        send = world.appliance.outbox._sender.send

        async def meanwhile(*given: object) -> object:
            await client.edit_route(route.id, RoutePatch(steps=[RouteStep(channels=[])]))
            await client.remove_channel(channel.id)
            return await send(*given)  # type: ignore[arg-type]

        world.appliance.outbox._sender.send = meanwhile  # type: ignore[method-assign,assignment]
        await sent(world, client, message)
    assert await states(client, channel) == [(Kind.OPEN, MessageState.DISCARDED, "the channel was removed")]
    await world.passes(days=2)
    assert not await world.appliance.outbox.step()


async def test_the_owners_hear_by_mail_that_a_channel_is_broken_once(post: Post) -> None:
    settings = {"url": "http://10.11.12.13/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    hook = await post.client.add_channel(NewChannel(kind="webhook", name="Chat", settings=settings))
    root = (await post.client.routes()).items[0]
    await post.client.edit_route(root.id, RoutePatch(steps=[RouteStep(channels=[hook.id])]))
    for name in ("First", "Second"):
        await post.says(await post.job(name), "fail")
    while await post.world.appliance.parts.post.mail.step():
        pass
    assert (await post.client.channel(hook.id)).broken_at is not None
    (letter,) = post.box.taken
    assert str(letter["Subject"]) == "Alerts do not arrive on the channel Chat"
    assert f"/channels/{hook.id}" in part(letter, "plain")
