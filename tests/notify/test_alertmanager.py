"""Alertmanager: what fires there while it is open here, and what becomes of what it answers."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from crontopus.domain.alerts import AlertClass, Severity
from crontopus.domain.routing import Kind
from crontopus.notify import alertmanager
from crontopus.notify.alertmanager import LASTS, Settings
from crontopus.notify.contract import Parcel
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from tests.notify.fakes import HTML, Reply, Request, served, spoiled, too_many
from tests.notify.fakes.alertmanager import Alertmanager, basic
from tests.notify.notices import (
    ACTS,
    ALERT,
    FAR_TOO_LONG,
    HOSTILE,
    NOW,
    RUN,
    STATES,
    guarded,
    offering,
    overgrown,
    parcel,
    several,
    single,
)

PASSWORD, TOKEN = "correct horse", "abc.DEF-123"


@pytest.fixture
async def there() -> AsyncIterator[Alertmanager]:
    async with served(Alertmanager(NOW)) as fake:
        yield fake


async def send(there: Alertmanager, what: Parcel, **settings: Any) -> Outcome:
    http = guarded(PASSWORD, TOKEN)
    given = {"url": f"{there.url}/am/"} | settings
    outcome = await alertmanager.send(msgspec.convert(given, Settings), what, http)
    assert not any(secret in f"{outcome} {http.exchanges}" for secret in (PASSWORD, TOKEN))
    return outcome


async def sent(there: Alertmanager, what: Parcel) -> str:
    """The reference that it was delivered with."""
    outcome = await send(there, what)
    assert isinstance(outcome, Delivered)
    return outcome.reference


async def test_an_alert_fires_with_labels_for_routes_and_annotations_for_people(there: Alertmanager) -> None:
    await sent(there, single())
    assert there.posted == [
        {
            "labels": {
                "alertname": "CrontopusFailed",
                "alert_id": str(ALERT),
                "severity": "critical",
                "tenant": "acme",
                "namespace": "default",
                "job": "nightly-backup-1",
                "agent": "db-3",
                "label_team": "storage",
            },
            "annotations": {
                "summary": "DOWN: nightly backup 1",
                "description": "It ended with exit status 1.",
                "facts": "severity: critical\nexit status: 1, expected 0",
                "output": "pg_dump: error: connection refused\ngiving up",
            },
            "startsAt": "2027-01-04T07:55:00+00:00",
            "endsAt": "2027-02-03T08:00:00+00:00",
            "generatorURL": RUN,
        }
    ]


async def test_who_is_told_by_it_can_act_here(there: Alertmanager) -> None:
    await sent(there, parcel(offering()))
    annotations = there.posted[0]["annotations"]
    assert (annotations["acknowledge"], annotations["silence"]) == tuple(act.url for act in ACTS)


async def test_an_alert_fires_until_it_is_over(there: Alertmanager) -> None:
    reference = await sent(there, single())
    assert len(there.firing(NOW + LASTS - timedelta(seconds=1))) == 1
    assert await sent(there, single(Kind.RESOLVE, reference=reference)) == reference
    assert there.firing(NOW) == []
    assert len(there.alerts) == 1


@pytest.mark.parametrize("kind", [Kind.REMINDER, Kind.FAILURE, Kind.UPDATE, Kind.ACKNOWLEDGE])
async def test_what_happens_meanwhile_is_told_of_the_same_alert(there: Alertmanager, kind: Kind) -> None:
    reference = await sent(there, single())
    later = NOW + timedelta(days=10)
    await sent(there, replace(single(kind, reference=reference), sent_at=later))
    assert there.posted[1]["annotations"]["summary"].startswith(f"{STATES[kind]}: ")
    assert len(there.alerts) == 1
    assert len(there.firing(later + LASTS - timedelta(seconds=1))) == 1


async def test_the_end_has_the_labels_of_the_beginning_whatever_was_renamed(there: Alertmanager) -> None:
    reference = await sent(there, single())
    renamed = {"job": "backup", "labels": {}, "severity": Severity.INFO}
    await sent(there, single(Kind.RESOLVE, reference=reference, **renamed))
    assert there.firing(NOW) == []
    assert len(there.alerts) == 1


async def test_where_the_severity_has_changed_one_ends_and_another_fires(there: Alertmanager) -> None:
    reference = await sent(there, single(severity=Severity.WARNING))
    newer = await sent(there, single(Kind.UPDATE, reference=reference, severity=Severity.CRITICAL))
    assert [labels["severity"] for labels in there.firing(NOW)] == ["critical"]
    await sent(there, single(Kind.RESOLVE, reference=newer))
    assert there.firing(NOW) == []


@pytest.mark.parametrize("reference", ["", "not json", "[]", '{"other":{"a":"b"}}', '{"x":1}'])
async def test_an_end_without_a_reference_has_the_labels_of_now(there: Alertmanager, reference: str) -> None:
    await sent(there, single())
    await sent(there, single(Kind.RESOLVE, reference=reference))
    assert there.firing(NOW) == []


async def test_what_began_and_ended_does_not_fire(there: Alertmanager) -> None:
    await sent(there, single(ended=True))
    assert there.firing(NOW) == []
    assert len(there.posted) == 1


async def test_an_end_before_its_beginning_is_taken_all_the_same(there: Alertmanager) -> None:
    await sent(there, single(Kind.RESOLVE, since=NOW + timedelta(hours=1)))
    assert there.posted[0]["startsAt"] == there.posted[0]["endsAt"]


@pytest.mark.parametrize("count", [3, 30])
async def test_several_go_together_and_each_is_an_alert(there: Alertmanager, count: int) -> None:
    reference = await sent(there, parcel(*several(count), summary=count > 20))
    assert len(there.requests) == 1
    assert len(there.alerts) == count
    assert len(there.firing(NOW)) == count - count // 3
    assert len(json.loads(reference)) == count


@pytest.mark.parametrize(
    ("cls", "name"), [(AlertClass.TOO_SHORT, "CrontopusTooShort"), (AlertClass.MISSED, "CrontopusMissed")]
)
async def test_what_is_wrong_is_the_name_of_the_alert(there: Alertmanager, cls: AlertClass, name: str) -> None:
    await sent(there, single(cls=cls))
    assert there.posted[0]["labels"]["alertname"] == name


async def test_labels_of_ones_own_go_along_but_take_no_place_of_another(there: Alertmanager) -> None:
    await send(there, single(labels={"alertname": "mine", "a b-c": "d"}), labels={"cluster": "eu", "severity": "none"})
    labels = there.posted[0]["labels"]
    assert labels["cluster"] == "eu"
    assert labels["severity"] == "critical"
    assert labels["alertname"] == "CrontopusFailed"
    assert labels["label_alertname"] == "mine"
    assert labels["label_a_b_c"] == "d"
    await send(there, single(namespace=""), labels={"namespace": "default"})
    assert there.posted[1]["labels"]["namespace"] == "default"


@pytest.mark.parametrize("text", [HOSTILE, FAR_TOO_LONG, "\n" * 30_000])
async def test_what_others_wrote_is_nothing_but_text_and_is_cut(there: Alertmanager, text: str) -> None:
    reference = await sent(there, parcel(overgrown(text=text)))
    await sent(there, parcel(overgrown(Kind.RESOLVE, text=text, reference=reference)))
    assert there.firing(NOW) == []
    assert not set(str(there.posted)) & set("\x1b\u202e\u200b")
    assert all(len(value) <= 200 for value in there.posted[0]["labels"].values())
    assert len(there.requests[0].body) < 200_000
    assert len(reference) < 40_000


async def test_what_is_empty_is_left_out(there: Alertmanager) -> None:
    await sent(there, single(namespace="", job="", agent="", labels={"a": ""}, summary="", output=(), links=()))
    (alert,) = there.posted
    assert set(alert["labels"]) == {"alertname", "alert_id", "severity", "tenant"}
    assert set(alert["annotations"]) == {"summary", "facts"}
    assert "generatorURL" not in alert


async def test_a_proxy_before_it_is_told_who_we_are(there: Alertmanager) -> None:
    there.wants = basic("ada", PASSWORD)
    assert isinstance(await send(there, single(), user="ada", password=PASSWORD), Delivered)
    there.wants = f"Bearer {TOKEN}"
    assert isinstance(await send(there, single(), token=TOKEN), Delivered)


async def test_a_password_that_was_changed_breaks_the_channel(there: Alertmanager) -> None:
    there.wants = basic("ada", "another")
    assert await send(there, single(), user="ada", password=PASSWORD) == GiveUp(
        "Alertmanager answered 401 Unauthorized: check the address and the credentials of this channel", broken=True
    )


async def test_an_address_that_leads_elsewhere_breaks_the_channel(there: Alertmanager) -> None:
    assert await send(there, single(), url=f"{there.url}/other") == GiveUp(
        "Alertmanager answered 404 Not Found: check the address and the credentials of this channel", broken=True
    )


async def test_too_many_requests_are_sent_later(there: Alertmanager) -> None:
    there.replies.append(too_many("10"))
    assert await send(there, single()) == TryAgain("Alertmanager answered 429 Too Many Requests", timedelta(seconds=10))


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_fault_over_there_is_tried_again(there: Alertmanager, status: int) -> None:
    there.replies.append(Reply(status, f"storage is full, {PASSWORD}"))
    assert isinstance(await send(there, single(), user="ada", password=PASSWORD), TryAgain)


async def test_what_is_not_valid_ends_and_says_why(there: Alertmanager) -> None:
    there.replies.append(Reply(400, "start time must be before end time"))
    assert await send(there, single()) == GiveUp(
        "Alertmanager answered 400 Bad Request: start time must be before end time"
    )


async def test_a_sign_in_page_is_no_success(there: Alertmanager) -> None:
    there.replies.append(HTML)
    outcome = await send(there, single())
    assert isinstance(outcome, TryAgain)
    assert outcome.arrived


async def test_a_page_that_refuses_is_not_repeated(there: Alertmanager) -> None:
    there.replies.append(Reply(400, b"<html>no</html>"))
    assert await send(there, single()) == GiveUp("Alertmanager answered 400 Bad Request")


async def test_nobody_there_is_tried_again() -> None:
    assert isinstance(await alertmanager.send(Settings(url="http://127.0.0.1:9"), single(), guarded()), TryAgain)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda request: replace(request, path="/am/api/v1/alerts"),
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, headers={}),
        lambda request: replace(request, body=json.dumps(request.json[0]).encode()),
        spoiled(lambda alerts: alerts[0].pop("labels")),
        spoiled(lambda alerts: alerts[0].update(labels={"a": ""})),
        spoiled(lambda alerts: alerts[0]["labels"].update({"a-b": "c"})),
        spoiled(lambda alerts: alerts[0]["labels"].update(a=1)),
        spoiled(lambda alerts: alerts[0].update(endsAt="2000-01-01T00:00:00+00:00")),
        spoiled(lambda alerts: alerts[0].update(startsAt="yesterday")),
        spoiled(lambda alerts: alerts[0].update(generatorURL="nowhere")),
        spoiled(lambda alerts: alerts[0].update(status="firing")),
    ],
)
async def test_alertmanager_would_see_a_mistake(there: Alertmanager, mistake: Callable[[Request], Request]) -> None:
    await send(there, single())
    assert there.judge(there.requests[0]).status == 200
    assert there.judge(mistake(there.requests[0])).status >= 400


@pytest.mark.parametrize(
    "given",
    [
        {"url": "alertmanager"},
        {"user": "a:b"},
        {"token": "two words"},
        {"labels": {"a-b": "c"}},
        {"labels": {"a": "x" * 201}},
        {"more": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"url": "https://alertmanager.example.org"} | given, Settings)
