"""What is written into the audit log, and whether it still says what was written."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from crontopus.domain.access import Principal
from crontopus.domain.audit import BEGINNING, Deed, Doer, Noun, Target, changes, link
from crontopus.domain.ids import NOWHERE
from crontopus.engine.credentials import require_still
from crontopus.storage import audit, members
from crontopus.storage.database import Database, SystemTx, Tx

ITSELF, AT_THE_DATA = Doer("Crontopus itself"), Doer("the operator, at the data itself")
BY_LINK = Doer("whoever has the link in a message")
"""Who does what nobody has signed in for: the program, and whoever has the data folder in their hands."""


class Verdict(Struct, frozen=True):
    """`entries`: how many hold, from the first on. `broken`: the first that does not, None where all hold; `why`."""

    entries: int
    broken: int | None = None
    why: str = ""


async def tell(
    tx: Tx,
    caller: Principal,
    action: str,
    target: Target,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """In the transaction of what it tells of. `before` and `after`: the target as it was and is, or a part of it."""
    await tell_all(tx, caller, [Deed(action, target, changes(before or {}, after or {}))])


async def tell_all(tx: Tx, caller: Principal, deeds: Sequence[Deed]) -> None:
    """Raises Unauthenticated where the caller looked as another and that has ended meanwhile: then it is not done."""
    if deeds and caller.impersonation is not None:
        await require_still(tx, caller)
    if deeds:
        await audit.add(tx, doer_of(caller), deeds)


async def tell_everywhere(tx: SystemTx, doer: Doer, user: UUID, deed: Deed) -> list[str]:
    """In the log of every tenant that this person belongs to, whose names it gives; of one who is in none, in the
    installation's.

    In the order of ids: those who tell at once do not wait for each other in a circle.
    """
    homes = await members.homes(tx, user)
    await tell_in(tx, doer, sorted(home.id for home in homes) or [NOWHERE], deed)
    return [home.name for home in homes]


async def tell_in(tx: SystemTx, doer: Doer, tenants: Sequence[UUID], deed: Deed) -> None:
    """In the log of each of these."""
    for tenant in tenants:
        await audit.add(tx.of(tenant), doer, [deed])


async def tell_each(tx: SystemTx, doer: Doer, told: Sequence[tuple[UUID, Deed]]) -> None:
    """Each in the log of its tenant; those in the order of ids, and the installation's last, as above."""
    for tenant in sorted({tenant for tenant, _ in told}, key=lambda tenant: (tenant == NOWHERE, tenant)):
        await audit.add(tx.of(tenant), doer, [deed for whose, deed in told if whose == tenant])


async def tell_of_installation(tx: SystemTx, doer: Doer, action: str, after: Mapping[str, Any]) -> None:
    """In the installation's own log."""
    deed = Deed(action, Target(Noun.INSTALLATION, NOWHERE, "the installation"), changes({}, after))
    await audit.add(tx.of(NOWHERE), doer, [deed])


def doer_of(caller: Principal) -> Doer:
    via = caller.impersonation.via if caller.impersonation else None
    return Doer(caller.name, caller.user, caller.token, caller.address, caller.user_agent, via)


async def verify_all(db: Database) -> list[tuple[UUID, str | None, Verdict]]:
    """Of every chain: whose it is, the tenant's name where it is there, and whether it holds."""
    async with db.read_all() as tx:
        chains = await audit.chains(tx)
    verdicts = []
    for tenant, name in chains:
        async with db.read(tenant) as own:
            verdicts.append((tenant, name, await verify(own)))
    return verdicts


async def verify(tx: Tx) -> Verdict:
    """Reads the tenant's whole chain. What is added meanwhile is not looked at."""
    head = await audit.head(tx)
    hashed, place = BEGINNING, 0
    async for entry, kept in audit.chain(tx, head.position):
        if entry.position != place + 1:
            return Verdict(place, place + 1, "it is missing")
        if link(hashed, tx.tenant, entry) != kept:
            return Verdict(
                place, entry.position, "it does not say what was written, or not after what stands before it"
            )
        hashed, place = kept, entry.position
    if place != head.position:
        return Verdict(place, place + 1, "it is missing, with all that followed")
    if hashed != head.hash:
        return Verdict(place - 1, place, "it is not the one that was written last")
    return Verdict(place)
