"""Prometheus' Alertmanager, by its API v2: what is open here fires there, and goes on by its own routes.

An alert is known there by its labels alone. Those with which it fires are kept in the reference, so that its end has
the same ones whatever has been renamed in between.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from crontopus.notify import answers, fields, words
from crontopus.notify.contract import Answer, Http, Notice, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, Outcome

TITLE = "Alertmanager"
KEEPS = True
SECRETS = frozenset({"password", "token"})
LASTS = timedelta(days=30)
"""So long an alert fires without news. Without an end Alertmanager would take it for resolved after five minutes."""

_VALUE, _LABELS = 200, 30
_LONG, _OUTPUT = 2000, 10_000

Labels = dict[str, str]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alertmanager forgets what fires when it starts anew: a route that repeats tells it again."""

    url: Annotated[
        fields.Address, Meta(description="Where Alertmanager is, such as `https://alertmanager.example.org`.")
    ]
    user: Annotated[str, Meta(pattern=r"^[^:\x00-\x1f]*$(?!\n)", max_length=200, description="For HTTP basic.")] = ""
    password: Annotated[str, Meta(max_length=500, description="For HTTP basic.")] = ""
    token: Annotated[str, Meta(pattern=fields.VISIBLE, max_length=2000, description="Bearer token; empty: none.")] = ""
    labels: Annotated[
        dict[
            Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$(?!\n)")], Annotated[str, Meta(max_length=200)]
        ],
        Meta(max_length=20, description="Further labels of every alert, for its routes."),
    ] = {}


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    """`Delivered` with the labels under which each alert fires, by its id."""
    fires = {str(notice.alert): _labels(settings, notice) for notice in parcel.notices}
    alerts = [alert for notice in parcel.notices for alert in _alerts(notice, fires[str(notice.alert)], parcel.sent_at)]
    url = f"{settings.url.rstrip('/')}/api/v2/alerts"
    try:
        answer = await http.send("POST", url, headers=_headers(settings), content=msgspec.json.encode(alerts))
    except Unreachable as error:
        return answers.unreachable(error)
    return _outcome(settings, parcel, answer, msgspec.json.encode(fires).decode())


def _alerts(notice: Notice, labels: Labels, now: datetime) -> list[Mapping[str, Any]]:
    """Where the labels have changed, what fires with the old ones ends."""
    before = _labels_before(notice)
    if notice.is_over:
        return [_alert(notice, before or labels, max(notice.at, notice.since))]
    fires = _alert(notice, labels, now + LASTS)
    return [_alert(notice, before, max(now, notice.since)), fires] if before and before != labels else [fires]


def _alert(notice: Notice, labels: Labels, ends_at: datetime) -> Mapping[str, Any]:
    links = words.links(notice)
    alert: dict[str, Any] = {
        "labels": labels,
        "annotations": _annotations(notice),
        "startsAt": notice.since.isoformat(),
        "endsAt": ends_at.isoformat(),
    }
    return alert | {"generatorURL": links[0].url} if links else alert


def _labels(settings: Settings, notice: Notice) -> Labels:
    """What is empty is no label. The job's own ones are called `label_…`, and cannot take the place of another."""
    known = {
        "alertname": f"Crontopus{notice.cls.value.title().replace('_', '')}",
        "alert_id": str(notice.alert),
        "severity": notice.severity.value,
        "tenant": notice.tenant,
        "namespace": notice.namespace,
        "job": notice.job,
        "agent": notice.agent,
    }
    own = {f"label_{re.sub(r'[^a-zA-Z0-9_]', '_', name)}": value for name, value in words.labels(notice)[:_LABELS]}
    told = own | settings.labels | {name: value for name, value in known.items() if value}
    lines = {name: words.line(value, _VALUE) for name, value in told.items()}
    return {name: line for name, line in lines.items() if line}


def _annotations(notice: Notice) -> Labels:
    told = {
        "summary": words.heading(notice),
        "description": words.block(notice.summary, _LONG),
        "facts": words.cut("\n".join(f"{name}: {value}" for name, value in words.facts(notice)), _LONG),
        "output": words.tail(notice.output, _OUTPUT),
        **words.acts(notice),
    }
    return {name: value for name, value in told.items() if value}


def _labels_before(notice: Notice) -> Labels:
    try:
        fires = msgspec.json.decode(notice.reference or "{}", type=dict[str, Labels])
    except msgspec.DecodeError:
        return {}
    return fires.get(str(notice.alert), {})


def _headers(settings: Settings) -> dict[str, str]:
    headers = {"content-type": "application/json"}
    if settings.token:
        return headers | {"authorization": f"Bearer {settings.token}"}
    if settings.user or settings.password:
        pair = base64.b64encode(f"{settings.user}:{settings.password}".encode()).decode()
        return headers | {"authorization": f"Basic {pair}"}
    return headers


def _outcome(settings: Settings, parcel: Parcel, answer: Answer, reference: str) -> Outcome:
    """Success has nothing to say; a fault is said in a JSON text."""
    if answer.is_success:
        return Delivered(reference) if _is_json(answer.text) else answers.unreadable(TITLE, answer)
    why = answer.text.strip().strip('"') if _is_json(answer.text) else ""
    return answers.outcome(TITLE, answer, parcel.sent_at, why, (settings.password, settings.token))


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text.strip() or "{}")
    except msgspec.DecodeError:
        return False
    return True
