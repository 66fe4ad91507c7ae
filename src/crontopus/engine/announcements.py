"""What those who run the installation tell its people: said, changed, removed; and put away by each for themselves."""

from typing import Any
from uuid import UUID

from msgspec import UNSET, structs

from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid, NotFound
from crontopus.domain.ids import NOWHERE
from crontopus.engine import audit, schedules
from crontopus.engine.credentials import require_still
from crontopus.engine.factors import require_person
from crontopus.storage import announcements as stored
from crontopus.storage import tenants
from crontopus.storage.announcements import Announcement
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.identity import new_id
from crontopus.wire.announcements import AnnouncementPatch, NewAnnouncement


async def make(tx: SystemTx, caller: Principal, new: NewAnnouncement) -> Announcement:
    """Raises Invalid, and Conflict where there are too many."""
    await require_still(tx.of(caller.tenant), caller)
    if len(await stored.listed(tx)) >= stored.MOST:
        raise Conflict(f"there are {stored.MOST} announcements: remove those that are over first")
    made = await _checked(
        tx,
        Announcement(
            id=new_id(tx.now),
            text=new.text,
            severity=new.severity,
            since=tx.now if new.since is None else new.since,
            until=new.until,
            tenants=[str(tenant) for tenant in new.tenants],
            made_by=caller.name,
            made_at=tx.now,
        ),
    )
    await stored.add(tx, made)
    await audit.tell(tx.of(NOWHERE), caller, "announcement.create", _target(made), after=_said(made))
    return made


async def edit(tx: SystemTx, caller: Principal, id: UUID, patch: AnnouncementPatch) -> Announcement:
    """JSON Merge Patch. Who had put it away sees it again where it says something else. Raises NotFound, Invalid."""
    await require_still(tx.of(caller.tenant), caller)
    old = await stored.lock(tx, id)
    given: dict[str, Any] = {
        name: getattr(patch, name) for name in patch.__struct_fields__ if getattr(patch, name) is not UNSET
    }
    if "tenants" in given:
        given["tenants"] = [str(tenant) for tenant in given["tenants"]]
    new = await _checked(tx, structs.replace(old, **given))
    if new == old:
        return old
    await stored.change(tx, new)
    if (new.text, new.severity) != (old.text, old.severity):
        await stored.show_again(tx, id)
    await audit.tell(tx.of(NOWHERE), caller, "announcement.edit", _target(new), _said(old), _said(new))
    return new


async def remove(tx: SystemTx, caller: Principal, id: UUID) -> None:
    """Raises NotFound."""
    await require_still(tx.of(caller.tenant), caller)
    old = await stored.lock(tx, id)
    await stored.remove(tx, id)
    await audit.tell(tx.of(NOWHERE), caller, "announcement.delete", _target(old), _said(old))


async def dismiss(tx: Tx, caller: Principal, id: UUID) -> None:
    """The caller sees it no more. Raises NotFound for what they do not see anyway, NotAllowed for a program."""
    seen = await stored.current(tx, None)
    if id not in [one.id for one in seen]:
        raise NotFound("no such announcement")
    await stored.dismiss(SystemTx(tx.sql, tx.now), id, require_person(caller))


async def _checked(tx: SystemTx, made: Announcement) -> Announcement:
    """Raises Invalid."""
    text = made.text.strip()
    if not text:
        raise Invalid("an announcement says something", (Fault("/text", "write what people are to read"),))
    since = schedules.utc(made.since, "/since")
    until = None if made.until is None else schedules.utc(made.until, "/until")
    if until is not None and until <= since:
        detail = "it ends before it begins"
        raise Invalid(detail, (Fault("/until", detail),))
    for number, tenant in enumerate(made.tenants):
        try:
            await tenants.find(tx, UUID(tenant))
        except NotFound as error:
            raise Invalid(str(error), (Fault(f"/tenants/{number}", str(error)),)) from None
    return structs.replace(made, text=text, since=since, until=until)


def _target(made: Announcement) -> Target:
    return Target(Noun.ANNOUNCEMENT, made.id, made.text[:80])


def _said(made: Announcement) -> dict[str, Any]:
    told = ("text", "severity", "since", "until", "tenants")
    return {name: getattr(made, name) for name in told}
