"""Second factors of one's own: an authenticator app, passkeys, recovery codes."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from crontopus.api import shown
from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import FOR_SIGNED_IN
from crontopus.api.reading import Body
from crontopus.domain.errors import NotAllowed
from crontopus.engine import factors as engine
from crontopus.engine import passkeys
from crontopus.wire.factors import (
    AuthenticatorCode,
    Factors,
    NewAuthenticator,
    NewPasskey,
    Passkey,
    PasskeyOptions,
    PasskeyPatch,
    RecoveryCodes,
)

PasskeyId = Annotated[UUID, PathParameter(description="The passkey's id.")]


@get("/me/factors", operation_id="factors", opt=FOR_SIGNED_IN)
async def listed(caller: Caller, parts: Parts) -> Factors:
    """Show one's own second factors."""
    if caller.user is None or caller.email is None:
        raise NotAllowed("a token of a program has no second factors: come as a person")
    caller.require_own_sign_in()
    async with parts.db.read_all() as tx:
        return shown.factors(await engine.held(tx, caller.user), caller, parts.public_url)


@post("/me/factors/totp", operation_id="enrol_authenticator", opt=FOR_SIGNED_IN, status_code=200)
async def enrol(caller: Caller, parts: Parts) -> NewAuthenticator:
    """Begin to set up an authenticator app.

    It opens nothing until its first code has confirmed it; asked again within the hour, the answer is the same.
    """
    made = await engine.enrol(parts.db, parts.sealer, caller)
    return NewAuthenticator(secret=made.secret, uri=made.uri, qr=made.qr)


@post(
    "/me/factors/totp/confirm",
    operation_id="confirm_authenticator",
    opt=FOR_SIGNED_IN,
    dependencies={"form": Body(AuthenticatorCode)},
    status_code=200,
)
async def confirm(caller: Caller, parts: Parts, form: NamedDependency[AuthenticatorCode]) -> RecoveryCodes:
    """Put a new authenticator app in force, by its first code.

    It takes the place of an older one. Whoever had no recovery codes is shown ten, once.
    """
    codes = await engine.confirm_authenticator(parts.db, parts.sealer, parts.attempts, caller, form.code)
    return RecoveryCodes(recovery_codes=codes)


@delete("/me/factors/totp", operation_id="remove_authenticator", opt=FOR_SIGNED_IN)
async def remove(caller: Caller, parts: Parts) -> None:
    """Remove the authenticator app.

    With the last second factor the recovery codes go, too.
    """
    await engine.remove_authenticator(parts.db, caller)


@post("/me/recovery-codes", operation_id="add_recovery_codes", opt=FOR_SIGNED_IN)
async def add_codes(caller: Caller, parts: Parts) -> RecoveryCodes:
    """Make ten new recovery codes.

    Those before are void. Shown in this answer and never again.
    """
    return RecoveryCodes(recovery_codes=await engine.new_recovery_codes(parts.db, caller))


@post("/me/passkeys/options", operation_id="new_passkey_options", opt=FOR_SIGNED_IN, status_code=200)
async def options(caller: Caller, parts: Parts) -> PasskeyOptions:
    """What to ask the browser, to make a passkey."""
    site = passkeys.site_of(parts.public_url, parts.sealer)
    return PasskeyOptions(public_key=await engine.passkey_registration(parts.db, site, caller))


@post("/me/passkeys", operation_id="add_passkey", opt=FOR_SIGNED_IN, dependencies={"new": Body(NewPasskey)})
async def add(caller: Caller, parts: Parts, new: NamedDependency[NewPasskey]) -> RecoveryCodes:
    """Add a passkey.

    Whoever had no recovery codes is shown ten, once.
    """
    _, codes = await engine.add_passkey(parts.db, passkeys.site_of(parts.public_url, parts.sealer), caller, new)
    return RecoveryCodes(recovery_codes=codes)


@patch(
    "/me/passkeys/{passkey:uuid}",
    operation_id="edit_passkey",
    opt=FOR_SIGNED_IN,
    dependencies={"changes": Body(PasskeyPatch)},
)
async def edit(caller: Caller, parts: Parts, passkey: PasskeyId, changes: NamedDependency[PasskeyPatch]) -> Passkey:
    """Rename a passkey."""
    return shown.passkey(await engine.rename_passkey(parts.db, caller, passkey, changes.name))


@delete("/me/passkeys/{passkey:uuid}", operation_id="remove_passkey", opt=FOR_SIGNED_IN)
async def remove_passkey(caller: Caller, parts: Parts, passkey: PasskeyId) -> None:
    """Remove a passkey.

    It opens nothing from then on. With the last second factor the recovery codes go, too.
    """
    await engine.remove_passkey(parts.db, caller, passkey)


ROUTES = [listed, enrol, confirm, remove, add_codes, options, add, edit, remove_passkey]
