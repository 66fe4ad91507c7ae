"""How e-mail fares, for those who run the installation."""

from litestar import get, post
from litestar.di import NamedDependency

from crontopus.api import shown
from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import Body
from crontopus.domain.access import Scope
from crontopus.storage import letters
from crontopus.wire.mail import MailState, TrialLetter

SHOWN = 100


@get("/admin/mail", operation_id="admin_mail", opt=needs(Scope.INSTALLATION_READ))
async def show(parts: Parts) -> MailState:
    """Show how e-mail is sent, and what could not be delivered."""
    async with parts.db.read_all() as tx:
        queue, troubled = await letters.queue(tx), await letters.in_trouble(tx, SHOWN)
    server = parts.post.mail.server
    return MailState(
        server=f"{server.host}:{server.port}" if server else "",
        security=server.security if server else "",
        sender=server.sender if server else "",
        waiting=queue.waiting,
        oldest_at=queue.oldest_at,
        letters=[shown.letter(one) for one in troubled],
    )


@post(
    "/admin/mail/trial",
    operation_id="try_mail",
    opt=needs(Scope.INSTALLATION_WRITE),
    dependencies={"new": Body(TrialLetter)},
    status_code=204,
)
async def send(caller: Caller, parts: Parts, new: NamedDependency[TrialLetter]) -> None:
    """Mail a letter now, to see that letters arrive.

    503 with what the mail server said where it does not take it. 409 where the installation sends no e-mail.
    """
    await parts.post.mail.try_now(caller, new.to)


ROUTES = [show, send]
