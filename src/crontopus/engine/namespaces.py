"""What is done to a namespace: make, edit, give a new ping key, delete."""

import secrets
import string
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct

from crontopus.domain import duration, ids
from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid, LostRace
from crontopus.domain.schedule import Clock
from crontopus.engine import audit, jobs, schedules
from crontopus.storage import alerts, namespaces, tenants
from crontopus.storage import jobs as stored_jobs
from crontopus.storage.database import Database, Tx
from crontopus.storage.identity import new_id
from crontopus.storage.namespaces import Namespace
from crontopus.storage.sealing import Sealer, digest
from crontopus.storage.tenants import Tenant
from crontopus.wire.accounts import NamespacePatch, NewNamespace

_ALPHABET = string.ascii_lowercase + string.digits
_KEY_LENGTH = 22
EVERY = timedelta(minutes=10)
INHERITED = ("timezone", "default_grace")
"""What a namespace has of its tenant, unless it has its own."""
BATCH = 50
"""Jobs of one transaction."""


class Keyed(Struct, frozen=True):
    """A ping key, and how it is stored."""

    hashed: bytes
    sealed: bytes


async def create(tx: Tx, caller: Principal, sealer: Sealer, new: NewNamespace) -> Namespace:
    """Raises Invalid, or Conflict where the tenant has one of that slug."""
    tenant = await tenants.own(tx)
    given = {"timezone": new.timezone, "default_grace": new.default_grace}
    values = {**_slug(new.slug), **_values(tenant, given, new.default_schedule)}
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
    values = _patched(old, patch, await tenants.own(tx))
    if values["slug"] != old.slug and await namespaces.is_taken(tx, values["slug"]):
        raise _taken(values["slug"])
    values = {column: value for column, value in values.items() if getattr(old, column) != value}
    if values:
        await namespaces.change(tx, old.id, values)
        if "slug" in values:
            await alerts.ask_all_again(tx)
        found = await namespaces.find(tx, values.get("slug", old.slug))
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
        "own": namespace.own,
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


def _values(tenant: Tenant, given: Mapping[str, Any], schedule: Any) -> dict[str, Any]:
    """`given`: zone and grace of its own; None: the tenant's."""
    timezone = tenant.timezone if given["timezone"] is None else given["timezone"]
    return {
        "timezone": timezone,
        "default_schedules": schedules.read(schedule, timezone, Clock.CRON, "/default_schedule"),
        "default_grace": tenant.default_grace if given["default_grace"] is None else grace_of(given["default_grace"]),
        "own": [name for name in INHERITED if given[name] is not None],
    }


def grace_of(written: float | str) -> timedelta:
    """Raises Invalid."""
    return duration.parse(written, most=schedules.LONGEST_GRACE, pointer="/default_grace")


def _patched(old: Namespace, patch: NamespacePatch, tenant: Tenant) -> dict[str, Any]:
    own = {"timezone": old.timezone, "default_grace": old.default_grace.total_seconds()}
    given = {
        name: (own[name] if name in old.own else None) if (wish := getattr(patch, name)) is UNSET else wish
        for name in INHERITED
    }
    schedule = schedules.shown(old.default_schedules) if patch.default_schedule is UNSET else patch.default_schedule
    return {
        **_slug(old.slug if patch.slug is UNSET else patch.slug),
        "name": old.name if patch.name is UNSET else patch.name,
        **_values(tenant, given, schedule),
    }


async def inherit(tx: Tx, tenant: Tenant) -> None:
    """Namespaces take over what the tenant has by now, where they have none of their own."""
    for one in await namespaces.lock_all(tx):
        wanted = {name: getattr(tenant, name) for name in INHERITED if name not in one.own}
        new = {name: value for name, value in wanted.items() if getattr(one, name) != value}
        if new:
            await namespaces.change(tx, one.id, new)


async def follow(db: Database, tenant: UUID) -> None:
    """Jobs take over the time zone of their namespace, where they have none of their own; some at a time, so that
    nobody else waits for long. Where the server stops halfway, the rest follow later (`Followers`).
    """
    async with db.read(tenant) as reading:
        unfollowed = await namespaces.unfollowed(reading)
    for namespace, version in unfollowed.items():
        some = [ids.NOWHERE]
        while some:
            async with db.write(tenant) as tx:
                some = list(await stored_jobs.without_zone(tx, namespace, some[-1], BATCH))
                for job in some:
                    with suppress(Invalid):  # A schedule that is none in that zone waits for whoever edits it.
                        await jobs.refit(tx, job)
                if not some:
                    await namespaces.all_followed(tx, namespace, version)


class Followers:
    """What a server that stopped halfway has left behind."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def step(self) -> bool:
        async with self._db.read_all() as tx:
            unfollowed = await namespaces.tenants_unfollowed(tx)
        for tenant in unfollowed:
            await follow(self._db, tenant)
        return False


def _taken(slug: str) -> Conflict:
    return Conflict(f"there is a namespace {slug} already", (Fault("/slug", "taken: choose another slug"),))
