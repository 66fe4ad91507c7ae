"""Slack by a bot: the message of an alert, its thread, and what becomes of what Slack answers."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import slack
from crontopus.notify.contract import Notice, Parcel
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.notify.slack import Settings, Thread
from tests.notify.fakes import HTML, Reply, Request, served, spoiled, too_many
from tests.notify.fakes.slack import CHANNEL, TOKEN, Slack, words_of
from tests.notify.notices import (
    ALERT,
    FAR_TOO_LONG,
    HOSTILE,
    RUN,
    SNOOZE,
    guarded,
    in_own_words,
    notice,
    offering,
    overgrown,
    parcel,
    several,
    single,
)

FIRST = "1799000000.000100"


@pytest.fixture
async def there() -> AsyncIterator[Slack]:
    async with served(Slack()) as fake:
        yield fake


async def send(there: Slack, what: Parcel, **settings: Any) -> Outcome:
    given = {"token": TOKEN, "channel": "#alerts", "api": f"{there.url}/api"} | settings
    outcome = await slack.send(msgspec.convert(given, Settings), what, guarded(TOKEN))
    assert TOKEN not in str(outcome)
    return outcome


async def sent(there: Slack, what: Parcel) -> str:
    """The reference that it was delivered with."""
    outcome = await send(there, what)
    assert isinstance(outcome, Delivered)
    return outcome.reference


def thread_of(reference: str) -> Thread:
    return msgspec.json.decode(reference, type=Thread)


async def test_an_alert_is_one_message_with_its_output_in_the_thread(there: Slack) -> None:
    reference = await sent(there, single())
    assert thread_of(reference) == Thread(CHANNEL, FIRST, {str(ALERT): FIRST})
    card, output = there.messages.values()
    assert card["channel"] == "#alerts"
    assert card["text"] == "DOWN: nightly backup 1\nIt ended with exit status 1."
    assert [block["type"] for block in card["blocks"]] == ["header", "rich_text", "rich_text", "actions"]
    assert card["blocks"][0]["text"]["text"] == "🔴 DOWN: nightly backup 1"
    assert "exit status: \n1, expected 0\n" in words_of(card)
    assert [button["url"] for button in card["blocks"][3]["elements"]] == [
        RUN,
        SNOOZE,
    ]
    assert output["thread_ts"] == FIRST
    assert words_of(output) == "pg_dump: error: connection refused\ngiving up"


async def test_the_buttons_by_which_one_acts_go_when_somebody_knows(there: Slack) -> None:
    reference = await sent(there, parcel(replace(offering(), output=())))
    (card,) = there.messages.values()
    assert [button["url"] for button in card["blocks"][-1]["elements"]] == [link.url for link in offering().links]
    await sent(there, single(Kind.ACKNOWLEDGE, reference=reference, output=()))
    (card,) = there.messages.values()
    assert [button["url"] for button in card["blocks"][-1]["elements"]] == [RUN, SNOOZE]


async def test_the_end_turns_the_message_green_and_is_told_in_the_thread(there: Slack) -> None:
    reference = await sent(there, single(output=()))
    assert await send(there, single(Kind.RESOLVE, reference=reference)) == Delivered(reference)
    card, reply = there.messages.values()
    assert card["blocks"][0]["text"]["text"] == "🟢 RECOVERED: nightly backup 1"
    assert (reply["thread_ts"], reply["reply_broadcast"]) == (FIRST, False)


async def test_an_acknowledgement_changes_the_message_and_says_nothing_else(there: Slack) -> None:
    reference = await sent(there, single(output=()))
    await sent(there, single(Kind.ACKNOWLEDGE, reference=reference))
    (card,) = there.messages.values()
    assert card["blocks"][0]["text"]["text"] == "🟡 ACKNOWLEDGED: nightly backup 1"


async def test_an_update_changes_the_message_and_is_told_in_the_thread(there: Slack) -> None:
    reference = await sent(there, single(output=()))
    await sent(there, single(Kind.UPDATE, reference=reference, summary="Two jobs now."))
    card, reply = there.messages.values()
    assert "Two jobs now." in words_of(card)
    assert "Two jobs now." in words_of(reply)


@pytest.mark.parametrize(("kind", "broadcast"), [(Kind.REMINDER, True), (Kind.FAILURE, False)])
async def test_what_happens_meanwhile_stands_in_the_thread_and_a_reminder_in_the_channel_too(
    there: Slack, kind: Kind, broadcast: bool
) -> None:
    reference = await sent(there, single(output=()))
    before = dict(there.messages[FIRST])
    assert await sent(there, single(kind, reference=reference)) == reference
    card, reply = there.messages.values()
    assert card == before
    assert (reply["thread_ts"], reply["reply_broadcast"]) == (FIRST, broadcast)
    assert ("giving up" in words_of(reply)) is (kind is Kind.FAILURE)


async def test_what_began_and_ended_is_one_green_message(there: Slack) -> None:
    await sent(there, single(ended=True, output=()))
    assert there.said()[0].startswith("🟢 WAS DOWN: nightly backup 1")


async def test_an_alert_that_is_opened_again_gets_a_message_of_its_own(there: Slack) -> None:
    reference = await sent(there, single(output=()))
    assert thread_of(await sent(there, single(output=(), reference=reference))).ts != FIRST


@pytest.mark.parametrize("kind", [Kind.RESOLVE, Kind.ACKNOWLEDGE])
async def test_a_message_that_cannot_be_changed_any_more_is_replied_to(there: Slack, kind: Kind) -> None:
    reference = await sent(there, single(output=()))
    there.frozen = True
    assert await sent(there, single(kind, reference=reference)) == reference
    assert [message.get("thread_ts") for message in there.messages.values()] == [None, FIRST]


@pytest.mark.parametrize("kind", [Kind.RESOLVE, Kind.REMINDER, Kind.ACKNOWLEDGE])
async def test_where_the_message_was_deleted_there_is_a_new_one(there: Slack, kind: Kind) -> None:
    gone = json.dumps({"channel": CHANNEL, "ts": "1.0", "cards": {str(ALERT): "1.0"}})
    reference = await sent(there, single(kind, reference=gone, output=()))
    assert thread_of(reference) == Thread(CHANNEL, FIRST, {str(ALERT): FIRST})


async def test_where_the_channel_is_another_now_the_message_goes_there(there: Slack) -> None:
    elsewhere = json.dumps({"channel": "C0OTHER", "ts": FIRST, "cards": {str(ALERT): FIRST}})
    reference = await sent(there, single(Kind.RESOLVE, reference=elsewhere, output=()))
    assert thread_of(reference).channel == CHANNEL


@pytest.mark.parametrize("reference", ["not json", "{}", '{"channel":1,"ts":2}', "[]"])
async def test_a_reference_of_something_else_is_as_none(there: Slack, reference: str) -> None:
    await sent(there, single(Kind.RESOLVE, reference=reference, output=()))
    assert len(there.messages) == 1


async def test_an_alert_whose_output_does_not_arrive_is_told_all_the_same(there: Slack) -> None:
    there.replies += [there.judge(Request("POST", "/api/chat.postMessage", {}, _headers(), _simple()))]
    there.replies.append(Reply(503))
    assert isinstance(await send(there, single()), Delivered)


def _headers() -> dict[str, str]:
    return {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}


def _simple() -> bytes:
    return json.dumps({"channel": CHANNEL, "text": "x", "blocks": []}).encode()


async def test_several_are_one_message_in_order(there: Slack) -> None:
    reference = await sent(there, parcel(*several(3)))
    (said,) = there.said()
    assert said.startswith("3 alerts: 2 DOWN, 1 RECOVERED")
    assert said.index("nightly backup 1") < said.index("nightly backup 2") < said.index("nightly backup 3")
    assert thread_of(reference).cards == {}


async def test_what_is_told_later_of_one_of_several_stands_in_their_thread(there: Slack) -> None:
    notices = several(3, output=())
    reference = await sent(there, parcel(*notices))
    before = there.said()[0]
    later = replace(notices[0], kind=Kind.ACKNOWLEDGE, reference=reference)
    assert await sent(there, parcel(later)) == reference
    first, reply = there.messages.values()
    assert words_of(first) == before
    assert reply["thread_ts"] == FIRST


async def test_several_that_were_told_together_end_in_their_thread(there: Slack) -> None:
    notices = several(3, output=())
    reference = await sent(there, parcel(*notices))
    ended = [replace(each, kind=Kind.RESOLVE, state="RECOVERED", reference=reference) for each in notices]
    assert await sent(there, parcel(*ended)) == reference
    assert [message.get("thread_ts") for message in there.messages.values()] == [None, FIRST]


async def test_several_that_were_told_alone_get_a_message_and_their_own_ones_are_changed(there: Slack) -> None:
    notices: list[Notice] = []
    for each in several(3, output=()):
        reference = await sent(there, parcel(replace(each, kind=Kind.OPEN, state="DOWN")))
        notices.append(replace(each, kind=Kind.RESOLVE, state="RECOVERED", reference=reference))
    reference = await sent(there, parcel(*notices))
    *cards, together = there.said()
    assert together.startswith("3 alerts: 3 RECOVERED")
    assert all(card.startswith("🟢 RECOVERED") for card in cards)
    assert len(thread_of(reference).cards) == 3


@pytest.mark.parametrize("fault", [Reply(503), Reply(200, {"ok": False, "error": "ratelimited"})])
async def test_of_several_a_message_that_cannot_be_changed_now_is_no_fault(there: Slack, fault: Reply) -> None:
    (first, *_) = several(3, output=())
    reference = await sent(there, parcel(first))
    there.replies += [Reply(200, {"ok": True, "channel": CHANNEL, "ts": "2.0"}), fault]
    outcome = await send(there, parcel(replace(first, reference=reference), *several(2)))
    assert isinstance(outcome, Delivered)
    assert thread_of(outcome.reference).ts == "2.0"
    assert there.requests[-1].path == "/api/chat.update"


async def test_of_thirty_some_are_named_and_the_others_counted(there: Slack) -> None:
    await sent(there, parcel(*several(30), summary=True))
    (said,) = there.said()
    assert said.startswith("30 alerts: 20 DOWN, 10 RECOVERED")
    assert "nightly backup 20" in said
    assert "nightly backup 30" not in said
    assert said.endswith("and 10 more")


@pytest.mark.parametrize("text", [HOSTILE, FAR_TOO_LONG])
async def test_what_others_wrote_is_nothing_but_text_and_fits(there: Slack, text: str) -> None:
    reference = await sent(there, parcel(overgrown(text=text)))
    for kind in (Kind.FAILURE, Kind.RESOLVE):
        await sent(there, parcel(overgrown(kind, text=text, reference=reference)))
    await sent(there, parcel(*(overgrown(text=text, alert=UUID(int=number)) for number in range(20))))
    assert len(there.messages) == 5
    assert not set(there.said()[0]) & set("\x1b\u202e\u0000\u200b")
    for message in there.messages.values():
        assert message["parse"] == "none"
        assert message["link_names"] is message["unfurl_links"] is message["unfurl_media"] is False


@pytest.mark.parametrize("text", [HOSTILE, FAR_TOO_LONG])
async def test_words_of_ones_own_are_nothing_but_text_and_fit(there: Slack, text: str) -> None:
    await sent(there, in_own_words(text))
    (card,) = there.messages.values()
    assert text[:100] in words_of(card)
    assert "acme" not in words_of(card)
    assert "It ended" not in f"{card}"


async def test_a_title_is_cut_on_a_character_and_never_within_an_escape(there: Slack) -> None:
    for length in range(130, 150):
        await sent(there, single(title="x" * length + "&&&", output=()))
    headers = [message["blocks"][0]["text"]["text"] for message in there.messages.values()]
    assert all(len(header) <= 150 for header in headers)
    assert any(header.endswith("&amp;…") for header in headers)


async def test_nothing_to_say_makes_no_empty_text(there: Slack) -> None:
    bare = notice(title="", summary="", tenant="", namespace="", job="", agent="", facts=(), output=("",), links=())
    await sent(there, parcel(bare))
    await sent(there, parcel(bare, bare))


async def test_too_many_messages_are_sent_when_slack_says(there: Slack) -> None:
    there.replies.append(too_many("30", b'{"ok":false,"error":"ratelimited"}'))
    assert await send(there, single()) == TryAgain("Slack answered 429 Too Many Requests", timedelta(seconds=30))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ratelimited", TryAgain),
        ("service_unavailable", TryAgain),
        ("internal_error", TryAgain),
        ("msg_too_long", GiveUp),
        ("msg_blocks_too_long", GiveUp),
        ("invalid_blocks", GiveUp),
        ("something_new", GiveUp),
    ],
)
async def test_an_error_within_a_success_is_judged_by_its_name(there: Slack, error: str, expected: type) -> None:
    there.replies.append(Reply(200, {"ok": False, "error": error}))
    outcome = await send(there, single())
    assert type(outcome) is expected
    assert isinstance(outcome, TryAgain | GiveUp)
    assert error in outcome.why
    assert not (isinstance(outcome, GiveUp) and outcome.broken)
    assert (isinstance(outcome, TryAgain) and outcome.arrived) is (error == "internal_error")


@pytest.mark.parametrize(
    "error", ["invalid_auth", "token_revoked", "account_inactive", "is_archived", "channel_not_found", "missing_scope"]
)
async def test_what_somebody_must_mend_breaks_the_channel(there: Slack, error: str) -> None:
    there.replies.append(Reply(200, {"ok": False, "error": error}))
    outcome = await send(there, single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert ":" in outcome.why


async def test_a_token_that_was_revoked_and_a_channel_that_is_gone_break_the_channel(there: Slack) -> None:
    assert await send(there, single(), token="xoxb-another") == GiveUp(
        "Slack does not take the token: install the app again, and give its new token (invalid_auth)", broken=True
    )
    assert await send(there, single(), channel="#gone") == GiveUp(
        "Slack knows no such channel, or the app is not in it: invite the app, or correct the channel "
        "(channel_not_found)",
        broken=True,
    )
    there.archived = True
    assert await send(there, single()) == GiveUp("the channel is archived: choose another (is_archived)", broken=True)


@pytest.mark.parametrize("error", [f"no such token: {TOKEN}", 7, None])
async def test_an_error_that_is_no_word_is_not_repeated(there: Slack, error: object) -> None:
    there.replies.append(Reply(200, {"ok": False, "error": error}))
    assert await send(there, single()) == GiveUp("Slack did not take it (for an unknown reason)")


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_fault_over_there_is_tried_again(there: Slack, status: int) -> None:
    there.replies.append(Reply(status, TOKEN.encode()))
    assert isinstance(await send(there, single()), TryAgain)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_breaks_the_channel(there: Slack, status: int) -> None:
    there.replies.append(Reply(status, TOKEN.encode()))
    outcome = await send(there, single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


@pytest.mark.parametrize("garbage", [HTML, Reply(200, b"[]"), Reply(200, b""), Reply(200, b'{"ok":"yes"}')])
async def test_an_answer_that_slack_does_not_give_is_tried_again(there: Slack, garbage: Reply) -> None:
    there.replies.append(garbage)
    outcome = await send(there, single())
    assert isinstance(outcome, TryAgain)
    assert outcome.arrived


async def test_nobody_there_is_tried_again() -> None:
    settings = Settings(token=TOKEN, channel=CHANNEL, api="http://127.0.0.1:9/api")
    assert isinstance(await slack.send(settings, single(), guarded()), TryAgain)


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (lambda request: replace(request, headers=_headers() | {"authorization": "Bearer x"}), "invalid_auth"),
        (lambda request: replace(request, path="/api/chat.post"), "unknown_method"),
        (spoiled(lambda message: message.pop("channel")), "invalid_arguments"),
        (spoiled(lambda message: message.update(thread="1")), "invalid_arguments"),
        (spoiled(lambda message: message.update(thread_ts="1.0")), "thread_not_found"),
        (spoiled(lambda message: message["blocks"][0]["text"].update(text="x" * 151)), "invalid_blocks"),
        (spoiled(lambda message: message["blocks"][0]["text"].update(type="mrkdwn")), "invalid_blocks"),
        (spoiled(lambda message: message["blocks"].extend(message["blocks"] * 13)), "invalid_blocks"),
        (spoiled(lambda message: message["blocks"][3]["elements"][0].update(url="x" * 3001)), "invalid_blocks"),
        (spoiled(lambda message: message["blocks"][1]["elements"][0]["elements"][0].update(text="")), "invalid_blocks"),
    ],
)
async def test_slack_would_see_a_mistake(there: Slack, mistake: Callable[[Request], Request], error: str) -> None:
    await send(there, single())
    good = there.requests[0]
    assert there.judge(good).body["ok"]
    assert there.judge(mistake(good)).body["error"] == error


@pytest.mark.parametrize(
    "given", [{"token": "abc"}, {"channel": "two words"}, {"channel": ""}, {"api": "slack.com"}, {"more": 1}]
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"token": TOKEN, "channel": CHANNEL} | given, Settings)
