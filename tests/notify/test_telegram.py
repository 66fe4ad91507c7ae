"""Telegram: what it is sent, what answers what, and what its errors mean."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import telegram
from crontopus.notify.outcome import Delivered, GiveUp, TryAgain
from tests.notify import notices
from tests.notify.conformance import Channel, Conformance
from tests.notify.fakes import Reply, Request, served, spoiled
from tests.notify.fakes.telegram import CHAT, MOVED, TOKEN, Telegram


@pytest.fixture
async def fake() -> AsyncIterator[Telegram]:
    fake = Telegram()
    async with served(fake):
        yield fake


@pytest.fixture
def channel(fake: Telegram) -> Channel:
    return Channel(telegram, fake, telegram.Settings(token=TOKEN, chat=CHAT, api=fake.url))


class TestTelegram(Conformance):
    """As every channel."""


async def test_an_end_changes_the_message_and_answers_it_without_a_sound(channel: Channel, fake: Telegram) -> None:
    await channel.delivers_after(Kind.RESOLVE)
    (id, first), (_, second) = fake.messages.items()
    assert "RECOVERED" in first.text
    assert second.reply_parameters is not None
    assert second.reply_parameters.message_id == id
    assert (first.disable_notification, second.disable_notification) == (False, True)


async def test_buttons_stand_below_it_until_somebody_knows(channel: Channel, fake: Telegram) -> None:
    first = await channel.delivers(notices.parcel(notices.offering()))
    (message,) = fake.messages.values()
    rows = message.reply_markup.inline_keyboard
    assert [(row[0].text, row[0].url) for row in rows] == [(act.text, act.url) for act in notices.ACTS]
    assert "Acknowledge" not in channel.newest().text
    await channel.delivers(notices.single(Kind.ACKNOWLEDGE, reference=first))
    assert next(iter(fake.messages.values())).reply_markup.inline_keyboard == []


async def test_a_button_that_telegram_would_refuse_is_a_link(channel: Channel, fake: Telegram) -> None:
    near = tuple(replace(act, url=act.url.replace("cron.example.org", "cron:8000")) for act in notices.ACTS)
    await channel.delivers(notices.single(links=near))
    assert fake.requests[-1].json.get("reply_markup") is None
    assert channel.newest().links == tuple(act.url for act in near)


async def test_a_reminder_answers_the_first_message_with_a_sound(channel: Channel, fake: Telegram) -> None:
    await channel.delivers_after(Kind.REMINDER)
    *_, second = fake.messages.values()
    assert second.reply_parameters is not None
    assert not second.disable_notification
    assert "DOWN: nightly backup 1" in channel.texts()[0]


async def test_a_change_that_was_made_already_is_no_error(channel: Channel, fake: Telegram) -> None:
    first = await channel.delivers(notices.single())
    await channel.delivers(notices.single(Kind.ACKNOWLEDGE, reference=first))
    assert await channel.send(notices.single(Kind.ACKNOWLEDGE, reference=first)) == Delivered(first)
    assert len(fake.messages) == 1


async def test_a_message_that_is_gone_is_sent_anew(channel: Channel, fake: Telegram) -> None:
    first = await channel.delivers(notices.single())
    fake.messages.clear()
    assert isinstance(await channel.send(notices.single(Kind.RESOLVE, reference=first)), Delivered)
    assert "RECOVERED" in channel.newest().text


async def test_a_reminder_of_a_message_that_is_gone_answers_nothing(channel: Channel, fake: Telegram) -> None:
    first = await channel.delivers(notices.single())
    fake.messages.clear()
    await channel.delivers(notices.single(Kind.REMINDER, reference=first))
    assert len(fake.messages) == 1


async def test_a_group_that_became_a_supergroup_is_followed(channel: Channel, fake: Telegram) -> None:
    first = await channel.delivers(notices.single())
    fake.moved = True
    outcome = await channel.send(notices.single(Kind.REMINDER, reference=first))
    assert isinstance(outcome, Delivered)
    assert list(fake.messages.values())[-1].chat_id == str(MOVED)


async def test_a_chat_that_was_left_for_another_breaks_nothing(channel: Channel, fake: Telegram) -> None:
    first = await channel.delivers(notices.single())
    outcome = await channel.send(notices.single(Kind.RESOLVE, reference=first.replace(CHAT, "-7")))
    assert isinstance(outcome, Delivered)
    assert "RECOVERED" in channel.newest().text


async def test_a_topic_is_named_and_one_that_is_gone_breaks_the_channel(channel: Channel, fake: Telegram) -> None:
    channel.settings = replace(channel.settings, topic=9)
    await channel.delivers(notices.single())
    assert next(iter(fake.messages.values())).message_thread_id == 9
    fake.topics.clear()
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


async def test_the_pause_it_asks_for_stands_in_its_answer(channel: Channel, fake: Telegram) -> None:
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 31}}
    fake.always = Reply(429, body)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, TryAgain)
    assert outcome.after == timedelta(seconds=31)


@pytest.mark.parametrize("change", [{"token": TOKEN + "x"}, {"chat": "-1"}])
async def test_a_wrong_token_or_chat_breaks_the_channel(channel: Channel, change: dict[str, str]) -> None:
    channel.settings = replace(channel.settings, **change)
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert TOKEN not in outcome.why


async def test_an_error_with_a_status_of_success_is_one(channel: Channel, fake: Telegram) -> None:
    fake.always = Reply(200, {"ok": False, "error_code": 403, "description": "Forbidden: bot was kicked"})
    outcome = await channel.send(notices.single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "kicked" in outcome.why


async def test_a_length_is_that_of_what_is_seen(channel: Channel, fake: Telegram) -> None:
    await channel.delivers(notices.single(output=("<" * 5000,)))
    assert 4050 < len(channel.newest().text) <= 4096
    assert len(next(iter(fake.messages.values())).text) > 10_000


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, method="GET"),
        lambda request: replace(request, path=request.path.replace("sendM", "deliverM")),
        spoiled(lambda body: body.update(text="<b>open")),
        spoiled(lambda body: body.update(text="1 &nbsp; 2")),
        spoiled(lambda body: body.update(text="x" * 4097)),
        spoiled(lambda body: body.update(disable_web_page_preview=True)),
        spoiled(lambda body: body.pop("chat_id")),
    ],
)
async def test_the_fake_sees_a_mistake(channel: Channel, fake: Telegram, spoil: Callable[[Request], Any]) -> None:
    await channel.delivers(notices.single())
    assert 400 <= fake.answer(spoil(fake.requests[0])).status < 500
