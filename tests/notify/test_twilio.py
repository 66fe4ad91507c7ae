"""Twilio: what is sent as text, what is spoken, and what its errors mean."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import twilio
from crontopus.notify.contract import Link
from crontopus.notify.outcome import GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served
from tests.notify.fakes.twilio import ACCOUNT, KEY, SENDER, SERVICE, STOPPED, TO, TOKEN, Call, Message, Twilio


@pytest.fixture
async def fake() -> AsyncIterator[Twilio]:
    fake = Twilio()
    async with served(fake):
        yield fake


@pytest.fixture(params=[False, True], ids=["text", "voice"])
def channel(fake: Twilio, request: pytest.FixtureRequest) -> Channel:
    return Channel(twilio, fake, _settings(fake, voice=request.param))


@pytest.fixture
def text(fake: Twilio) -> Channel:
    return Channel(twilio, fake, _settings(fake, voice=False))


@pytest.fixture
def voice(fake: Twilio) -> Channel:
    return Channel(twilio, fake, _settings(fake, voice=True))


def _settings(fake: Twilio, *, voice: bool) -> twilio.Settings:
    return twilio.Settings(account=ACCOUNT, token=TOKEN, sender=SENDER, to=TO, voice=voice, api=fake.url)


class TestTwilio(Conformance):
    """As every channel, of which there is little room for some."""

    shows_output = False
    shows_links = False
    shows_facts = False
    hostile_characters = 40

    async def test_who_reads_it_can_act_on_the_spot(self, channel: Channel) -> None:
        """By the one link that a text has; nobody spells one."""
        await channel.delivers(notices.parcel(notices.offering()))
        text = channel.newest().text
        assert re.findall(r"https?://\S+", text) == ([] if channel.settings.voice else [notices.ACTS[0].url])
        assert "It ended with exit status 1." in text


async def test_a_text_message_has_a_link_and_not_the_output(text: Channel) -> None:
    await text.delivers(notices.single())
    assert notices.RUN in text.newest().text
    assert "pg_dump" not in text.newest().text


async def test_a_link_that_leaves_no_room_for_words_is_left_out(text: Channel) -> None:
    await text.delivers(notices.single(links=(Link("The alert", f"https://x.example/{'x' * 300}"),)))
    assert "https://" not in text.newest().text


@pytest.mark.parametrize("parcel", [notices.endless(), notices.summary(), notices.group(20)])
async def test_a_text_message_costs_three_at_most(text: Channel, parcel: Any) -> None:
    await text.delivers(parcel)
    assert len(text.newest().text) <= 459


async def test_it_is_said_twice_and_no_address_is_spelt(voice: Channel, fake: Twilio) -> None:
    await voice.delivers(notices.single())
    said = "Crontopus. DOWN: nightly backup 1. It ended with exit status 1."
    assert voice.newest().text == f"{said}\n{said}"


async def test_nobody_is_called_for_what_is_over(voice: Channel, fake: Twilio) -> None:
    for kind in (Kind.OPEN, Kind.REMINDER, Kind.ACKNOWLEDGE, Kind.RESOLVE):
        await voice.delivers(notices.single(kind))
    assert [type(each) for each in fake.told] == [Call, Call, Message, Message]


async def test_text_of_others_is_spoken_and_no_verb(voice: Channel) -> None:
    await voice.delivers(notices.single(title="</Say><Dial>+1900</Dial>\x00\ufffe & co"))
    assert "</Say><Dial>+1900</Dial>␀" in voice.newest().text


@pytest.mark.parametrize(("sender", "field"), [(SERVICE, "messaging_service_sid"), ("Crontopus", "from_")])
async def test_a_service_or_a_name_may_send(text: Channel, fake: Twilio, sender: str, field: str) -> None:
    text.settings = replace(text.settings, sender=sender)
    await text.delivers(notices.single())
    assert getattr(fake.told[0], field) == sender


async def test_a_key_lets_in_as_well_as_the_account(text: Channel) -> None:
    text.settings = replace(text.settings, key=KEY, token=TOKEN[::-1])
    await text.delivers(notices.single())


@pytest.mark.parametrize(
    "change",
    [{"token": TOKEN[::-1]}, {"to": STOPPED}, {"sender": "+15005550001"}, {"sender": SERVICE.replace("0", "1")}],
)
async def test_what_will_never_work_breaks_the_channel(text: Channel, change: dict[str, str]) -> None:
    text.settings = replace(text.settings, **change)
    outcome = await text.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


async def test_a_queue_that_is_full_passes(text: Channel, fake: Twilio) -> None:
    fake.always = Reply(429, {"code": 20429, "message": "Too Many Requests", "status": 429})
    assert await text.send(notices.single()) == TryAgain(
        "Twilio answered 429 Too Many Requests: 20429 Too Many Requests"
    )


def _with(request: Request, **changes: str) -> Request:
    return replace(request, body=urlencode({**request.form, **changes}).encode())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="GET"),
        lambda request: replace(request, path=request.path.replace(".json", ".xml")),
        lambda request: replace(request, headers={**request.headers, "authorization": f"Bearer {TOKEN}"}),
        lambda request: _with(request, Body="x" * 1601),
        lambda request: _with(request, To="0123"),
        lambda request: _with(request, Text="x"),
        lambda request: _with(request, From=""),
    ],
)
async def test_the_fake_sees_a_mistake_in_a_text(text: Channel, fake: Twilio, spoil: Callable[[Request], Any]) -> None:
    await text.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: _with(request, Twiml="<Response><Say>a & b</Say></Response>"),
        lambda request: _with(request, Twiml="<Response><Dial>+1900</Dial></Response>"),
        lambda request: _with(request, Twiml="<Response><Say>\x00</Say></Response>"),
        lambda request: _with(request, Twiml=f"<Response><Say>{'x' * 4000}</Say></Response>"),
        lambda request: _with(request, From="Crontopus"),
    ],
)
async def test_the_fake_sees_a_mistake_in_a_call(voice: Channel, fake: Twilio, spoil: Callable[[Request], Any]) -> None:
    await voice.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
