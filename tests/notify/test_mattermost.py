"""Mattermost: what its webhook is sent, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import mattermost
from crontopus.notify.outcome import GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served, spoiled
from tests.notify.fakes.mattermost import Mattermost


@pytest.fixture
async def fake() -> AsyncIterator[Mattermost]:
    fake = Mattermost()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Mattermost) -> Channel:
    return Channel(mattermost, fake, mattermost.Settings(url=fake.webhook))


class TestMattermost(Conformance):
    """As every channel."""


async def test_a_message_has_the_colour_of_the_worst(channel: Channel, fake: Mattermost) -> None:
    await channel.delivers(notices.single())
    await channel.delivers(notices.single(Kind.RESOLVE))
    assert [each.attachments[0].color for each in fake.messages] == ["#D92D20", "#079455"]


async def test_no_backticks_of_others_end_the_code(channel: Channel) -> None:
    await channel.delivers(notices.single(title="`", summary="```` @all", output=("```", "@channel", "`````")))
    seen = channel.newest()
    assert seen.acting == ()
    assert "```\n@channel\n`````" in seen.text


async def test_another_channel_is_written_to_where_it_is_named(channel: Channel, fake: Mattermost) -> None:
    channel.settings = replace(channel.settings, channel="alerts")
    await channel.delivers(notices.single())
    assert fake.messages[0].channel == "alerts"


async def test_a_webhook_that_is_gone_breaks_the_channel(channel: Channel, fake: Mattermost) -> None:
    channel.settings = mattermost.Settings(url=f"{fake.webhook}x")
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


async def test_a_channel_that_is_gone_breaks_it(channel: Channel, fake: Mattermost) -> None:
    channel.settings = mattermost.Settings(url=fake.webhook, channel="gone")
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


async def test_webhooks_that_are_switched_off_break_the_channel(channel: Channel, fake: Mattermost) -> None:
    error = {"id": "web.incoming_webhook.disabled.app_error", "message": "Incoming webhooks have been disabled."}
    fake.always = Reply(501, error)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "disabled" in outcome.why


async def test_a_database_of_theirs_that_is_down_breaks_nothing(channel: Channel, fake: Mattermost) -> None:
    error = {"id": "web.incoming_webhook.channel.app_error", "message": "Couldn't find the channel."}
    fake.always = Reply(500, error)
    assert isinstance(await channel.send(notices.single()), TryAgain)


async def test_a_limit_of_its_rate_is_told_in_plain_text(channel: Channel, fake: Mattermost) -> None:
    fake.always = Reply(429, b"limit exceeded\n", {"X-RateLimit-Remaining": "0", "Retry-After": "1"})
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(seconds=1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="GET"),
        lambda request: replace(request, path=request.path + "x"),
        lambda request: replace(request, headers={"content-type": "text/plain"}),
        spoiled(lambda body: body.update(attachments=[])),
        spoiled(lambda body: body["attachments"][0].update(color="red")),
        spoiled(lambda body: body["attachments"][0].update(text="x" * 760_000)),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Mattermost, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
