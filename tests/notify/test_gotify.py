"""Gotify: what it is sent, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import gotify
from crontopus.notify.outcome import GiveUp
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Request, served, spoiled
from tests.notify.fakes.gotify import TOKEN, Gotify


@pytest.fixture
async def fake() -> AsyncIterator[Gotify]:
    fake = Gotify()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Gotify) -> Channel:
    return Channel(gotify, fake, gotify.Settings(server=fake.url, token=TOKEN))


class TestGotify(Conformance):
    """As every channel."""


async def test_it_is_said_that_nothing_is_markdown(channel: Channel, fake: Gotify) -> None:
    await channel.delivers(notices.single())
    assert fake.messages[0].extras.display.content_type == "text/plain"


async def test_what_is_worse_is_louder(channel: Channel, fake: Gotify) -> None:
    for kind, severity in (
        (Kind.ACKNOWLEDGE, Severity.CRITICAL),
        (Kind.RESOLVE, Severity.CRITICAL),
        (Kind.OPEN, Severity.INFO),
        (Kind.OPEN, Severity.WARNING),
        (Kind.OPEN, Severity.CRITICAL),
    ):
        await channel.delivers(notices.single(kind, severity=severity))
    assert [each.priority for each in fake.messages] == [1, 2, 4, 6, 9]


async def test_a_wrong_token_breaks_the_channel(channel: Channel) -> None:
    channel.settings = replace(channel.settings, token=TOKEN + "x")
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "valid access token" in outcome.why


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="GET"),
        lambda request: replace(request, path="/messages"),
        lambda request: replace(request, headers={**request.headers, "x-gotify-key": "x"}),
        spoiled(lambda body: body.update(priority="high")),
        spoiled(lambda body: body.update(message="")),
        spoiled(lambda body: body["extras"].update(markdown=True)),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Gotify, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
