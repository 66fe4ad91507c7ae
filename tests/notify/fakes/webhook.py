"""Somebody who receives webhooks and looks at each as Standard Webhooks 1.0.0 says ("Verifying webhook authenticity",
"Webhook headers"; spec/standard-webhooks.md, as of 28 November 2026).
"""

import base64
import hmac
import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from tests.notify.fakes import Fake, Refused, Reply, Request, Shape

TOLERANCE = timedelta(minutes=5)
_NAMES = ("tenant", "namespace", "job", "job_name", "agent")
_TEXT = dict.fromkeys(("alert", "class", "severity", "state", "title", "summary", "since", "output", *_NAMES), str)
EVENT = Shape(("type", "timestamp", "data"), {"type": str, "timestamp": str, "data": dict})
DATA = Shape(
    ("alert", "class", "severity", "state", "title"),
    _TEXT | {"opening": int, "over": bool, "tags": list, "labels": dict, "facts": list, "links": list, "acts": dict},
)


class Receiver(Fake):
    """`now`: its clock. `taken`: what it has understood, by id: one that comes again is the same."""

    def __init__(self, secret: str, now: datetime) -> None:
        super().__init__()
        self.secret = secret
        self.now = now
        self.taken: dict[str, Any] = {}

    def take(self, request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/hook"):
            raise Refused(Reply(404))
        if request.headers.get("content-type") != "application/json":
            raise Refused(Reply(415))
        self._verify(request)
        event = request.json
        fault = EVENT.fault(event) or DATA.fault(event["data"])
        if fault or not re.fullmatch(r"alert\.[a-z]+", event["type"]):
            raise Refused(Reply(400, fault.encode()))
        datetime.fromisoformat(event["timestamp"])
        self.taken[request.headers["webhook-id"]] = event
        return Reply(204)

    def _verify(self, request: Request) -> None:
        id, timestamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not id or "." in id or not re.fullmatch(r"\d+", timestamp):
            raise Refused(Reply(400, b"a header is missing"))
        if abs(self.now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
            raise Refused(Reply(400, b"too old, or from the future"))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{id}.{timestamp}.".encode() + request.body, sha256).digest()
        wanted = f"v1,{base64.b64encode(mac).decode()}"
        given = request.headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(wanted, each) for each in given):
            raise Refused(Reply(401, b"no signature of ours"))
