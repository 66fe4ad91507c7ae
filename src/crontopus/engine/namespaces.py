"""What is done to a namespace: make, edit, give a new ping key, delete."""

import secrets
import string
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct

from crontopus.domain import duration, ids
from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid, LostRace
from crontopus.domain.schedule import Clock
from crontopus.engine import audit, schedules
from crontopus.storage import namespaces
from crontopus.storage.database import Tx
from crontopus.storage.identity import new_id
from crontopus.storage.namespaces import Namespace
from crontopus.storage.sealing import Sealer, digest
from crontopus.wire.accounts import NamespacePatch, NewNamespace

_ALPHABET = string.ascii_lowercase + string.digits
_KEY_LENGTH = 22


class Keyed(Struct, frozen=True):
    """A ping key, and how it is stored."""

    hashed: bytes
    sealed: bytes


async def create(tx: Tx, caller: Principal, sealer: Sealer, new: NewNamespace) -> Namespace:
    """Raises Invalid, or Conflict where the tenant has one of that slug."""
    values = {**_slug(new.slug), **_defaults(new.timezone, new.default_schedule, new.default_grace)}
    namespace_id = new_id(tx.now)
    key = _new_key(sealer, tx.tenant, namespace_id)
    made = Namespace(
        id=namespace_id,
        name=new.name.strip()[:200] or new.slug,
        ping_key_sealed=key.sealed,
        created_at=tx.now,
        version=1,
        **values,
    )
    if not await namespaces.add(tx, made, key.hashed):
        raise _taken(new.slug)
    await audit.tell(tx, caller, "namespace.create", _target(made), after=_told(made))
    return made


async def edit(
    tx: Tx, caller: Principal, slug: str, patch: NamespacePatch, versions: Sequence[int] | None
) -> Namespace:
    """JSON Merge Patch. Raises Invalid, NotFound, Conflict, LostRace."""
    old = await namespaces.lock(tx, slug)
    caller.require_namespace(old.id)
    _require_version(old, versions)
    values = _patched(old, patch)
    if values["slug"] != old.slug and await namespaces.is_taken(tx, values["slug"]):
        raise _taken(values["slug"])
    if any(getattr(old, column) != value for column, value in values.items()):
        await namespaces.change(tx, old.id, values)
        found = await namespaces.find(tx, values["slug"])
        await audit.tell(tx, caller, "namespace.edit", _target(found), _told(old), _told(found))
        return found
    return old


async def rotate_ping_key(
    tx: Tx, caller: Principal, sealer: Sealer, slug: str, versions: Sequence[int] | None
) -> Namespace:
    """A new key; the old one stops with this transaction. Raises NotFound, LostRace."""
    old = await namespaces.lock(tx, slug)
    caller.require_namespace(old.id)
    _require_version(old, versions)
    key = _new_key(sealer, tx.tenant, old.id)
    await namespaces.change(tx, old.id, {"ping_key_hash": key.hashed, "ping_key_sealed": key.sealed})
    await audit.tell(tx, caller, "namespace.rotate_ping_key", _target(old))
    return await namespaces.find(tx, slug)


async def delete(tx: Tx, caller: Principal, slug: str, versions: Sequence[int] | None) -> None:
    """Raises NotFound, LostRace, and Conflict while it holds jobs, or the history of deleted ones."""
    old = await namespaces.lock(tx, slug)
    caller.require_namespace(old.id)
    _require_version(old, versions)
    if (await namespaces.sizes(tx, [old.id])).get(old.id):
        raise Conflict(f"the namespace {slug} still holds jobs: delete or move them first")
    await namespaces.remove(tx, old.id)
    await audit.tell(tx, caller, "namespace.delete", _target(old), _told(old))


def _target(namespace: Namespace) -> Target:
    return Target(Noun.NAMESPACE, namespace.id, namespace.slug)


def _told(namespace: Namespace) -> dict[str, Any]:
    """As the audit log tells of it."""
    return {
        "slug": namespace.slug,
        "name": namespace.name,
        "timezone": namespace.timezone,
        "default_schedule": schedules.shown(namespace.default_schedules),
        "default_grace": namespace.default_grace.total_seconds(),
    }


def _require_version(namespace: Namespace, versions: Sequence[int] | None) -> None:
    if versions is not None and namespace.version not in versions:
        raise LostRace(f"the namespace is at version {namespace.version} by now: read it again, and repeat the change")


def ping_key(sealer: Sealer, tenant: UUID, namespace: Namespace) -> str:
    """Raises Conflict where the secret key is not the one it was sealed with."""
    return sealer.open(namespace.ping_key_sealed, tenant, namespace.id).decode()


def _new_key(sealer: Sealer, tenant: UUID, namespace: UUID) -> Keyed:
    key = "".join(secrets.choice(_ALPHABET) for _ in range(_KEY_LENGTH))
    return Keyed(digest(key), sealer.seal(key.encode(), tenant, namespace))


def _slug(slug: str) -> dict[str, Any]:
    if not ids.is_slug(slug):
        detail = "A slug has 1 to 100 of a-z, 0-9, - and _; start, fail, log and numbers are reserved."
        raise Invalid(detail, (Fault("/slug", detail),))
    return {"slug": slug}


def _defaults(timezone: str, schedule: Any, grace: float | str) -> dict[str, Any]:
    return {
        "timezone": timezone,
        "default_schedules": schedules.read(schedule, timezone, Clock.CRON, "/default_schedule"),
        "default_grace": duration.parse(grace, most=schedules.LONGEST_GRACE, pointer="/default_grace"),
    }


def _patched(old: Namespace, patch: NamespacePatch) -> dict[str, Any]:
    blank = NewNamespace(slug=old.slug)
    timezone = old.timezone if patch.timezone is UNSET else patch.timezone or blank.timezone
    schedule = schedules.shown(old.default_schedules) if patch.default_schedule is UNSET else patch.default_schedule
    grace: Any = old.default_grace.total_seconds() if patch.default_grace is UNSET else patch.default_grace
    return {
        **_slug(old.slug if patch.slug is UNSET else patch.slug),
        "name": old.name if patch.name is UNSET else patch.name,
        **_defaults(timezone, schedule, blank.default_grace if grace is None else grace),
    }


def _taken(slug: str) -> Conflict:
    return Conflict(f"there is a namespace {slug} already", (Fault("/slug", "taken: choose another slug"),))
