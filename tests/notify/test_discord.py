"""Discord: what it is sent, what becomes of a message, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import discord
from crontopus.notify.outcome import GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served, spoiled
from tests.notify.fakes.discord import Discord


@pytest.fixture
async def fake() -> AsyncIterator[Discord]:
    fake = Discord()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Discord) -> Channel:
    return Channel(discord, fake, discord.Settings(url=fake.webhook))


class TestDiscord(Conformance):
    """As every channel."""


async def test_an_end_turns_the_message_green_and_is_told_by_another(channel: Channel, fake: Discord) -> None:
    await channel.delivers_after(Kind.RESOLVE)
    first, second = fake.messages.values()
    assert (first.embeds[0].title, second.embeds[0].title) == ("RECOVERED: nightly backup 1",) * 2
    assert first.embeds[0].color == second.embeds[0].color == 0x079455


async def test_an_acknowledgement_changes_the_message_and_disturbs_nobody(channel: Channel) -> None:
    await channel.delivers_after(Kind.ACKNOWLEDGE)
    (text,) = channel.texts()
    assert "ACKNOWLEDGED" in text


async def test_all_that_is_told_of_an_alert_is_found_by_its_first_message(channel: Channel) -> None:
    first = await channel.delivers(notices.single())
    for kind in (Kind.REMINDER, Kind.ACKNOWLEDGE, Kind.RESOLVE):
        assert await channel.delivers(notices.single(kind, reference=first)) == first


async def test_a_message_that_somebody_deleted_is_sent_anew(channel: Channel, fake: Discord) -> None:
    gone = await channel.delivers(notices.single())
    fake.messages.clear()
    outcome = await channel.send(notices.single(Kind.ACKNOWLEDGE, reference=gone))
    assert [said.status for said in fake.refused] == [404]
    assert "ACKNOWLEDGED" in channel.newest().text
    assert not isinstance(outcome, GiveUp)


async def test_the_colour_tells_the_worst_of_a_group(channel: Channel, fake: Discord) -> None:
    mild = notices.group(severity=Severity.INFO).notices
    await channel.delivers(replace(notices.group(), notices=(*mild, notices.notice(number=4))))
    assert next(iter(fake.messages.values())).embeds[0].color == 0xD92D20


async def test_a_summary_counts_all_and_names_each(channel: Channel) -> None:
    await channel.delivers(notices.summary())
    assert "30 alerts: 30 DOWN" in channel.newest().text
    assert "nightly backup 30" in channel.newest().text


async def test_output_is_cut_from_its_beginning_to_whole_lines(channel: Channel) -> None:
    await channel.delivers(notices.talkative())
    assert "earlier lines left out\nline 4" in channel.newest().text
    assert "line 4999 <&>" in channel.newest().text


async def test_the_thread_of_a_forum_is_named_in_every_request(channel: Channel, fake: Discord) -> None:
    fake.forum = True
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "thread" in outcome.why
    fake.refused.clear()
    channel.settings = discord.Settings(url=fake.webhook, thread="77")
    await channel.delivers_after(Kind.RESOLVE)
    assert {request.query.get("thread_id") for request in fake.requests[1:]} == {"77"}


async def test_the_pause_it_asks_for_is_taken_to_the_millisecond(channel: Channel, fake: Discord) -> None:
    fake.always = Reply(429, {"message": "You are being rate limited.", "retry_after": 0.65, "global": False})
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(milliseconds=650)


@pytest.mark.parametrize("wrong", ["token", "id"])
async def test_a_webhook_that_is_gone_breaks_the_channel(channel: Channel, fake: Discord, wrong: str) -> None:
    there = {"token": fake.webhook + "x", "id": fake.webhook.replace("webhooks/1", "webhooks/2")}[wrong]
    channel.settings = discord.Settings(url=there)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert there not in outcome.why


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, path=request.path + "x"),
        spoiled(lambda body: body["embeds"][0].update(title="x" * 257)),
        spoiled(lambda body: body["embeds"][0].update(color="red")),
        spoiled(lambda body: body.update(embeds=[])),
        spoiled(lambda body: body.update(text="x")),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Discord, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
