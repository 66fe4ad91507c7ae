"""Matrix: what it is sent, what changes and answers what, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import matrix
from crontopus.notify.outcome import Delivered, GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served, spoiled
from tests.notify.fakes.matrix import ROOM, TOKEN, Matrix, Thread


@pytest.fixture
async def fake() -> AsyncIterator[Matrix]:
    fake = Matrix()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Matrix) -> Channel:
    return Channel(matrix, fake, matrix.Settings(server=fake.url, token=TOKEN, room=ROOM))


class TestMatrix(Conformance):
    """As every channel."""


async def test_what_is_sent_twice_arrives_once(channel: Channel, fake: Matrix) -> None:
    assert await channel.delivers(notices.single()) == await channel.delivers(notices.single())
    assert await channel.delivers(notices.group()) == await channel.delivers(notices.group())
    assert len(fake.requests) == 4
    assert len(fake.events) == 2


async def test_a_group_is_not_taken_for_its_first_notice(channel: Channel, fake: Matrix) -> None:
    await channel.delivers(notices.group(2))
    await channel.delivers(notices.group(3))
    await channel.delivers(notices.parcel(*notices.group(3).notices[:1]))
    assert len(fake.events) == 3


async def test_an_end_changes_the_message_and_is_told_in_its_thread_without_a_sound(
    channel: Channel, fake: Matrix
) -> None:
    await channel.delivers_after(Kind.RESOLVE)
    (id, first), (_, second) = fake.events.items()
    assert "RECOVERED" in first.body
    assert isinstance(second.relates_to, Thread)
    assert second.relates_to.event_id == second.relates_to.in_reply_to.event_id == id
    assert (first.msgtype, second.msgtype) == ("m.text", "m.notice")


async def test_a_reminder_makes_a_sound_in_the_thread(channel: Channel, fake: Matrix) -> None:
    await channel.delivers_after(Kind.REMINDER)
    first, second = fake.events.values()
    assert first.relates_to is UNSET
    assert isinstance(second.relates_to, Thread)
    assert second.msgtype == "m.text"


async def test_a_message_that_nobody_knows_is_sent_anew(channel: Channel, fake: Matrix) -> None:
    first = await channel.delivers(notices.single())
    fake.events.clear()
    assert isinstance(await channel.send(notices.single(Kind.ACKNOWLEDGE, reference=first)), Delivered)
    assert "ACKNOWLEDGED" in channel.newest().text


async def test_the_pause_it_asks_for_may_stand_in_its_answer(channel: Channel, fake: Matrix) -> None:
    fake.always = Reply(429, {"errcode": "M_LIMIT_EXCEEDED", "error": "Too many requests", "retry_after_ms": 2500})
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(milliseconds=2500)


@pytest.mark.parametrize("change", [{"token": "another-token"}, {"room": "!another:example.org"}])
async def test_a_wrong_token_or_room_breaks_the_channel(channel: Channel, change: dict[str, str]) -> None:
    channel.settings = replace(channel.settings, **change)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "M_" in outcome.why


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="POST"),
        lambda request: replace(request, headers={}),
        lambda request: replace(request, path=request.path.replace("v3", "v2").replace("send", "sent") + "x"),
        spoiled(lambda body: body.update(formatted_body="<b>x</b>")),
        spoiled(lambda body: body.pop("body")),
        spoiled(lambda body: body.update(msgtype="m.shout")),
        spoiled(lambda body: body.update(body="x" * 70_000)),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Matrix, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    fake.transactions.clear()
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
