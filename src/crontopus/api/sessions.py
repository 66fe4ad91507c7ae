"""Signing in and out, and who one is."""

from litestar import delete, get, post
from litestar.di import NamedDependency

from crontopus.api.arguments import Caller, Http, Parts
from crontopus.api.principal import FOR_ANYONE, FOR_SIGNED_IN, origin_of
from crontopus.api.reading import ANYONE_MOST_BYTES, Body
from crontopus.domain.access import CONFIRMED_FOR
from crontopus.domain.ids import NOWHERE
from crontopus.engine import accounts
from crontopus.storage import namespaces
from crontopus.wire.accounts import Me, Session, SignIn


@post(
    "/sessions",
    operation_id="sign_in",
    opt=FOR_ANYONE,
    dependencies={"form": Body(SignIn)},
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def sign_in(request: Http, parts: Parts, form: NamedDependency[SignIn]) -> Session:
    """Sign in with e-mail address and password.

    The answer's `session` is the value of the cookie `crontopus_session`. 401 never says which of the two was wrong;
    after ten failures of one address one waits (429).
    """
    return await accounts.sign_in(parts.db, parts.passwords, parts.attempts, form, origin_of(request))


@delete("/sessions/current", operation_id="sign_out", opt=FOR_SIGNED_IN)
async def sign_out(parts: Parts, caller: Caller) -> None:
    """Sign out.

    Ends the session of the cookie at once. A token has no session; revoke it instead.
    """
    await accounts.sign_out(parts.db, caller)


@get("/me", operation_id="me", opt=FOR_SIGNED_IN)
async def me(caller: Caller, parts: Parts) -> Me:
    """Who calls, and what they may do."""
    places = None
    if caller.reach.namespaces is not None:
        async with parts.db.read(caller.tenant) as tx:
            found = await namespaces.of_ids(tx, list(caller.reach.namespaces))
        places = sorted(one.slug for one in found.values())
    return Me(
        email=caller.email,
        tenant=caller.tenant_name,
        tenant_id=None if caller.tenant == NOWHERE else caller.tenant,
        role=caller.role,
        system_role=caller.system,
        scopes=sorted(caller.scopes),
        namespaces=places,
        token=caller.token,
        name=caller.person_name,
        confirmed_until=None if caller.confirmed_at is None else caller.confirmed_at + CONFIRMED_FOR,
    )


ROUTES = [sign_in, sign_out, me]
