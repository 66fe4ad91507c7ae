"""Signing in and out, and who one is."""

from litestar import delete, get, post
from litestar.di import NamedDependency

from crontopus.api import shown
from crontopus.api.arguments import Caller, Http, Parts
from crontopus.api.principal import FOR_ANYONE, FOR_SIGNED_IN, FOR_UNFINISHED, even_as_another, origin_of
from crontopus.api.reading import ANYONE_MOST_BYTES, Body
from crontopus.client import USER_HEADER
from crontopus.domain.access import CONFIRMED_FOR
from crontopus.domain.ids import NOWHERE
from crontopus.engine import accounts, factors, passkeys
from crontopus.storage import namespaces
from crontopus.wire.accounts import Me, Session, SignIn
from crontopus.wire.factors import PasskeyOptions, PasskeySignIn, SecondFactor


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
    after ten failures of one address one waits (429). Of whoever has a second factor the session is `pending`: for ten
    minutes it opens nothing but `POST /sessions/current/second-factor`.
    """
    return await accounts.sign_in(parts.db, parts.passwords, parts.attempts, form, origin_of(request))


@post("/sessions/proxy", operation_id="sign_in_by_proxy", opt=FOR_ANYONE)
async def sign_in_by_proxy(request: Http, parts: Parts) -> Session:
    """Sign in as whom a trusted proxy says.

    It says so in the header of the setting `user_header`; from anywhere else that is ignored. The person must have an
    account. Of whoever has a second factor the session is `pending`, as after a password.
    """
    return await accounts.sign_in_by_proxy(parts.db, request.headers.get(USER_HEADER, ""), origin_of(request))


@post(
    "/sessions/passkey-options",
    operation_id="passkey_sign_in_options",
    opt=FOR_ANYONE,
    status_code=200,
)
async def passkey_sign_in_options(parts: Parts) -> PasskeyOptions:
    """What to ask the browser, to sign in with a passkey alone."""
    site = passkeys.site_of(parts.public_url, parts.sealer)
    return PasskeyOptions(public_key=passkeys.request(site, parts.db.clock(), None))


@post(
    "/sessions/passkey",
    operation_id="sign_in_with_passkey",
    opt=FOR_ANYONE,
    dependencies={"form": Body(PasskeySignIn)},
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def sign_in_with_passkey(request: Http, parts: Parts, form: NamedDependency[PasskeySignIn]) -> Session:
    """Sign in with a passkey alone.

    It counts as both factors, since it was opened by a PIN or a finger.
    """
    site = passkeys.site_of(parts.public_url, parts.sealer)
    return await accounts.sign_in_with_passkey(parts.db, parts.attempts, site, form.passkey, origin_of(request))


@post(
    "/sessions/current/passkey-options",
    operation_id="passkey_options",
    opt=even_as_another(FOR_UNFINISHED),
    status_code=200,
)
async def passkey_options(parts: Parts, caller: Caller) -> PasskeyOptions:
    """What to ask the browser, to finish signing in with a passkey or to confirm that it is oneself."""
    return PasskeyOptions(
        public_key=await factors.passkey_request(parts.db, passkeys.site_of(parts.public_url, parts.sealer), caller)
    )


@post(
    "/sessions/current/second-factor",
    operation_id="finish_sign_in",
    opt=FOR_UNFINISHED,
    dependencies={"form": Body(SecondFactor)},
    request_max_body_size=ANYONE_MOST_BYTES,
    status_code=200,
)
async def finish(parts: Parts, caller: Caller, form: NamedDependency[SecondFactor]) -> Session:
    """Finish signing in, by a second factor.

    `session` is another one than before. A wrong code is 401; the fifth ends the sign-in.
    """
    site = passkeys.site_of(parts.public_url, parts.sealer) if form.passkey is not None else None
    return await factors.finish(parts.db, parts.sealer, parts.attempts, site, caller, form)


@delete("/sessions/current", operation_id="sign_out", opt=even_as_another(FOR_UNFINISHED))
async def sign_out(parts: Parts, caller: Caller) -> None:
    """Sign out.

    Ends the session of the cookie at once. A token has no session; revoke it instead.
    """
    await accounts.sign_out(parts.db, caller)


@get("/me", operation_id="me", opt=even_as_another(FOR_SIGNED_IN))
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
        second_factor=caller.has_factor,
        needs_second_factor=caller.lacks_factor,
        provider=caller.provider,
        zone=caller.profile.zone,
        theme=caller.profile.theme,
        language=caller.profile.language,
        closed=caller.closed,
        impersonation=shown.looking(caller),
    )


ROUTES = [
    sign_in,
    sign_in_by_proxy,
    passkey_sign_in_options,
    sign_in_with_passkey,
    passkey_options,
    finish,
    sign_out,
    me,
]
