"""The secret key: that it fits the database, and that what an older one sealed is sealed anew."""

from pathlib import Path
from uuid import UUID

from crontopus.domain.errors import Conflict, Invalid
from crontopus.engine.audit import ITSELF, tell_of_installation
from crontopus.storage import channels, factors, keycheck, letters, providers
from crontopus.storage.database import Database, SystemTx
from crontopus.storage.sealing import Sealer, sealer_for

_PLAIN = b"crontopus"
_NOBODY = UUID(int=0)


async def fitting_sealer(db: Database, data: Path, secret_key: str) -> Sealer:
    """The sealer of this database. Raises Invalid, before anything is served, where the key is another one's."""
    async with db.read_all() as tx:
        sealed = await keycheck.find(tx)
    sealer = sealer_for(data, secret_key, may_make=sealed is None)
    if sealed is None:
        async with db.write_all() as tx:
            sealed = await keycheck.keep(tx, sealer.seal(_PLAIN, _NOBODY, _NOBODY))
    _require_fitting(sealer, sealed)
    if not sealer.is_of_newest(sealed, _NOBODY, _NOBODY):
        async with db.write_all() as tx:
            await _seal_anew(tx, sealer)
    return sealer


async def require_fitting(db: Database, data: Path) -> None:
    """That the key file is this database's; changes nothing. Raises Invalid."""
    async with db.read_all() as tx:
        sealed = await keycheck.find(tx)
    if sealed is not None:
        _require_fitting(sealer_for(data, "", may_make=False), sealed)


def _require_fitting(sealer: Sealer, sealed: bytes) -> None:
    try:
        sealer.open(sealed, _NOBODY, _NOBODY)
    except Conflict as error:
        raise Invalid(
            "the secret key is not the one of this database, so nothing was started and nothing was changed. Put back "
            "the secret.key of the data folder, or the setting secret_key, that was in force with this database; "
            "several servers on one PostgreSQL need the same"
        ) from error


async def _seal_anew(tx: SystemTx, sealer: Sealer) -> None:
    """By the newest key: then the older ones can be taken out."""
    for key in await keycheck.ping_keys(tx):
        plain = sealer.open(key.sealed, key.tenant, key.namespace)
        await keycheck.keep_ping_key(tx, key.namespace, sealer.seal(plain, key.tenant, key.namespace))
    for app in await factors.sealed_authenticators(tx):
        plain = sealer.open(app.sealed, app.user_id, app.id)
        await factors.keep_sealed(tx, app.id, sealer.seal(plain, app.user_id, app.id))
    for letter in await letters.sealed(tx):
        plain = sealer.open(letter.sealed or b"", letter.tenant_id, letter.id)
        await letters.keep_sealed(tx, letter.id, sealer.seal(plain, letter.tenant_id, letter.id))
    for provider in await providers.sealed(tx):
        secret = sealer.open(provider.client_secret_sealed, provider.tenant_id, provider.id)
        await providers.keep_sealed(tx, provider.id, sealer.seal(secret, provider.tenant_id, provider.id))
    for channel in await channels.sealed(tx):
        settings = sealer.open(channel.sealed, channel.tenant_id, channel.id)
        await channels.keep_sealed(tx, channel.id, sealer.seal(settings, channel.tenant_id, channel.id))
    await keycheck.replace(tx, sealer.seal(_PLAIN, _NOBODY, _NOBODY))
    await tell_of_installation(tx, ITSELF, "key.rotate", {})
