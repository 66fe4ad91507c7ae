"""A new password for whoever has lost theirs."""

from litestar import post
from litestar.di import NamedDependency

from crontopus.api.arguments import Http, Parts
from crontopus.api.principal import FOR_ANYONE, origin_of
from crontopus.api.reading import ANYONE_MOST_BYTES, Body
from crontopus.engine import resets as engine
from crontopus.wire.mail import PasswordReset, PasswordResetCode, PasswordResetRequest, PasswordResetState


@post(
    "/password-resets",
    operation_id="ask_for_password",
    opt=FOR_ANYONE,
    dependencies={"form": Body(PasswordResetRequest)},
    request_max_body_size=ANYONE_MOST_BYTES,
    status_code=202,
)
async def ask(request: Http, parts: Parts, form: NamedDependency[PasswordResetRequest]) -> None:
    """Ask for a link to choose a new password.

    It goes to that address where somebody has an account by it; the answer is the same either way. At most one in five
    minutes. 409 where the installation sends no e-mail: whoever runs it can give a link.
    """
    parts.resets.ask(parts.attempts, form.email, origin_of(request))


@post(
    "/password-resets/open",
    operation_id="open_password_reset",
    opt=FOR_ANYONE,
    dependencies={"form": Body(PasswordResetCode)},
    request_max_body_size=ANYONE_MOST_BYTES,
    status_code=200,
)
async def opened(request: Http, parts: Parts, form: NamedDependency[PasswordResetCode]) -> PasswordResetState:
    """Look whose password a link opens, by the code in it."""
    async with parts.db.read_all() as tx:
        found = await engine.opened(tx, parts.attempts, form.code, origin_of(request))
    return PasswordResetState(email=found.email, expires_at=found.expires_at)


@post(
    "/password-resets/use",
    operation_id="use_password_reset",
    opt=FOR_ANYONE,
    dependencies={"form": Body(PasswordReset)},
    request_max_body_size=ANYONE_MOST_BYTES,
    status_code=204,
)
async def use(request: Http, parts: Parts, form: NamedDependency[PasswordReset]) -> None:
    """Choose a new password, by the code in a link.

    All sessions and own tokens of that person end; a second factor stays. Nobody is signed in by it.
    """
    caller = origin_of(request)
    await engine.use(parts.db, parts.passwords, parts.attempts, parts.post.mail, form.code, form.password, caller)


ROUTES = [ask, opened, use]
