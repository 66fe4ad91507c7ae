"""ntfy: what it is sent, what takes the place of what, and how it lets one in."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import ntfy
from crontopus.notify.contract import Link
from crontopus.notify.outcome import GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served, spoiled
from tests.notify.fakes.ntfy import PASSWORD, TOKEN, TOPIC, USER, Ntfy


@pytest.fixture
async def fake() -> AsyncIterator[Ntfy]:
    fake = Ntfy()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Ntfy) -> Channel:
    return Channel(ntfy, fake, ntfy.Settings(server=fake.url, topic=TOPIC, token=TOKEN))


class TestNtfy(Conformance):
    """As every channel."""


async def test_all_that_is_told_of_an_alert_is_one_notification(channel: Channel, fake: Ntfy) -> None:
    for kind in Kind:
        await channel.delivers(notices.single(kind))
    assert len(fake.messages) == 1
    await channel.delivers(notices.single(number=2))
    await channel.delivers(notices.group())
    assert len(fake.messages) == 3


@pytest.mark.parametrize(
    ("kind", "severity", "priority"),
    [
        (Kind.OPEN, Severity.CRITICAL, 5),
        (Kind.REMINDER, Severity.WARNING, 4),
        (Kind.OPEN, Severity.INFO, 3),
        (Kind.ACKNOWLEDGE, Severity.CRITICAL, 2),
        (Kind.RESOLVE, Severity.CRITICAL, 2),
    ],
)
async def test_what_is_worse_is_louder(
    channel: Channel, fake: Ntfy, kind: Kind, severity: Severity, priority: int
) -> None:
    await channel.delivers(notices.single(kind, severity=severity))
    assert next(iter(fake.messages.values())).priority == priority


async def test_a_tap_and_the_buttons_lead_to_the_links(channel: Channel, fake: Ntfy) -> None:
    await channel.delivers(notices.single())
    (message,) = fake.messages.values()
    assert message.click == notices.RUN
    assert [action.label for action in message.actions] == ["Open the run", "Snooze for 1 hour"]


async def test_of_many_links_the_tap_takes_the_first_and_the_buttons_the_next(channel: Channel, fake: Ntfy) -> None:
    await channel.delivers(notices.parcel(notices.offering()))
    (message,) = fake.messages.values()
    assert message.click == notices.RUN
    assert [action.label for action in message.actions] == ["Acknowledge", "Silence for an hour", "The run"]


@pytest.mark.parametrize("account", [{"token": TOKEN}, {"token": "", "user": USER, "password": PASSWORD}])
async def test_a_token_or_a_password_lets_it_in(channel: Channel, fake: Ntfy, account: dict[str, str]) -> None:
    fake.closed = True
    channel.settings = replace(channel.settings, **account)
    await channel.delivers(notices.single())


@pytest.mark.parametrize("account", [{"token": ""}, {"token": "tk_another"}, {"token": "", "user": USER}])
async def test_without_it_the_channel_is_broken(channel: Channel, fake: Ntfy, account: dict[str, str]) -> None:
    fake.closed = True
    channel.settings = replace(channel.settings, **account)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


async def test_no_request_is_larger_than_is_read(channel: Channel, fake: Ntfy) -> None:
    links = tuple(Link("x" * 100, f"https://x.example/{'y' * 480}") for _ in range(5))
    await channel.delivers(notices.single(title="😀" * 400, links=links, output=('"\n' * 9000,)))
    assert 7000 < len(fake.requests[0].body) <= 8192


async def test_a_quota_of_the_day_is_told(channel: Channel, fake: Ntfy) -> None:
    fake.always = Reply(429, {"code": 42908, "http": 429, "error": "limit reached: daily message quota reached"})
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert "daily message quota" in outcome.why


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, headers={"authorization": "Bearer x"}),
        spoiled(lambda body: body.update(message="é" * 2049)),
        spoiled(lambda body: body.update(title="x" * 1025)),
        spoiled(lambda body: body.update(priority=6)),
        spoiled(lambda body: body.update(topic="a/b")),
        spoiled(lambda body: body.update(text="x")),
        lambda request: replace(request, headers={**request.headers, "x-sequence-id": "a b"}),
        lambda request: replace(request, body=request.body + b" " * 9000),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Ntfy, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
