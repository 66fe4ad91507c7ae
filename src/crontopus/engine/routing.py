"""Whom a tenant's alerts are told to: its routes, from the first one on."""

from datetime import timedelta
from uuid import UUID

import msgspec

from crontopus.domain.routing import Route, Step
from crontopus.notify import email, kinds
from crontopus.storage import channels, routes
from crontopus.storage.channels import Channel
from crontopus.storage.database import Tx
from crontopus.storage.identity import new_id
from crontopus.storage.sealing import Sealer

ROOT = "Everything"


async def begin(tx: Tx, sealer: Sealer, owner: str) -> None:
    """Of a new tenant: everything is told to its owner by e-mail, at once."""
    channel = await _mailbox(tx, sealer, owner)
    step = Step(timedelta(), (channel,))
    await routes.add(tx, Route(id=new_id(tx.now), name=ROOT, parent=None, steps=(step,)), "")


async def _mailbox(tx: Tx, sealer: Sealer, address: str) -> UUID:
    id = new_id(tx.now)
    sealed = sealer.seal(msgspec.json.encode(email.Settings(to=address)), tx.tenant, id)
    made = Channel(
        id=id,
        tenant_id=tx.tenant,
        kind=kinds.EMAIL,
        name=address,
        sealed=sealed,
        fallback_id=None,
        enabled=True,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await channels.add(tx, made)
    return id
