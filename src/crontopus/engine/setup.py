"""Set-up: from an empty database to its first person, who owns its first tenant."""

import hmac
import secrets
from hashlib import sha256

from msgspec import Struct

from crontopus.domain.access import EVERYTHING, Principal, Role, SystemRole
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, NotAllowed
from crontopus.domain.ids import DEFAULT_NAMESPACE
from crontopus.engine import audit, namespaces, routing, tokens
from crontopus.engine.credentials import Caller
from crontopus.storage import accounts, members
from crontopus.storage.accounts import Login
from crontopus.storage.database import SystemTx
from crontopus.storage.identity import new_id
from crontopus.storage.namespaces import Namespace
from crontopus.storage.sealing import Sealer
from crontopus.wire.accounts import NewNamespace, NewToken

NAMESPACE = DEFAULT_NAMESPACE
NOBODY = Caller()
"""Set-up without a browser comes from no address."""


class Founded(Struct, frozen=True):
    """What set-up made."""

    owner: Principal
    login: Login
    namespace: Namespace
    ping_key: str


async def code(tx: SystemTx) -> str | None:
    """A new one-time code, which replaces the one before; None where somebody has set it up already."""
    if await accounts.is_set_up(tx):
        return None
    fresh = secrets.token_urlsafe(24)
    await accounts.keep_setup_code_hash(tx, _hash(fresh))
    return fresh


async def is_needed(tx: SystemTx) -> bool:
    return not await accounts.is_set_up(tx)


async def opens(tx: SystemTx, code: str) -> bool:
    """Whether `code` is the newest one-time code, and nobody has used it."""
    kept = await accounts.setup_code_hash(tx)
    return kept is not None and hmac.compare_digest(kept, _hash(code))


async def require_code(tx: SystemTx, code: str) -> None:
    """Raises NotAllowed for a wrong one, and Conflict where it is set up already."""
    if await accounts.is_set_up(tx):
        raise Conflict("this installation is set up already: sign in")
    if not await opens(tx, code):
        raise NotAllowed("this set-up code is wrong or no longer valid: take the link that the server printed last")


async def set_up(
    tx: SystemTx, sealer: Sealer, email: str, password_hash: str, tenant_name: str, caller: Caller = NOBODY
) -> Founded:
    """The first person, tenant and namespace. Raises Conflict where it is set up already."""
    if await accounts.is_set_up(tx):
        raise Conflict("this installation is set up already")
    tenant, user, address = new_id(tx.now), new_id(tx.now), email.strip().lower()
    await accounts.add_tenant(tx, tenant, tenant_name)
    await accounts.add_user(tx, user, address, password_hash, SystemRole.SUPERADMIN)
    await members.add(tx.of(tenant), user, Role.OWNER)
    await accounts.forget_setup_code(tx)
    owner = Principal(
        id=user,
        tenant=tenant,
        tenant_name=tenant_name,
        scopes=EVERYTHING,
        user=user,
        system=SystemRole.SUPERADMIN,
        role=Role.OWNER,
        email=address,
        address=caller.address,
        user_agent=caller.user_agent,
    )
    said = {"name": tenant_name, "owner": address}
    await audit.tell(tx.of(tenant), owner, "tenant.create", Target(Noun.TENANT, tenant, tenant_name), after=said)
    namespace = await namespaces.create(tx.of(tenant), owner, sealer, NewNamespace(slug=NAMESPACE, name="Default"))
    await routing.begin(tx.of(tenant), sealer, address)
    key = namespaces.ping_key(sealer, tenant, namespace)
    return Founded(owner, Login(user, address, tenant, tenant_name, password_hash), namespace, key)


async def service_token(tx: SystemTx, founded: Founded) -> str:
    """A service token of the tenant, for a script that goes on from here."""
    made = await tokens.create(
        tx.of(founded.owner.tenant), founded.owner, NewToken(name="set-up", scopes=sorted(EVERYTHING))
    )
    return made.secret


def _hash(code: str) -> str:
    return sha256(code.encode("utf-8", "surrogateescape")).hexdigest()
