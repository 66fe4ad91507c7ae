"""Alertmanager's API v2, as described on 28 November 2026: `api/v2/openapi.yaml` of prometheus/alertmanager
(postAlerts, postableAlert, labelSet), and "Alerts API" of prometheus.io (startsAt, endsAt, by what an alert is known).
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.notify.fakes import Fake, Refused, Reply, Request, Shape

RESOLVED_AFTER = timedelta(minutes=5)
ALERT = Shape(("labels",), {"labels": dict, "annotations": dict, "startsAt": str, "endsAt": str, "generatorURL": str})
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

Known = frozenset[tuple[str, str]]


class Alertmanager(Fake):
    """`alerts`: what is known, by its labels, with its end. `wants`: the credentials that its proxy asks for."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now
        self.alerts: dict[Known, datetime] = {}
        self.posted: list[dict[str, Any]] = []
        self.wants = ""

    def take(self, request: Request) -> Reply:
        if self.wants and request.headers.get("authorization") != self.wants:
            raise Refused(Reply(401, b"Unauthorized\n", {"Content-Type": "text/plain"}))
        if request.path != "/am/api/v2/alerts":
            raise Refused(Reply(404, b"404 page not found\n"))
        if request.method != "POST":
            raise Refused(Reply(405, {"code": 405, "message": f"method {request.method} is not allowed"}))
        if request.headers.get("content-type") != "application/json":
            raise Refused(Reply(415, {"code": 415, "message": "unsupported media type"}))
        alerts = request.json
        if not isinstance(alerts, list):
            raise _bad("parsing alerts body failed")
        for alert in alerts:
            _check(alert)
        self.posted += alerts
        for alert in alerts:
            ends = alert.get("endsAt")
            known = frozenset(alert["labels"].items())
            self.alerts[known] = datetime.fromisoformat(ends) if ends else self.now + RESOLVED_AFTER
        return Reply(200)

    def firing(self, at: datetime) -> list[Mapping[str, str]]:
        """The labels of what fires at `at`."""
        return [dict(known) for known, ends in self.alerts.items() if ends > at]


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _check(alert: Any) -> None:
    if fault := ALERT.fault(alert):
        raise _bad(fault)
    for name in ("labels", "annotations"):
        for key, value in alert.get(name, {}).items():
            if not NAME.fullmatch(key) or not isinstance(value, str):
                raise _bad(f"invalid {name}: {key}")
    if not any(alert["labels"].values()):
        raise _bad("at least one label pair required")
    starts, ends = (_instant(alert[name]) if name in alert else None for name in ("startsAt", "endsAt"))
    if starts and ends and ends < starts:
        raise _bad("start time must be before end time")
    if "generatorURL" in alert and not urlsplit(alert["generatorURL"]).scheme:
        raise _bad("generatorURL must be of type uri")


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _bad("not a date-time") from None
    if found.tzinfo is None:
        raise _bad("not a date-time")
    return found


def _bad(why: str) -> Refused:
    return Refused(Reply(400, why))
