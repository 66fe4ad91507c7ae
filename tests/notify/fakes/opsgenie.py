"""Opsgenie's Alert API, as its documentation describes it on 28 November 2026: "Alert API" (create, acknowledge, close,
add note) and "Response" (codes, the shape of an error).
"""

import re
from typing import Any

from tests.notify.fakes import Fake, Refused, Reply, Request, Shape

KEY = "eb243592-faa2-4ba2-a551-1afdf565c889"

_ACTION = {"user": str, "source": str, "note": str}
_LIMITS = {"user": 100, "source": 100, "note": 25_000}
ALERT = Shape(
    ("message",),
    _ACTION
    | {
        "message": str,
        "alias": str,
        "description": str,
        "responders": list,
        "visibleTo": list,
        "actions": list,
        "tags": list,
        "details": dict,
        "entity": str,
        "priority": str,
    },
    _LIMITS | {"message": 130, "alias": 512, "description": 15_000, "tags": 20, "actions": 10, "entity": 512},
)
ACTIONS = {
    "acknowledge": Shape((), _ACTION, _LIMITS),
    "close": Shape((), _ACTION, _LIMITS),
    "notes": Shape(("note",), _ACTION, _LIMITS),
}


class Opsgenie(Fake):
    """`alerts`: what is open, by its alias, with its state. What is asked is judged at once, and done later."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, str] = {}
        self.created: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def take(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"GenieKey {KEY}":
            raise _refused(401, "Could not authenticate")
        found = re.fullmatch(r"/v2/alerts(?:/([^/]+)/([a-z]+))?", request.path)
        if found is None or (found[2] and found[2] not in ACTIONS):
            raise _refused(404, "Resource not found")
        if request.method != "POST":
            raise _refused(405, "Method not allowed")
        if request.headers.get("content-type") != "application/json":
            raise _refused(415, "Unsupported media type")
        if found[2] is None:
            self._create(request.json)
        else:
            if request.query != {"identifierType": "alias"}:
                raise _refused(422, "An identifier is of the type id, unless another is named")
            self._act(found[1], found[2], request.json)
        return Reply(202, {"result": "Request will be processed", "took": 0.3, "requestId": "43a29c5c"})

    def _create(self, alert: Any) -> None:
        _check(ALERT, alert)
        if any(not isinstance(tag, str) or not 0 < len(tag) <= 50 for tag in alert.get("tags", [])):
            raise _refused(422, "A tag is of 50 characters at most")
        details = alert.get("details", {})
        if any(not isinstance(value, str) for value in details.values()):
            raise _refused(422, "Details are texts")
        if sum(len(name) + len(value) for name, value in details.items()) > 8000:
            raise _refused(422, "Details are of 8000 characters at most")
        if alert.get("priority", "P3") not in ("P1", "P2", "P3", "P4", "P5"):
            raise _refused(422, "No such priority")
        self.created.append(alert)
        self.alerts.setdefault(alert.get("alias", ""), "open")

    def _act(self, alias: str, action: str, body: Any) -> None:
        _check(ACTIONS[action], body)
        self.notes.append(body.get("note", ""))
        if alias not in self.alerts:
            return  # the request fails later, when nobody waits for it any more
        if action == "acknowledge":
            self.alerts[alias] = "acknowledged"
        elif action == "close":
            del self.alerts[alias]


def _check(shape: Shape, value: Any) -> None:
    if fault := shape.fault(value):
        raise _refused(422, fault)


def _refused(status: int, message: str) -> Refused:
    return Refused(Reply(status, {"message": message, "took": 0.001, "requestId": "7a7ae2c0"}))
