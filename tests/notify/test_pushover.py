"""Pushover: what it is sent, what repeats and until when, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import pushover
from crontopus.notify.contract import Link
from crontopus.notify.outcome import GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served
from tests.notify.fakes.pushover import TOKEN, USER, Pushover


@pytest.fixture
async def fake() -> AsyncIterator[Pushover]:
    fake = Pushover()
    async with served(fake):
        yield fake


@pytest.fixture(params=[False, True], ids=["once", "repeating"])
def channel(fake: Pushover, request: pytest.FixtureRequest) -> Channel:
    settings = pushover.Settings(token=TOKEN, user=USER, api=fake.url, emergency=request.param)
    return Channel(pushover, fake, settings)


@pytest.fixture
def repeating(fake: Pushover) -> Channel:
    return Channel(pushover, fake, pushover.Settings(token=TOKEN, user=USER, api=fake.url, emergency=True))


class TestPushover(Conformance):
    """As every channel."""

    hostile_characters = 200
    acts = 1


async def test_what_is_critical_repeats_until_it_is_over(repeating: Channel, fake: Pushover) -> None:
    await repeating.delivers(notices.single())
    await repeating.delivers(notices.single(number=2))
    assert [each.priority for each in fake.messages] == [2, 2]
    await repeating.delivers(notices.single(Kind.RESOLVE))
    assert fake.repeating == {notices.notice(number=2).alert.hex}
    assert fake.messages[-1].priority == -1


async def test_what_is_critical_repeats_until_it_is_acknowledged(repeating: Channel, fake: Pushover) -> None:
    await repeating.delivers(notices.single())
    await repeating.delivers(notices.single(Kind.ACKNOWLEDGE))
    assert fake.repeating == set()


async def test_the_end_of_one_ends_no_group(repeating: Channel, fake: Pushover) -> None:
    await repeating.delivers(notices.group())
    await repeating.delivers(notices.single(Kind.RESOLVE))
    assert fake.repeating == {""}


@pytest.mark.parametrize(("severity", "priority"), [(Severity.CRITICAL, 1), (Severity.WARNING, 0), (Severity.INFO, 0)])
async def test_nothing_repeats_where_nobody_chose_it(
    repeating: Channel, fake: Pushover, severity: Severity, priority: int
) -> None:
    repeating.settings = replace(repeating.settings, emergency=False)
    await repeating.delivers(notices.single(severity=severity))
    assert fake.messages[0].priority == priority
    assert fake.repeating == set()


async def test_an_address_that_is_too_long_is_left_out(repeating: Channel, fake: Pushover) -> None:
    await repeating.delivers(
        notices.single(links=(Link("Long", f"https://x.example/{'x' * 600}"), Link("b", notices.RUN)))
    )
    assert (fake.messages[0].url, fake.messages[0].url_title) == (notices.RUN, "b")


async def test_a_quota_of_the_month_is_waited_for_no_longer_than_a_day(repeating: Channel, fake: Pushover) -> None:
    reset = {"X-Limit-App-Reset": str(int(notices.NOW.timestamp()) + 240_000)}
    fake.always = Reply(429, {"status": 0, "errors": ["application is over its monthly message quota"]}, reset)
    outcome = await repeating.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(days=1)
    assert "quota" in outcome.why


async def test_a_fault_of_theirs_is_not_waited_for_until_the_quota_begins_anew(
    repeating: Channel, fake: Pushover
) -> None:
    fake.always = Reply(500, b"", {"X-Limit-App-Reset": str(int(notices.NOW.timestamp()) + 240_000)})
    outcome = await repeating.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after is None


@pytest.mark.parametrize("change", [{"token": TOKEN[::-1]}, {"user": USER[::-1]}])
async def test_a_wrong_token_or_user_breaks_the_channel(repeating: Channel, change: dict[str, str]) -> None:
    repeating.settings = replace(repeating.settings, **change)
    outcome = await repeating.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


def _with(request: Request, **changes: str) -> Request:
    return replace(request, body=urlencode({**request.form, **changes}).encode())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: _with(request, message="x" * 1025),
        lambda request: _with(request, title="x" * 251),
        lambda request: _with(request, retry="29"),
        lambda request: _with(request, expire="10801"),
        lambda request: _with(request, priority="3"),
        lambda request: _with(request, device="x" * 26),
        lambda request: _with(request, colour="red"),
    ],
)
async def test_the_fake_sees_a_mistake(repeating: Channel, fake: Pushover, spoil: Callable[[Request], Any]) -> None:
    await repeating.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
