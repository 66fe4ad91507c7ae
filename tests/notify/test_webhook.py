"""Webhooks: what the receiver gets, how it knows that it was us, and what becomes of what it answers."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from crontopus.domain.routing import Kind
from crontopus.notify import webhook
from crontopus.notify.contract import Parcel
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.notify.webhook import Settings
from tests.notify.fakes import HTML, Reply, Request, served, too_many
from tests.notify.fakes.webhook import Receiver
from tests.notify.notices import (
    ACTS,
    ALERT,
    FAR_TOO_LONG,
    HOSTILE,
    NOW,
    RUN,
    SNOOZE,
    guarded,
    notice,
    offering,
    overgrown,
    parcel,
    several,
    single,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with served(Receiver(SECRET, NOW)) as fake:
        yield fake


async def send(receiver: Receiver, what: Parcel, **settings: Any) -> Outcome:
    given: dict[str, Any] = {"url": f"{receiver.url}/hook", "secret": SECRET} | settings
    return await webhook.send(msgspec.convert(given, Settings), what, guarded(SECRET))


@pytest.mark.parametrize(
    ("kind", "type"),
    [
        (Kind.OPEN, "alert.opened"),
        (Kind.REMINDER, "alert.reminded"),
        (Kind.FAILURE, "alert.failed"),
        (Kind.UPDATE, "alert.updated"),
        (Kind.ACKNOWLEDGE, "alert.acknowledged"),
        (Kind.RESOLVE, "alert.resolved"),
    ],
)
async def test_each_kind_of_message_has_a_type(receiver: Receiver, kind: Kind, type: str) -> None:
    assert await send(receiver, single(kind)) == Delivered()
    (event,) = receiver.taken.values()
    assert event["type"] == type
    assert event["data"]["over"] is (kind is Kind.RESOLVE)


async def test_the_body_holds_all_that_is_known_of_the_alert(receiver: Receiver) -> None:
    await send(receiver, single())
    assert receiver.taken == {
        str(notice().id): {
            "type": "alert.opened",
            "timestamp": "2027-01-04T08:00:00Z",
            "data": {
                "alert": str(ALERT),
                "opening": 1,
                "class": "failed",
                "severity": "critical",
                "state": "DOWN",
                "over": False,
                "title": "nightly backup 1",
                "summary": "It ended with exit status 1.",
                "since": "2027-01-04T07:55:00Z",
                "tenant": "acme",
                "namespace": "default",
                "job": "nightly-backup-1",
                "job_name": "nightly backup 1",
                "agent": "db-3",
                "tags": ["night"],
                "labels": {"team": "storage"},
                "facts": [
                    {"name": "severity", "value": "critical"},
                    {"name": "exit status", "value": "1, expected 0"},
                ],
                "output": "pg_dump: error: connection refused\ngiving up",
                "links": [
                    {"text": "Open the run", "url": RUN},
                    {"text": "Snooze for 1 hour", "url": SNOOZE},
                ],
                "acts": {},
            },
        }
    }


async def test_what_the_reader_may_do_stands_beside_the_links(receiver: Receiver) -> None:
    await send(receiver, parcel(offering()))
    (event,) = receiver.taken.values()
    assert event["data"]["acts"] == {"acknowledge": ACTS[0].url, "silence": ACTS[1].url}
    assert {link["url"] for link in event["data"]["links"]} == {RUN}


async def test_what_began_and_ended_is_told_as_its_end(receiver: Receiver) -> None:
    await send(receiver, single(ended=True))
    (event,) = receiver.taken.values()
    assert (event["type"], event["data"]["over"]) == ("alert.resolved", True)


async def test_a_second_try_has_the_same_id_and_body_but_is_signed_anew(receiver: Receiver) -> None:
    await send(receiver, single())
    receiver.now += timedelta(hours=8)
    assert await send(receiver, replace(single(), sent_at=receiver.now)) == Delivered()
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert len(receiver.taken) == 1


def test_a_signature_is_the_one_of_the_reference_implementation() -> None:
    signed = webhook.signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("known", [SECRET, OTHER])
async def test_while_a_secret_is_changed_both_are_good(receiver: Receiver, known: str) -> None:
    receiver.secret = known
    assert await send(receiver, single(), secret=OTHER, old_secret=SECRET) == Delivered()


async def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    await send(receiver, single(), secret="")
    assert "webhook-signature" not in receiver.requests[0].headers


async def test_headers_of_ones_own_go_along(receiver: Receiver) -> None:
    assert await send(receiver, single(), headers={"Authorization": "Bearer abc def"}) == Delivered()
    assert receiver.requests[0].headers["authorization"] == "Bearer abc def"


async def test_of_several_each_is_told_alone(receiver: Receiver) -> None:
    assert await send(receiver, parcel(*several(3))) == Delivered()
    assert [event["data"]["title"] for event in receiver.taken.values()] == [
        "nightly backup 1",
        "nightly backup 2",
        "nightly backup 3",
    ]


async def test_of_many_each_is_told_alone(receiver: Receiver) -> None:
    assert await send(receiver, parcel(*several(30), summary=True)) == Delivered()
    assert len(receiver.taken) == 30


async def test_after_one_that_is_not_taken_nothing_more_is_sent(receiver: Receiver) -> None:
    receiver.replies += [Reply(204), Reply(503)]
    assert isinstance(await send(receiver, parcel(*several(3))), TryAgain)
    assert len(receiver.requests) == 2


async def test_what_others_wrote_arrives_as_they_wrote_it_and_steers_no_terminal(receiver: Receiver) -> None:
    assert await send(receiver, parcel(overgrown())) == Delivered()
    (event,) = receiver.taken.values()
    assert event["data"]["title"] == HOSTILE
    assert event["data"]["labels"][HOSTILE] == HOSTILE
    assert not set(receiver.requests[0].body.decode()) & set("\x1b\u202e\u0000\u200b")


async def test_a_body_stays_within_bounds_however_much_there_is_to_say(receiver: Receiver) -> None:
    assert await send(receiver, parcel(overgrown(text=FAR_TOO_LONG))) == Delivered()
    (event,) = receiver.taken.values()
    assert len(event["data"]["title"]) == 1000
    assert event["data"]["title"].endswith("…")
    assert len(event["data"]["output"]) <= 16_000
    assert len(receiver.requests[0].body) < 1_000_000


async def test_who_is_busy_says_for_how_long(receiver: Receiver) -> None:
    receiver.replies.append(too_many("120"))
    assert await send(receiver, single()) == TryAgain(
        "the receiver answered 429 Too Many Requests", timedelta(minutes=2)
    )


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_fault_over_there_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.replies.append(Reply(status, SECRET.encode()))
    outcome = await send(receiver, single())
    assert isinstance(outcome, TryAgain)
    assert SECRET not in outcome.why


@pytest.mark.parametrize(
    ("status", "broken"), [(400, False), (422, False), (401, True), (403, True), (404, True), (410, True), (302, True)]
)
async def test_what_is_refused_for_good_ends(receiver: Receiver, status: int, broken: bool) -> None:
    receiver.replies.append(Reply(status, SECRET.encode()))
    outcome = await send(receiver, single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken is broken
    assert SECRET not in outcome.why


async def test_a_receiver_that_forgot_the_secret_breaks_the_channel(receiver: Receiver) -> None:
    receiver.secret = OTHER
    assert await send(receiver, single()) == GiveUp(
        "the receiver answered 401 Unauthorized: check the address and the credentials of this channel", broken=True
    )


async def test_whatever_is_said_with_success_is_success(receiver: Receiver) -> None:
    receiver.replies.append(HTML)
    assert await send(receiver, single()) == Delivered()


async def test_nobody_there_is_tried_again_and_an_address_that_may_not_be_used_is_not() -> None:
    there = Settings(url="http://127.0.0.1:9/hook", secret=SECRET)
    assert isinstance(await webhook.send(there, single(), guarded()), TryAgain)
    inside = Settings(url="http://10.0.0.1/hook", secret=SECRET)
    outcome = await webhook.send(inside, single(), guarded())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


def _without(header: str) -> Callable[[Request], Request]:
    return lambda request: replace(
        request, headers={name: value for name, value in request.headers.items() if name != header}
    )


def _later(request: Request) -> Request:
    return replace(request, headers=request.headers | {"webhook-timestamp": "1800000000"})


def _other_id(request: Request) -> Request:
    return replace(request, headers=request.headers | {"webhook-id": "another"})


def _changed(request: Request) -> Request:
    return replace(request, body=json.dumps(request.json).encode() + b" ")


def _got(request: Request) -> Request:
    return replace(request, method="GET")


@pytest.mark.parametrize(
    "mistake", [_without("webhook-signature"), _without("webhook-id"), _later, _other_id, _changed, _got]
)
async def test_the_receiver_would_see_a_mistake(receiver: Receiver, mistake: Callable[[Request], Request]) -> None:
    await send(receiver, single())
    assert receiver.judge(receiver.requests[0]).status == 204
    assert receiver.judge(mistake(receiver.requests[0])).status >= 400


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"url": "ftp://example.org"}, "url"),
        ({"secret": "whsec_short"}, "secret"),
        ({"secret": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "secret"),
        ({"secret": "whsec_" + "A" * 33}, "base64"),
        ({"headers": {"Host": "internal"}}, "Host cannot be chosen"),
        ({"headers": {"Webhook-Id": "1"}}, "Webhook-Id cannot be chosen"),
        ({"headers": {"X": "a\r\nHost: b"}}, "headers"),
        ({"headers": {"X Y": "a"}}, "headers"),
        ({"headers": {"X": ""}}, "headers"),
        ({"more": 1}, "more"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert({"url": "https://example.org/hook"} | given, Settings)


def test_what_opens_something_is_named() -> None:
    assert set(Settings.__struct_fields__) >= webhook.SECRETS
    assert webhook.KEEPS
    assert all(notice(kind).kind in webhook.TYPES for kind in Kind)
