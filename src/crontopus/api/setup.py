"""Set-up, by the one-time link that the server prints."""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from crontopus.api.arguments import Http, Parts
from crontopus.api.principal import FOR_ANYONE, origin_of
from crontopus.api.reading import ANYONE_MOST_BYTES, Body
from crontopus.domain import passwords
from crontopus.domain.errors import NotAllowed
from crontopus.engine import accounts, setup
from crontopus.wire.accounts import Session, SetUp, SetUpState

Code = Annotated[str, QueryParameter(description="The code in the set-up link.", max_length=200)]


@get("/setup", operation_id="set_up_state", opt=FOR_ANYONE)
async def state(parts: Parts, code: Code = "") -> SetUpState:
    """Whether somebody has to set this installation up.

    `valid` says whether `code` opens it.
    """
    async with parts.db.read_all() as tx:
        needed = await setup.is_needed(tx)
        return SetUpState(needed=needed, valid=needed and await setup.opens(tx, code))


@post(
    "/setup",
    operation_id="set_up",
    opt=FOR_ANYONE,
    dependencies={"form": Body(SetUp)},
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def set_up(request: Http, parts: Parts, form: NamedDependency[SetUp]) -> Session:
    """Make the first person, who owns the first tenant.

    Takes the code of the one-time link, and answers with a session. 409 where it is set up already.
    """
    origin = origin_of(request)
    address = f"address {origin.address}"
    parts.attempts.require(parts.db.clock(), address)
    async with parts.db.read_all() as tx:
        try:
            await setup.require_code(tx, form.code)
        except NotAllowed:
            parts.attempts.failed(tx.now, address)
            raise
    passwords.require(form.password, "/password", form.email)
    hashed = await parts.passwords.hash(form.password)
    async with parts.db.write_all() as tx:
        await setup.require_code(tx, form.code)
        founded = await setup.set_up(tx, parts.sealer, form.email, hashed, form.tenant, origin)
        return await accounts.begin_session(tx, founded.login, origin)


ROUTES = [state, set_up]
