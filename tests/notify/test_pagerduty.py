"""PagerDuty: what is open there while it is open here, and what becomes of what PagerDuty answers."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import pagerduty
from crontopus.notify.contract import Answer, Parcel
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.notify.pagerduty import Settings
from tests.notify.fakes import HTML, Reply, Request, served, spoiled, too_many
from tests.notify.fakes.pagerduty import KEY, PagerDuty
from tests.notify.notices import (
    ACTS,
    ALERT,
    FAR_TOO_LONG,
    HOSTILE,
    RUN,
    SNOOZE,
    Remembering,
    guarded,
    offering,
    overgrown,
    parcel,
    several,
    single,
)


@pytest.fixture
async def there() -> AsyncIterator[PagerDuty]:
    async with served(PagerDuty()) as fake:
        yield fake


async def send(there: PagerDuty, what: Parcel, **settings: Any) -> Outcome:
    given = {"routing_key": KEY, "api": there.url} | settings
    http = guarded(KEY)
    outcome = await pagerduty.send(msgspec.convert(given, Settings), what, http)
    assert KEY not in f"{outcome} {http.exchanges}"
    return outcome


async def test_an_alert_is_triggered_with_all_that_is_known(there: PagerDuty) -> None:
    assert await send(there, single()) == Delivered(str(ALERT))
    assert there.events == [
        {
            "routing_key": KEY,
            "event_action": "trigger",
            "dedup_key": str(ALERT),
            "payload": {
                "summary": "DOWN: nightly backup 1",
                "source": "db-3",
                "severity": "critical",
                "timestamp": "2027-01-04T08:00:00+00:00",
                "component": "nightly-backup-1",
                "group": "default",
                "class": "failed",
                "custom_details": {
                    "why": "It ended with exit status 1.",
                    "where": "acme / default / nightly-backup-1 on db-3",
                    "facts": {"since": "2027-01-04 07:55 UTC", "severity": "critical", "exit status": "1, expected 0"},
                    "labels": {"team": "storage"},
                    "tags": ["night"],
                    "output": "pg_dump: error: connection refused\ngiving up",
                },
            },
            "client": "Crontopus",
            "client_url": RUN,
            "links": [
                {"href": RUN, "text": "Open the run"},
                {"href": SNOOZE, "text": "Snooze for 1 hour"},
            ],
        }
    ]


async def test_who_is_paged_can_act_here_too(there: PagerDuty) -> None:
    await send(there, parcel(offering()))
    (event,) = there.events
    assert [link["text"] for link in event["links"]] == [link.text for link in offering().links]
    assert {link["href"] for link in event["links"]} == {RUN, *(act.url for act in ACTS)}
    assert event["client_url"] == RUN


async def test_an_alert_is_acknowledged_and_resolved_there_as_it_is_here(there: PagerDuty) -> None:
    await send(there, single())
    assert there.alerts == {str(ALERT): "triggered"}
    assert await send(there, single(Kind.ACKNOWLEDGE)) == Delivered(str(ALERT))
    assert there.alerts == {str(ALERT): "acknowledged"}
    assert await send(there, single(Kind.RESOLVE)) == Delivered(str(ALERT))
    assert there.alerts == {}


@pytest.mark.parametrize("kind", [Kind.REMINDER, Kind.FAILURE, Kind.UPDATE])
async def test_what_happens_meanwhile_is_triggered_under_the_same_key(there: PagerDuty, kind: Kind) -> None:
    await send(there, single())
    await send(there, single(kind))
    assert len(there.events) == 2
    assert there.alerts == {str(ALERT): "triggered"}


async def test_what_began_and_ended_calls_nobody(there: PagerDuty) -> None:
    await send(there, single(ended=True))
    assert [event["event_action"] for event in there.events] == ["resolve"]


@pytest.mark.parametrize("severity", Severity)
async def test_every_severity_has_one_there(there: PagerDuty, severity: Severity) -> None:
    await send(there, single(severity=severity))
    assert there.events[0]["payload"]["severity"] == severity.value


@pytest.mark.parametrize("count", [3, 30])
async def test_of_several_each_is_an_alert_of_its_own(there: PagerDuty, count: int) -> None:
    assert isinstance(await send(there, parcel(*several(count), summary=count > 20)), Delivered)
    assert len(there.events) == count
    assert len(there.alerts) == count - count // 3


async def test_after_one_that_is_not_taken_nothing_more_is_sent(there: PagerDuty) -> None:
    there.replies += [Reply(202, {"status": "success"}), Reply(503)]
    assert isinstance(await send(there, parcel(*several(3))), TryAgain)
    assert len(there.requests) == 2


async def test_what_others_wrote_is_shown_as_text(there: PagerDuty) -> None:
    assert await send(there, parcel(overgrown())) == Delivered(str(ALERT))
    assert not set(json.dumps(there.events[0], ensure_ascii=False)) & set("\x1b\u202e\u200b")
    assert "\\u0000" not in json.dumps(there.events[0])
    assert there.events[0]["payload"]["summary"].startswith("DOWN: <b>x</b>")


@pytest.mark.parametrize("text", [FAR_TOO_LONG, "𝕏" * 30_000, '"' * 30_000, "\n" * 30_000, HOSTILE * 200])
async def test_an_event_stays_below_what_may_be_sent(there: PagerDuty, text: str) -> None:
    assert await send(there, parcel(overgrown(text=text, state=text))) == Delivered(str(ALERT))
    summary = there.events[0]["payload"]["summary"]
    assert len(summary) <= 1024
    assert summary.endswith("…")


async def test_an_alert_of_nobody_in_particular_has_a_source(there: PagerDuty) -> None:
    await send(there, single(agent="", job="", tenant="", namespace="", links=(), output=(), labels={}, tags=()))
    assert there.events[0]["payload"]["source"] == "crontopus"
    assert "client_url" not in there.events[0]


async def test_too_many_events_are_sent_later(there: PagerDuty) -> None:
    there.replies.append(too_many("60"))
    assert await send(there, single()) == TryAgain("PagerDuty answered 429 Too Many Requests", timedelta(minutes=1))
    there.replies.append(Reply(429))
    assert await send(there, single()) == TryAgain("PagerDuty answered 429 Too Many Requests")


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_fault_over_there_is_tried_again(there: PagerDuty, status: int) -> None:
    there.replies.append(Reply(status, f"upstream of {KEY}".encode()))
    assert isinstance(await send(there, single()), TryAgain)


async def test_what_is_not_valid_ends_and_says_why(there: PagerDuty) -> None:
    there.replies.append(
        Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": [f"{KEY}?", 7]})
    )
    assert await send(there, single()) == GiveUp("PagerDuty answered 400 Bad Request: Event object is invalid; …?")


async def test_a_key_that_was_removed_breaks_the_channel(there: PagerDuty) -> None:
    assert await send(there, single(), routing_key="f" * 32) == GiveUp(
        "PagerDuty answered 400 Bad Request: Event object is invalid; Invalid routing key", broken=True
    )


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_breaks_the_channel(there: PagerDuty, status: int) -> None:
    there.replies.append(Reply(status))
    outcome = await send(there, single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


@pytest.mark.parametrize("garbage", [HTML, Reply(202, b""), Reply(202, b"[]"), Reply(202, b'{"status":"odd"}')])
async def test_an_answer_that_pagerduty_does_not_give_is_tried_again(there: PagerDuty, garbage: Reply) -> None:
    there.replies.append(garbage)
    outcome = await send(there, single())
    assert isinstance(outcome, TryAgain)
    assert outcome.arrived


async def test_nobody_there_is_tried_again() -> None:
    settings = Settings(routing_key=KEY, api="http://127.0.0.1:9")
    assert isinstance(await pagerduty.send(settings, single(), guarded()), TryAgain)


@pytest.mark.parametrize(
    ("region", "url"),
    [("us", "https://events.pagerduty.com/v2/enqueue"), ("eu", "https://events.eu.pagerduty.com/v2/enqueue")],
)
async def test_each_region_has_its_own_address(region: str, url: str) -> None:
    http = Remembering(Answer(202, {}, '{"status":"success"}'))
    settings = msgspec.convert({"routing_key": KEY, "region": region}, Settings)
    assert await pagerduty.send(settings, single(), http) == Delivered(str(ALERT))
    assert http.asked == [url]


@pytest.mark.parametrize(
    "mistake",
    [
        lambda request: replace(request, path="/v1/enqueue"),
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, headers={}),
        spoiled(lambda event: event.update(routing_key="short")),
        spoiled(lambda event: event.update(event_action="open")),
        spoiled(lambda event: event.update(dedup_key="x" * 256)),
        spoiled(lambda event: event["payload"].update(summary="x" * 1025)),
        spoiled(lambda event: event["payload"].pop("source")),
        spoiled(lambda event: event["payload"].update(severity="grave")),
        spoiled(lambda event: event["payload"].update(details={})),
        spoiled(lambda event: event["payload"]["custom_details"].update(more="x" * 600_000)),
        spoiled(lambda event: event["links"].append({"text": "nowhere"})),
    ],
)
async def test_pagerduty_would_see_a_mistake(there: PagerDuty, mistake: Callable[[Request], Request]) -> None:
    await send(there, single())
    assert there.judge(there.requests[0]).status == 202
    assert there.judge(mistake(there.requests[0])).status >= 400


@pytest.mark.parametrize(
    "given", [{"routing_key": "short"}, {"routing_key": "!" * 32}, {"region": "mars"}, {"api": "x"}, {"more": 1}]
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"routing_key": KEY} | given, Settings)
