"""The audit log as a page."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from crontopus.client import Client
from crontopus.console import words
from crontopus.console.forms import is_id
from crontopus.console.view import View
from crontopus.console.visit import Visit
from crontopus.wire.audit import AuditVerdict, SystemAuditVerdict

NAMES = ("actor", "action", "target")
DURATIONS = frozenset({"default_grace", "every", "grace", "max_runtime", "min_runtime"})
"""Fields in seconds."""


@get("/audit")
async def log(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    asked = {name: request.query_params.get(name, "").strip() for name in NAMES}
    target = asked["target"]
    page = await client.audit(
        actor=asked["actor"] or None,
        action=asked["action"] or None,
        target=UUID(target) if is_id(target) else None,
        cursor=request.query_params.get("cursor"),
    )
    older = urlencode({name: value for name, value in asked.items() if value} | {"cursor": page.next_cursor or ""})
    checked = [judged("This log", await client.verify_audit())] if "check" in request.query_params else []
    return view.page(
        "audit.html", page=page, asked=asked, older=older if page.next_cursor else "", told=told, checked=checked
    )


class Judged(Struct, frozen=True):
    """Whether a log says what was written, in a sentence."""

    sentence: str
    holds: bool


def judged(whose: str, verdict: AuditVerdict | SystemAuditVerdict) -> Judged:
    if verdict.broken is None:
        return Judged(f"{whose} says what was written: all {verdict.entries:,} entries hold.", holds=True)
    return Judged(f"{whose} does not hold from entry {verdict.broken:,} on: {verdict.why}.", holds=False)


def told(field: str, value: Any) -> str:
    """A field's value before or after, in few words."""
    if value in (None, "", [], {}):
        return "–"
    if field in DURATIONS and isinstance(value, int | float):
        return words.duration(value)
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(told("", one) for one in value)
        case dict():
            return ", ".join(f"{name.replace('_', ' ')} {told(name, one)}" for name, one in value.items())
        case _:
            return str(value)[:300]


ROUTES: list[Any] = [log]
