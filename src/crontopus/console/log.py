"""The audit log as a page."""

from collections.abc import Mapping, Sequence
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
IDS = frozenset({"target", "tenant"})
DURATIONS = frozenset({"default_grace", "every", "grace", "max_runtime", "min_runtime"})
"""Fields in seconds."""


@get("/audit")
async def log(request: Visit, client: NamedDependency[Client], view: NamedDependency[View]) -> Response[str]:
    asked = asked_of(request, NAMES)
    page = await client.audit(
        actor=asked["actor"] or None,
        action=asked["action"] or None,
        target=UUID(asked["target"]) if asked["target"] else None,
        cursor=request.query_params.get("cursor"),
    )
    checked = [judged("This log", await client.verify_audit())] if "check" in request.query_params else []
    return view.page("audit.html", page=page, asked=asked, query=query_of(asked), told=told, checked=checked)


def asked_of(request: Visit, names: Sequence[str]) -> dict[str, str]:
    """What the log is narrowed to, empty where it is not; no id is none."""
    asked = {name: request.query_params.get(name, "").strip() for name in names}
    return {name: "" if name in IDS and not is_id(value) else value for name, value in asked.items()}


def query_of(asked: Mapping[str, str]) -> str:
    """The same narrowing in another address: of older entries, of an export."""
    return "".join(f"&{urlencode({name: value})}" for name, value in asked.items() if value)


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
