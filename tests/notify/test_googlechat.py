"""Google Chat: what its webhook is sent, what stands in one thread, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import googlechat
from crontopus.notify.outcome import GiveUp
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Request, served, spoiled
from tests.notify.fakes.googlechat import KEY, TOKEN, GoogleChat


@pytest.fixture
async def fake() -> AsyncIterator[GoogleChat]:
    fake = GoogleChat()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: GoogleChat) -> Channel:
    return Channel(googlechat, fake, googlechat.Settings(url=fake.webhook))


class TestGoogleChat(Conformance):
    """As every channel."""


async def test_all_that_is_told_of_an_alert_stands_in_one_thread(channel: Channel, fake: GoogleChat) -> None:
    for kind in Kind:
        await channel.delivers(notices.single(kind))
    await channel.delivers(notices.single(number=2))
    await channel.delivers(notices.group())
    threads = [each.thread.thread_key if each.thread else "" for each in fake.messages.values()]
    assert len(threads) == len(Kind) + 2
    assert len(set(threads)) == 3


async def test_what_is_sent_twice_arrives_once(channel: Channel, fake: GoogleChat) -> None:
    assert await channel.delivers(notices.single()) == await channel.delivers(notices.single())
    await channel.delivers(notices.group())
    await channel.delivers(notices.group())
    assert len(fake.messages) == 2


async def test_the_room_is_used(channel: Channel, fake: GoogleChat) -> None:
    await channel.delivers(notices.talkative())
    assert 30_000 < len(fake.requests[0].body) <= 32_000


@pytest.mark.parametrize("part", [KEY, TOKEN, "AAAAbCdEfGh"])
async def test_a_key_token_or_space_that_is_wrong_breaks_the_channel(channel: Channel, part: str) -> None:
    channel.settings = googlechat.Settings(url=channel.settings.url.replace(part, "wrong"))
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "answered" in outcome.why


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, query={**request.query, "threadKey": "x"}),
        spoiled(lambda body: body.update(cards=[])),
        spoiled(lambda body: body["cardsV2"][0]["card"].update(sections=[])),
        spoiled(lambda body: body.pop("thread")),
        spoiled(lambda body: body.update(fallbackText="x" * 32_000)),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: GoogleChat, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
