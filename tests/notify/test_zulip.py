"""Zulip: what it is sent, in which topic, what is changed, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import zulip
from crontopus.notify.outcome import Delivered, GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served
from tests.notify.fakes.zulip import CHANNEL, EMAIL, KEY, Zulip


@pytest.fixture
async def fake() -> AsyncIterator[Zulip]:
    fake = Zulip()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Zulip) -> Channel:
    return Channel(zulip, fake, zulip.Settings(site=fake.url, email=EMAIL, key=KEY, channel=CHANNEL))


class TestZulip(Conformance):
    """As every channel."""


async def test_each_job_has_a_topic(channel: Channel, fake: Zulip) -> None:
    await channel.delivers_after(Kind.REMINDER)
    await channel.delivers(notices.single(job_name="weekly"))
    await channel.delivers(notices.single(job_name="", job=""))
    await channel.delivers(notices.group())
    assert fake.topics() == ["nightly backup 1", "nightly backup 1", "weekly", "nightly backup 1", "Alerts"]


async def test_one_topic_is_used_for_all_where_it_is_named(channel: Channel, fake: Zulip) -> None:
    channel.settings = replace(channel.settings, topic="cron")
    await channel.delivers(notices.single())
    await channel.delivers(notices.group())
    assert fake.topics() == ["cron", "cron"]


@pytest.mark.parametrize("name", ["😀" * 100, "a\u0378b", "tab\tand\nline", " ", "\u202e\x00"])
async def test_a_name_that_is_no_topic_is_made_one(channel: Channel, fake: Zulip, name: str) -> None:
    await channel.delivers(notices.single(job_name=name))
    assert len(fake.topics()) == 1


async def test_an_end_changes_the_message_and_is_told_by_another(channel: Channel) -> None:
    await channel.delivers_after(Kind.RESOLVE)
    assert [text.count("RECOVERED") for text in channel.texts()] == [1, 1]


async def test_what_is_too_old_to_be_changed_is_told_anew(channel: Channel, fake: Zulip) -> None:
    first = await channel.delivers(notices.single())
    fake.late = True
    assert isinstance(await channel.send(notices.single(Kind.ACKNOWLEDGE, reference=first)), Delivered)
    assert "ACKNOWLEDGED" in channel.newest().text
    assert "DOWN" in channel.texts()[0]


async def test_the_pause_it_asks_for_stands_in_its_answer(channel: Channel, fake: Zulip) -> None:
    body = {"result": "error", "code": "RATE_LIMIT_HIT", "msg": "API usage exceeded rate limit", "retry-after": 28.7}
    fake.always = Reply(429, body)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(seconds=28.7)


@pytest.mark.parametrize("change", [{"key": KEY + "x"}, {"channel": "gone"}])
async def test_a_wrong_key_or_channel_breaks_the_channel(channel: Channel, change: dict[str, str]) -> None:
    channel.settings = replace(channel.settings, **change)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


def _with(request: Request, **changes: str) -> Request:
    return replace(request, body=urlencode({**request.form, **changes}).encode())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, headers={"content-type": "application/x-www-form-urlencoded"}),
        lambda request: _with(request, topic="x" * 61),
        lambda request: _with(request, content="x" * 10_001),
        lambda request: _with(request, type="group"),
        lambda request: _with(request, subject="x"),
        lambda request: _with(request, topic="a\x00b"),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Zulip, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
