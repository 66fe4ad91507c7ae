"""Signing in a machine without a browser from another that has one (RFC 8628)."""

import secrets

from msgspec import Struct

from crontopus.domain import device as rules
from crontopus.domain import tokens
from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import (
    CrontopusError,
    DeviceDenied,
    DeviceHurries,
    DeviceTooLate,
    DeviceWaits,
    NotFound,
    Throttled,
)
from crontopus.engine import audit, credentials, factors
from crontopus.engine import tokens as own_tokens
from crontopus.engine.attempts import Attempts
from crontopus.engine.credentials import Caller
from crontopus.engine.tokens import Made
from crontopus.storage import accounts, devices
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.devices import Device
from crontopus.storage.identity import new_id
from crontopus.wire.accounts import NewOwnToken

MOST = 10_000
"""Machines that wait at the same time."""


class Codes(Struct, frozen=True):
    """`device` is for the machine, `user` for the person, as they read it. Shown this once."""

    device: str
    user: str


async def begin(db: Database, attempts: Attempts, name: str, caller: Caller) -> Codes:
    """Raises Throttled for whoever asks for many."""
    address = f"devices of {caller.address}"
    attempts.require(db.clock(), address)
    attempts.failed(db.clock(), address)
    code, user_code = secrets.token_urlsafe(32), "".join(secrets.choice(rules.ALPHABET) for _ in range(rules.LENGTH))
    async with db.write_all() as tx:
        if await devices.waiting(tx) >= MOST:
            raise Throttled("too many machines wait to be signed in: try again in a few minutes", 60)
        row = Device(
            id=new_id(tx.now),
            name=name,
            address=caller.address,
            user_agent=caller.user_agent,
            created_at=tx.now,
            expires_at=tx.now + rules.LIFE,
            interval=rules.INTERVAL,
        )
        await devices.add(tx, row, tokens.hash_of(code), tokens.hash_of(user_code))
    return Codes(code, rules.written(user_code))


async def opened(db: Database, attempts: Attempts, caller: Principal, user_code: str) -> Device:
    """What asks, for whoever is about to decide. Raises NotFound, NotAllowed for a token, Throttled."""
    factors.person(caller)
    keys = (f"device codes of {caller.user}", f"device codes at {caller.address}")
    attempts.require(db.clock(), *keys)
    async with db.write_all() as tx:
        found = await devices.by_user_code(tx, tokens.hash_of(rules.plain(user_code)))
    if found is None:
        attempts.failed(db.clock(), *keys)
        raise NotFound("no machine waits with this code, or not any more: start `crontopus login` again")
    return found


async def decide(db: Database, attempts: Attempts, caller: Principal, user_code: str, allowed: bool) -> Device:
    """Raises NotFound, NotAllowed, Unconfirmed, Throttled."""
    user, _ = factors.person(caller)
    if allowed:
        caller.require_confirmed(db.clock())
    await opened(db, attempts, caller, user_code)
    async with db.write_all() as tx:
        own = tx.of(caller.tenant)
        await credentials.require_still(own, caller)
        found = await devices.by_user_code(tx, tokens.hash_of(rules.plain(user_code)))
        if found is None:
            raise NotFound("somebody else has decided about this machine")
        await devices.decide(tx, found.id, allowed, user, caller.tenant, caller.provider)
        target = Target(Noun.TOKEN, found.id, found.name or "a machine")
        said = {"address": found.address, "program": found.user_agent}
        await audit.tell(own, caller, "device.allow" if allowed else "device.deny", target, after=said)
    return found


async def asked(db: Database, code: str, caller: Caller) -> Made:
    """The token, once. Raises DeviceWaits, DeviceHurries, DeviceDenied, DeviceTooLate."""
    async with db.write_all() as tx:
        answer = await _answer(tx, code, caller)
    if isinstance(answer, Made):
        return answer
    raise answer


async def _answer(tx: SystemTx, code: str, caller: Caller) -> Made | CrontopusError:
    """An error is given and not raised: what is noted of the machine that asks must stay."""
    found = await devices.by_code(tx, tokens.hash_of(code))
    if found is None:
        return DeviceTooLate("the code is over: start again")
    if found.allowed is None:
        hurries = found.asked_at is not None and tx.now - found.asked_at < found.interval
        await devices.asked(tx, found.id, found.interval + rules.INTERVAL if hurries else found.interval)
        return DeviceHurries("ask less often") if hurries else DeviceWaits("nobody has decided yet")
    await devices.remove(tx, found.id)
    person = await _person(tx, found, caller) if found.allowed else None
    if person is None:
        return DeviceDenied("somebody has denied it")
    name = f"command line on {found.name}" if found.name else "command line"
    return await own_tokens.made_for(tx.of(person.tenant), person, NewOwnToken(name=name[:200]))


async def _person(tx: SystemTx, device: Device, caller: Caller) -> Principal | None:
    """Whoever allowed it, as they are by now; None where they may come in no more."""
    if device.user_id is None or await accounts.is_disabled(tx, device.user_id):
        return None
    return await credentials.of_person(tx, device.user_id, device.tenant_id, caller, provider=device.provider_id)
