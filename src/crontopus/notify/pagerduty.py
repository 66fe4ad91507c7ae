"""PagerDuty by its Events API v2: what is open here is open there, under the alert's id."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import answers, fields, words
from crontopus.notify.contract import Answer, Http, Notice, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, Outcome

TITLE = "PagerDuty"
KEEPS = True
SECRETS = frozenset({"routing_key"})


class Region(StrEnum):
    """Where the account lives."""

    US = "us"
    EU = "eu"


APIS = {Region.US: "https://events.pagerduty.com", Region.EU: "https://events.eu.pagerduty.com"}

_ACTIONS = {Kind.ACKNOWLEDGE: "acknowledge", Kind.RESOLVE: "resolve"}
_SEVERITIES = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: "info"}
_SUMMARY = 1024
_SHORT, _LONG, _OUTPUT, _PAIRS = 255, 4000, 16_000, 20_000
"""Characters. All together, at four bytes each, stay below the 512 KB that an event may have."""
_TAGS, _LINKS = 50, 10


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An integration of a service, of the type Events API v2."""

    routing_key: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9]{32}$(?!\n)", description="The integration key: 32 letters and digits.")
    ]
    region: Annotated[Region, Meta(description="`us`, or `eu` for accounts of the EU service region.")] = Region.US
    api: Annotated[str, Meta(pattern=fields.WEB_OR_NONE, max_length=200)] = ""


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    """`Delivered` with the key under which PagerDuty knows the alert."""

    async def tell(notice: Notice) -> Outcome:
        url = f"{settings.api or APIS[settings.region]}/v2/enqueue"
        content = msgspec.json.encode(_event(settings, notice))
        try:
            answer = await http.send("POST", url, headers={"content-type": "application/json"}, content=content)
        except Unreachable as error:
            return answers.unreachable(error)
        return _outcome(settings, parcel, notice, answer)

    return await answers.each(parcel, tell)


def _event(settings: Settings, notice: Notice) -> Mapping[str, Any]:
    """What is over is resolved, whether or not it was ever told: PagerDuty drops the end of what it does not know."""
    action = "resolve" if notice.is_over else _ACTIONS.get(notice.kind, "trigger")
    event: dict[str, Any] = {
        "routing_key": settings.routing_key,
        "event_action": action,
        "dedup_key": str(notice.alert),
    }
    return event | _trigger(notice) if action == "trigger" else event


def _trigger(notice: Notice) -> dict[str, Any]:
    links = words.links(notice)[:_LINKS]
    known = {"component": notice.job, "group": notice.namespace, "class": notice.cls}
    return {
        "payload": {
            "summary": words.cut(words.heading(notice), _SUMMARY),
            "source": _short(notice.agent or notice.job or notice.tenant) or "crontopus",
            "severity": _SEVERITIES[notice.severity],
            "timestamp": notice.at.isoformat(),
            "custom_details": _details(notice),
        }
        | {name: _short(value) for name, value in known.items() if value},
        "client": "Crontopus",
        "links": [{"href": link.url, "text": _short(link.text) or "Open"} for link in links],
    } | ({"client_url": links[0].url} if links else {})


def _details(notice: Notice) -> Mapping[str, Any]:
    details = {
        "why": words.block(notice.summary, _LONG),
        "where": words.cut(words.place(notice), _LONG),
        "output": words.tail(notice.output, _OUTPUT),
    }
    named = {
        "facts": words.clipped([words.since(notice), *words.facts(notice)], _PAIRS, _LONG),
        "labels": words.clipped(words.labels(notice), _PAIRS, _LONG),
        "tags": [_short(tag) for tag in notice.tags[:_TAGS]],
    }
    return {name: value for name, value in {**details, **named}.items() if value}


def _short(text: str) -> str:
    return words.line(text, _SHORT)


def _outcome(settings: Settings, parcel: Parcel, notice: Notice, answer: Answer) -> Outcome:
    said = answers.read(answer, dict[str, Any]) or {}
    if answer.is_success:
        if said.get("status") != "success":
            return answers.unreadable(TITLE, answer)
        return Delivered(words.cut(str(said.get("dedup_key") or notice.alert), _SHORT))
    faults = said.get("errors")
    told = [said.get("message"), *(faults if isinstance(faults, list) else [])]
    why = "; ".join(each for each in told if isinstance(each, str))
    outcome = answers.outcome(TITLE, answer, parcel.sent_at, why, (settings.routing_key,))
    if isinstance(outcome, GiveUp) and _is_about_key(why):
        return GiveUp(outcome.why, broken=True)
    return outcome


def _is_about_key(why: str) -> bool:
    """An unknown key is no 401 but an event that is not valid."""
    return "routing_key" in why or "routing key" in why.lower()
