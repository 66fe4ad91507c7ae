"""How the console says what holds an alert, and where that is found. Pure."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from crontopus.domain.alerts import AlertClass
from crontopus.domain.routing import HolderKind
from crontopus.wire.alerts import Alert, Holder

KINDS = {
    HolderKind.SILENCE: "Silence",
    HolderKind.MAINTENANCE: "Maintenance window",
    HolderKind.MUTE: "Its job is muted",
    HolderKind.PARENT: "A job that it depends on",
    HolderKind.AGENT: "Its agent is silent",
    HolderKind.FLAPPING: "It goes up and down",
}
BRIEFLY = {
    HolderKind.SILENCE: "silence",
    HolderKind.MAINTENANCE: "maintenance",
    HolderKind.MUTE: "mute",
    HolderKind.PARENT: "dependency",
    HolderKind.AGENT: "silent agent",
    HolderKind.FLAPPING: "flapping",
}
_PATHS = {
    HolderKind.MUTE: "/jobs/{}",
    HolderKind.PARENT: "/jobs/{}",
    HolderKind.FLAPPING: "/alerts/{}",
}
_PATHS_OF_ALL = {
    HolderKind.SILENCE: "/silences#silence-{}",
    HolderKind.MAINTENANCE: "/silences#window-{}",
}
"""Silences and windows are of the tenant as a whole."""


class Held(Struct, frozen=True):
    """One that holds. `path` is empty where there is no page for whoever looks. `brief`: its kind in a list."""

    kind: str
    brief: str
    name: str
    path: str
    since: datetime
    until: datetime | None


def holds(alert: Alert, now: datetime) -> list[Holder]:
    """What keeps it from being told at this moment; nothing does any more when it is over."""
    if alert.resolved_at is not None or not alert.held:
        return []
    return [one for one in alert.holders if one.since <= now and (one.until is None or now < one.until)]


def shown(holders: Sequence[Holder], *, sees_all: bool) -> list[Held]:
    return [_held(one, sees_all=sees_all) for one in holders]


def _held(one: Holder, *, sees_all: bool) -> Held:
    path = _path(one, sees_all=sees_all)
    return Held(KINDS[one.kind], BRIEFLY[one.kind], _name(one), path, one.since, one.until)


def _name(holder: Holder) -> str:
    return "its alert" if holder.kind is HolderKind.FLAPPING else holder.name


def _path(holder: Holder, *, sees_all: bool) -> str:
    paths = _PATHS | _PATHS_OF_ALL if sees_all else _PATHS
    return paths.get(holder.kind, "").format(holder.id)


def like(alert: Alert) -> str:
    """The query that finds this alert and what is like it: of its job, and of its class. Empty where it has no job."""
    if alert.subject.job is not None:
        return f"job:{alert.subject.namespace}/{alert.subject.slug} class:{alert.cls.value}"
    return f"class:{alert.cls.value}" if alert.cls is AlertClass.UNOBSERVED else ""
