"""PagerDuty's Events API v2, as its documentation describes it on 28 November 2026: "Events API v2 Overview" (response
codes, limits) and "Send an Alert Event" (parameters, de-duplication, links).
"""

from datetime import datetime
from typing import Any

from tests.notify.fakes import Fake, Refused, Reply, Request, Shape

KEY = "0123456789abcdef0123456789ABCDEF"
MOST_BYTES = 512 * 1024
ACTIONS = {"trigger", "acknowledge", "resolve"}

EVENT = Shape(
    ("routing_key", "event_action"),
    {
        "routing_key": str,
        "event_action": str,
        "dedup_key": str,
        "payload": dict,
        "links": list,
        "images": list,
        "client": str,
        "client_url": str,
    },
    {"dedup_key": 255},
)
_TEXTS = dict.fromkeys(("summary", "source", "severity", "timestamp", "component", "group", "class"), str)
PAYLOAD = Shape(("summary", "source", "severity"), _TEXTS | {"custom_details": dict}, {"summary": 1024})
LINK = Shape(("href",), {"href": str, "text": str})


class PagerDuty(Fake):
    """`alerts`: what is open, by its key, with the state it is in. `events`: all that was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []

    def take(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/v2/enqueue"):
            raise Refused(Reply(404))
        if len(request.body) > MOST_BYTES:
            raise _invalid("Event is too large")
        if request.headers.get("content-type") != "application/json":
            raise _invalid("Content type is not supported")
        event = request.json
        _check(EVENT, event)
        if len(event["routing_key"]) != 32:
            raise _invalid("Length of 'routing_key' is incorrect (should be 32 characters)")
        if event["routing_key"] != KEY:
            raise _invalid("Invalid routing key")
        if event["event_action"] not in ACTIONS:
            raise _invalid("'event_action' is not one of trigger, acknowledge, resolve")
        if event["event_action"] == "trigger":
            _check_trigger(event)
        elif "dedup_key" not in event:
            raise _invalid("'dedup_key' is missing or blank")
        self._apply(event)
        return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]})

    def _apply(self, event: dict[str, Any]) -> None:
        """The end of what is not open is dropped."""
        self.events.append(event)
        key, action = event["dedup_key"], event["event_action"]
        if action == "trigger":
            self.alerts.setdefault(key, "triggered")
        elif action == "acknowledge" and key in self.alerts:
            self.alerts[key] = "acknowledged"
        elif action == "resolve":
            self.alerts.pop(key, None)


def _check_trigger(event: dict[str, Any]) -> None:
    payload = event.get("payload", {})
    _check(PAYLOAD, payload)
    if payload["severity"] not in ("critical", "error", "warning", "info"):
        raise _invalid("'payload.severity' is invalid")
    if "timestamp" in payload:
        datetime.fromisoformat(payload["timestamp"])
    for link in event.get("links", []):
        _check(LINK, link)


def _check(shape: Shape, value: Any) -> None:
    if fault := shape.fault(value):
        raise _invalid(fault)


def _invalid(fault: str) -> Refused:
    return Refused(Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": [fault]}))
