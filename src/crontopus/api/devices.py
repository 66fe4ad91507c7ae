"""Signing in a machine without a browser from another that has one."""

from litestar import post
from litestar.di import NamedDependency
from msgspec.structs import asdict

from crontopus.api import shown
from crontopus.api.arguments import Caller, Http, Parts
from crontopus.api.principal import FOR_ANYONE, FOR_SIGNED_IN, origin_of
from crontopus.api.reading import ANYONE_MOST_BYTES, Body
from crontopus.domain import device as rules
from crontopus.engine import devices
from crontopus.wire.accounts import CreatedToken
from crontopus.wire.devices import Device, DeviceCode, DeviceCodes, DeviceDecision, DeviceRequest, UserCode


@post(
    "/device/code",
    operation_id="ask_for_device",
    opt=FOR_ANYONE,
    dependencies={"form": Body(DeviceRequest)},
    request_max_body_size=ANYONE_MOST_BYTES,
    status_code=200,
)
async def begin(request: Http, parts: Parts, form: NamedDependency[DeviceRequest]) -> DeviceCodes:
    """Begin to sign in a machine without a browser.

    As RFC 8628 has it: a person opens `verification_uri` elsewhere and allows it, and the machine asks until then.
    """
    made = await devices.begin(parts.db, parts.attempts, form.name.strip(), origin_of(request))
    uri = f"{parts.public_url}/device"
    return DeviceCodes(
        device_code=made.device,
        user_code=made.user,
        verification_uri=uri,
        verification_uri_complete=f"{uri}?code={made.user}",
        expires_in=int(rules.LIFE.total_seconds()),
        interval=int(rules.INTERVAL.total_seconds()),
    )


@post(
    "/device/token",
    operation_id="fetch_device_token",
    opt=FOR_ANYONE,
    dependencies={"form": Body(DeviceCode)},
    request_max_body_size=ANYONE_MOST_BYTES,
    status_code=200,
)
async def fetch(request: Http, parts: Parts, form: NamedDependency[DeviceCode]) -> CreatedToken:
    """Ask whether the machine is allowed, and fetch its token.

    The token comes once, and is one with which the person comes as themselves. Until then 400, whose `type` ends as the
    errors of RFC 8628: `authorization-pending`, `slow-down` (wait five seconds more each time), `access-denied`,
    `expired-token`.
    """
    made = await devices.asked(parts.db, form.device_code, origin_of(request))
    return CreatedToken(**asdict(shown.token(made.token, {}, {})), token=made.secret)


@post(
    "/device/open",
    operation_id="open_device",
    opt=FOR_SIGNED_IN,
    dependencies={"form": Body(UserCode)},
    status_code=200,
)
async def opened(caller: Caller, parts: Parts, form: NamedDependency[UserCode]) -> Device:
    """Look which machine waits with a code."""
    return shown.device(await devices.opened(parts.db, parts.attempts, caller, form.user_code))


@post(
    "/device/decide",
    operation_id="decide_device",
    opt=FOR_SIGNED_IN,
    dependencies={"form": Body(DeviceDecision)},
    status_code=200,
)
async def decide(caller: Caller, parts: Parts, form: NamedDependency[DeviceDecision]) -> Device:
    """Allow a machine to come as oneself, or deny it."""
    return shown.device(await devices.decide(parts.db, parts.attempts, caller, form.user_code, form.allow))


ROUTES = [begin, fetch, opened, decide]
