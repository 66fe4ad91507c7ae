"""Opsgenie: what is open there while it is open here, and what becomes of what Opsgenie answers."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import opsgenie
from crontopus.notify.contract import Answer, Parcel
from crontopus.notify.opsgenie import Settings
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from tests.notify.fakes import HTML, Reply, Request, served, spoiled, too_many
from tests.notify.fakes.opsgenie import KEY, Opsgenie
from tests.notify.notices import (
    ACTS,
    ALERT,
    FAR_TOO_LONG,
    HOSTILE,
    RUN,
    Remembering,
    guarded,
    offering,
    overgrown,
    parcel,
    several,
    single,
)


@pytest.fixture
async def there() -> AsyncIterator[Opsgenie]:
    async with served(Opsgenie()) as fake:
        yield fake


async def send(there: Opsgenie, what: Parcel, **settings: Any) -> Outcome:
    given = {"api_key": KEY, "api": there.url} | settings
    http = guarded(KEY)
    outcome = await opsgenie.send(msgspec.convert(given, Settings), what, http)
    assert KEY not in f"{outcome} {http.exchanges}"
    return outcome


async def test_an_alert_is_created_with_all_that_is_known(there: Opsgenie) -> None:
    assert await send(there, single()) == Delivered(str(ALERT))
    (alert,) = there.created
    description = alert.pop("description")
    assert description.startswith("DOWN: nightly backup 1\nIt ended with exit status 1.\n")
    assert "giving up" in description
    assert RUN in description
    assert alert == {
        "message": "DOWN: nightly backup 1",
        "alias": str(ALERT),
        "entity": "nightly-backup-1",
        "source": "Crontopus",
        "priority": "P1",
        "tags": ["night"],
        "details": {
            "class": "failed",
            "tenant": "acme",
            "namespace": "default",
            "job": "nightly-backup-1",
            "agent": "db-3",
            "since": "2027-01-04 07:55 UTC",
            "severity": "critical",
            "exit status": "1, expected 0",
            "team": "storage",
        },
    }


async def test_who_is_told_by_it_can_act_here(there: Opsgenie) -> None:
    await send(there, parcel(offering(labels={"long": "x" * 900, **{f"name {n}": "y" * 900 for n in range(9)}})))
    (alert,) = there.created
    assert (alert["details"]["acknowledge"], alert["details"]["silence"]) == tuple(act.url for act in ACTS)
    assert all(act.url in alert["description"] for act in ACTS)


async def test_an_alert_is_acknowledged_and_closed_there_as_it_is_here(there: Opsgenie) -> None:
    await send(there, single())
    assert there.alerts == {str(ALERT): "open"}
    assert await send(there, single(Kind.ACKNOWLEDGE)) == Delivered(str(ALERT))
    assert there.alerts == {str(ALERT): "acknowledged"}
    assert await send(there, single(Kind.RESOLVE)) == Delivered(str(ALERT))
    assert there.alerts == {}
    assert there.notes[-1].startswith("RECOVERED: nightly backup 1")


@pytest.mark.parametrize("kind", [Kind.REMINDER, Kind.FAILURE])
async def test_what_happens_again_is_counted_under_the_same_alias_with_a_note(there: Opsgenie, kind: Kind) -> None:
    await send(there, single())
    await send(there, single(kind))
    assert there.alerts == {str(ALERT): "open"}
    assert [("note" in alert) for alert in there.created] == [False, True]


async def test_an_update_is_a_note(there: Opsgenie) -> None:
    await send(there, single())
    await send(there, single(Kind.UPDATE, summary="Two jobs now."))
    assert len(there.created) == 1
    assert "Two jobs now." in there.notes[0]


async def test_what_began_and_ended_calls_nobody(there: Opsgenie) -> None:
    assert await send(there, single(ended=True)) == Delivered(str(ALERT))
    assert there.created == []


@pytest.mark.parametrize(
    ("severity", "priority"), [(Severity.CRITICAL, "P1"), (Severity.WARNING, "P3"), (Severity.INFO, "P5")]
)
async def test_every_severity_has_a_priority(there: Opsgenie, severity: Severity, priority: str) -> None:
    await send(there, single(severity=severity))
    assert there.created[0]["priority"] == priority


@pytest.mark.parametrize("count", [3, 30])
async def test_of_several_each_is_an_alert_of_its_own(there: Opsgenie, count: int) -> None:
    assert isinstance(await send(there, parcel(*several(count), summary=count > 20)), Delivered)
    assert len(there.alerts) == count - count // 3


@pytest.mark.parametrize("text", [HOSTILE, FAR_TOO_LONG, "\n" * 30_000, "<" * 30_000])
@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.FAILURE, Kind.RESOLVE])
async def test_what_others_wrote_is_nothing_but_text_and_fits(there: Opsgenie, text: str, kind: Kind) -> None:
    assert isinstance(await send(there, parcel(overgrown(kind, text=text))), Delivered)
    assert not set(str(there.created) + str(there.notes)) & set("<>\x1b\u202e\u200b")


async def test_a_message_that_is_too_long_is_cut_on_a_character(there: Opsgenie) -> None:
    await send(there, single(title="é" * 200))
    assert there.created[0]["message"] == f"DOWN: {'é' * 123}…"


async def test_an_alert_of_nobody_in_particular_has_no_entity(there: Opsgenie) -> None:
    await send(there, single(agent="", job="", tags=("", " ")))
    assert "entity" not in there.created[0]
    assert there.created[0]["tags"] == []


async def test_too_many_requests_are_sent_later(there: Opsgenie) -> None:
    there.replies.append(too_many("3", b'{"message":"You are making too many requests!"}'))
    assert await send(there, single()) == TryAgain(
        "Opsgenie answered 429 Too Many Requests: You are making too many requests!", timedelta(seconds=3)
    )


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_fault_over_there_is_tried_again(there: Opsgenie, status: int) -> None:
    there.replies.append(Reply(status, f"upstream of {KEY}".encode()))
    assert isinstance(await send(there, single()), TryAgain)


async def test_what_is_not_valid_ends_and_says_why(there: Opsgenie) -> None:
    there.replies.append(Reply(422, {"message": f"Request body is not processable: {KEY}"}))
    assert await send(there, single()) == GiveUp(
        "Opsgenie answered 422 Unprocessable Entity: Request body is not processable: …"
    )


async def test_a_key_that_was_removed_breaks_the_channel(there: Opsgenie) -> None:
    outcome = await send(there, single(), api_key="another-key-that-was-removed")
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert outcome.why.startswith("Opsgenie answered 401 Unauthorized: Could not authenticate: check ")


@pytest.mark.parametrize("status", [403, 404])
async def test_a_refusal_breaks_the_channel(there: Opsgenie, status: int) -> None:
    there.replies.append(Reply(status, {"message": 7}))
    outcome = await send(there, single())
    assert isinstance(outcome, GiveUp)
    assert outcome.broken


@pytest.mark.parametrize("garbage", [HTML, Reply(202, b""), Reply(202, b"[]"), Reply(202, b'{"result":"?"}')])
async def test_an_answer_that_opsgenie_does_not_give_is_tried_again(there: Opsgenie, garbage: Reply) -> None:
    there.replies.append(garbage)
    outcome = await send(there, single())
    assert isinstance(outcome, TryAgain)
    assert outcome.arrived


async def test_nobody_there_is_tried_again() -> None:
    settings = Settings(api_key=KEY, api="http://127.0.0.1:9")
    assert isinstance(await opsgenie.send(settings, single(), guarded()), TryAgain)


@pytest.mark.parametrize(
    ("region", "url"), [("us", "https://api.opsgenie.com/v2/alerts"), ("eu", "https://api.eu.opsgenie.com/v2/alerts")]
)
async def test_each_region_has_its_own_address(region: str, url: str) -> None:
    http = Remembering(Answer(202, {}, '{"requestId":"1"}'))
    settings = msgspec.convert({"api_key": KEY, "region": region}, Settings)
    assert await opsgenie.send(settings, single(), http) == Delivered(str(ALERT))
    assert http.asked == [url]


@pytest.mark.parametrize(
    "mistake",
    [
        lambda request: replace(request, path="/v1/alerts"),
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, headers=request.headers | {"authorization": f"Bearer {KEY}"}),
        lambda request: replace(request, headers=request.headers | {"content-type": "text/plain"}),
        lambda request: replace(request, path=f"/v2/alerts/{ALERT}/close"),
        spoiled(lambda alert: alert.pop("message")),
        spoiled(lambda alert: alert.update(message="x" * 131)),
        spoiled(lambda alert: alert.update(tags=["x"] * 21)),
        spoiled(lambda alert: alert.update(tags=["x" * 51])),
        spoiled(lambda alert: alert.update(details={"x": 1})),
        spoiled(lambda alert: alert.update(details={"x": "y" * 8000})),
        spoiled(lambda alert: alert.update(priority="critical")),
        spoiled(lambda alert: alert.update(severity="critical")),
    ],
)
async def test_opsgenie_would_see_a_mistake(there: Opsgenie, mistake: Callable[[Request], Request]) -> None:
    await send(there, single())
    assert there.judge(there.requests[0]).status == 202
    assert there.judge(mistake(there.requests[0])).status >= 400


@pytest.mark.parametrize("given", [{"api_key": "short"}, {"api_key": " " * 30}, {"region": "mars"}, {"more": 1}])
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"api_key": KEY} | given, Settings)
