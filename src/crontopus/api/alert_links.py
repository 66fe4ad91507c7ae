"""The links in messages by which whoever reads them acts on an alert: for anybody who has one."""

from litestar import post
from litestar.di import NamedDependency
from msgspec.structs import replace

from crontopus.api import telling
from crontopus.api.arguments import Parts
from crontopus.api.principal import FOR_ANYONE
from crontopus.api.reading import ANYONE_MOST_BYTES, Body
from crontopus.engine import alert_links as engine
from crontopus.engine.alert_links import Linked
from crontopus.engine.links import Purpose, Signed
from crontopus.storage.database import Tx
from crontopus.wire.alerts import AlertLinkCode, LinkedAlert


@post(
    "/alert-links/open",
    operation_id="open_alert_link",
    opt=FOR_ANYONE,
    dependencies={"form": Body(AlertLinkCode)},
    status_code=200,
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def opened(parts: Parts, form: NamedDependency[AlertLinkCode]) -> LinkedAlert:
    """Show the alert that a link in a message is for. Changes nothing.

    404 for what is no link of this server, and for one that is over: after seven days, with another secret key, or as
    soon as the alert, the channel or the organisation is gone.
    """
    signed = _signed(parts, form)
    async with parts.db.read(signed.tenant) as tx:
        return await _told(tx, await engine.opened(tx, signed))


@post(
    "/alert-links/acknowledge",
    operation_id="acknowledge_by_link",
    opt=FOR_ANYONE,
    dependencies={"form": Body(AlertLinkCode)},
    status_code=200,
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def acknowledge(parts: Parts, form: NamedDependency[AlertLinkCode]) -> LinkedAlert:
    """Acknowledge the alert of a link. One that is acknowledged or over stays as it is."""
    signed = _signed(parts, form)
    async with parts.db.write(signed.tenant) as tx:
        return await _told(tx, await engine.acknowledge(tx, signed))


@post(
    "/alert-links/silence",
    operation_id="silence_by_link",
    opt=FOR_ANYONE,
    dependencies={"form": Body(AlertLinkCode)},
    status_code=200,
    request_max_body_size=ANYONE_MOST_BYTES,
)
async def silence(parts: Parts, form: NamedDependency[AlertLinkCode]) -> LinkedAlert:
    """Silence for an hour what the alert of a link is of. One that is held for longer, or over, stays as it is."""
    signed = _signed(parts, form)
    async with parts.db.write(signed.tenant) as tx:
        return await _told(tx, await engine.silence(tx, signed))


def _signed(parts: Parts, form: AlertLinkCode) -> Signed:
    return parts.links.opened(form.code, Purpose.ALERT, parts.db.clock())


async def _told(tx: Tx, linked: Linked) -> LinkedAlert:
    names = await telling.subjects(tx, [linked.found])
    return LinkedAlert(
        alert=replace(telling.alert(linked.found, names), acknowledged_by=""),
        tenant=linked.tenant.name,
        channel=linked.channel.name,
        changed=linked.changed,
    )


ROUTES = [opened, acknowledge, silence]
