"""Rocket.Chat: what its integration is sent, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import rocketchat
from crontopus.notify.outcome import GiveUp
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served, spoiled
from tests.notify.fakes.rocketchat import PATH, RocketChat


@pytest.fixture
async def fake() -> AsyncIterator[RocketChat]:
    fake = RocketChat()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: RocketChat) -> Channel:
    return Channel(rocketchat, fake, rocketchat.Settings(url=f"{fake.url}{PATH}"))


class TestRocketChat(Conformance):
    """As every channel."""


async def test_a_message_has_the_colour_of_the_worst(channel: Channel, fake: RocketChat) -> None:
    await channel.delivers(notices.single())
    await channel.delivers(notices.single(Kind.RESOLVE))
    assert [each.attachments[0].color for each in fake.messages] == ["#D92D20", "#079455"]


async def test_nobody_is_called_from_code_and_an_address_stays_whole(channel: Channel, fake: RocketChat) -> None:
    await channel.delivers(notices.single(title="@all", summary="#general root@db-3.example.org"))
    assert "@all" not in fake.messages[0].text
    assert "root@db-3.example.org" in fake.messages[0].attachments[0].text


async def test_another_channel_is_written_to_where_it_is_named(channel: Channel, fake: RocketChat) -> None:
    channel.settings = replace(channel.settings, channel="#alerts")
    await channel.delivers(notices.single())
    assert fake.messages[0].channel == "#alerts"


@pytest.mark.parametrize("change", [{"url": "x"}, {"channel": "#gone"}])
async def test_an_integration_or_channel_that_is_gone_breaks_the_channel(
    channel: Channel, fake: RocketChat, change: dict[str, str]
) -> None:
    whole = {"url": f"{fake.url}{PATH}{change['url']}"} if "url" in change else change
    channel.settings = replace(channel.settings, **whole)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


async def test_an_error_with_a_status_of_success_is_one(channel: Channel, fake: RocketChat) -> None:
    fake.always = Reply(200, {"success": False, "error": "error-not-allowed"})
    assert await channel.send(notices.single()) == GiveUp("Rocket.Chat answered 400 Bad Request: error-not-allowed")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, path=request.path + "x"),
        lambda request: replace(request, headers={}),
        spoiled(lambda body: body.update(text="")),
        spoiled(lambda body: body.update(mrkdwn=True)),
        spoiled(lambda body: body["attachments"][0].update(text="x" * 5001)),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: RocketChat, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
