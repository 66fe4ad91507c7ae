"""Second factors of people: what they enrol, what shows that it is them, and what becomes of those they have lost."""

from uuid import UUID

from crontopus.domain.audit import Deed, Doer, Noun, Target
from crontopus.engine.audit import tell_everywhere
from crontopus.storage import accounts, factors, sessions
from crontopus.storage.database import SystemTx


async def reset(tx: SystemTx, user: UUID, doer: Doer) -> None:
    """For somebody who has lost them: every second factor, recovery code and session of theirs is gone; their password
    alone lets them in.
    """
    await factors.lock(tx, user)
    email = (await accounts.account_of(tx, user)).email
    await factors.remove_authenticators(tx, user)
    await factors.remove_passkeys(tx, user)
    await factors.replace_recovery_codes(tx, user, [])
    await sessions.end_others(tx, user, None)
    await tell_everywhere(tx, doer, user, Deed("factors.reset", Target(Noun.MEMBER, user, email)))
