"""One of each thing that a tenant has, so that every route and page with an id in its path can be asked for it."""

import re
from datetime import timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from crontopus.api.examples import BODIES
from crontopus.client import Client
from crontopus.domain.access import Role
from crontopus.domain.announcements import Weight
from crontopus.domain.routing import Kind, MessageState
from crontopus.domain.tiers import Quota, Tier
from crontopus.engine.impersonations import LASTS
from crontopus.storage import announcements, exports, factors, impersonations, notifications, tiers
from crontopus.storage.announcements import Announcement
from crontopus.storage.factors import Passkey
from crontopus.storage.identity import new_id
from crontopus.storage.impersonations import Impersonation
from crontopus.storage.notifications import Notification
from crontopus.wire.accounts import NewNamespace, NewToken
from crontopus.wire.alerts import NewChannel, NewRoute
from crontopus.wire.jobs import NewJob
from crontopus.wire.people import NewInvitation
from crontopus.wire.providers import NewProvider
from crontopus.wire.runs import CheckIn, OutputText, Settle
from crontopus.wire.silences import CronTimes, NewSilence, NewWindow, WindowTimes
from tests.world import World

MARKER = "marker-of-this-tenant"
"""Stands in whatever can be named."""


class Things(Struct, frozen=True, kw_only=True):
    """By the name that a path gives it. A new parameter of a path is a line here."""

    job: UUID
    run: UUID
    token: UUID
    slug: str
    member: UUID
    invitation: UUID
    session: UUID
    passkey: UUID
    export: UUID
    tenant: UUID
    tier: UUID
    user: UUID
    provider: UUID
    impersonation: UUID
    announcement: UUID
    alert: UUID
    channel: UUID
    route: UUID
    silence: UUID
    window: UUID
    notification: UUID

    def fill(self, path: str) -> str:
        """`path` with these in place of its parameters."""
        return re.sub(r"\{(\w+)\}", lambda found: str(getattr(self, found[1])), path)


async def things(world: World, tenant: str = "acme", slug: str = "theirs", marker: str = MARKER) -> Things:
    """New ones of `tenant`; `slug` names their namespace, and is in its tenant only once."""
    async with world.signed_in(tenant) as own:
        await own.add_namespace(NewNamespace(slug=slug, name=marker))
        job = await own.add_job(NewJob(slug="backup", name=marker, namespace=slug))
        run = (await own.check_in(CheckIn(kind="start", job=f"{slug}/backup", output=OutputText(head=marker)))).run
        assert run is not None
        token = await own.add_token(NewToken(name=marker))
        invitation = await own.invite(NewInvitation(email=f"{marker}-{slug}@example.com"))
        home = (await own.me()).tenant_id
        assert home is not None
        channel = await own.add_channel(NewChannel(kind="email", name=f"{marker} {slug}", settings={"to": "a@b.c"}))
        alert, notification = await alert_of(world, own, marker, channel.id)
        route = await own.add_route(NewRoute(name=marker, matcher="ns:nowhere"))
        silence = await own.add_silence(
            NewSilence(matcher="ns:nowhere", reason=marker, until=world.now + timedelta(days=1))
        )
        times = WindowTimes(cron=CronTimes(cron="0 2 * * *", duration="1h"))
        window = await own.add_maintenance_window(NewWindow(name=marker, matcher="ns:nowhere", times=times))
    async with world.appliance.db.write(home) as tx:
        export = (await exports.add(tx, new_id(tx.now), marker)).id
    await world.appliance.exports.step()
    async with world.person(tenant, Role.OWNER) as owner:
        provider = await provider_of(owner, f"{marker} {slug}")
    async with world.person(tenant, Role.VIEWER) as person:
        member, session = await member_of(person), (await person.sessions()).items[0].id
    return Things(
        job=job.id,
        run=run,
        token=token.id,
        slug=slug,
        member=member,
        invitation=invitation.id,
        session=session,
        passkey=await passkey_of(world, member),
        export=export,
        tenant=home,
        tier=await new_tier(world),
        user=member,
        provider=provider,
        impersonation=await new_impersonation(world, home),
        announcement=await new_announcement(world, home),
        alert=alert,
        channel=channel.id,
        route=route.id,
        silence=silence.id,
        window=window.id,
        notification=notification,
    )


async def alert_of(world: World, own: Client, marker: str, channel: UUID) -> tuple[UUID, UUID]:
    """One that is open, and a message that could not be sent, since nothing is mailed: as if it had been."""
    job = await own.add_job(NewJob(slug=f"failing-{len((await own.jobs()).items)}", name=marker))
    await own.check_in(CheckIn(kind="fail", job=str(job.id)))
    await world.appliance.alerting.step()
    found = next(one for one in (await own.alerts()).items if one.subject.job == job.id)
    message = Notification(
        id=new_id(world.now),
        tenant_id=world.tenants["acme"].principal.tenant,
        alert_id=found.id,
        channel_id=channel,
        kind=Kind.OPEN,
        number=1,
        opening=1,
        route_id=found.id,
        step=0,
        made_at=world.now,
        state=MessageState.DEAD,
        settled_at=world.now,
        why=marker,
    )
    me = await own.me()
    assert me.tenant_id is not None
    async with world.appliance.db.write_all() as tx:
        await notifications.add(tx, [msgspec.structs.replace(message, tenant_id=me.tenant_id)])
    return found.id, message.id


async def provider_of(owner: Client, name: str) -> UUID:
    """One at which nobody has ever been."""
    new = msgspec.structs.replace(BODIES["add_provider"], name=name, issuer="http://127.0.0.1:1", enabled=False)
    assert isinstance(new, NewProvider)
    return (await owner.add_provider(new)).id


async def new_tier(world: World) -> UUID:
    """One that no tenant is in."""
    async with world.appliance.db.write_all() as tx:
        id = new_id(tx.now)
        tier = Tier(id, str(id), {Quota.JOBS: 1})
        await tiers.add(tx, tier)
    return tier.id


async def new_impersonation(world: World, tenant: UUID) -> UUID:
    """One that lasts, in a session that there is not."""
    async with world.appliance.db.write_all() as tx:
        id = new_id(tx.now)
        made = Impersonation(
            id=id,
            tenant_id=tenant,
            operator_id=id,
            operator=MARKER,
            session_id=id,
            member_id=None,
            member=None,
            role=Role.VIEWER,
            why=MARKER,
            began_at=tx.now,
            expires_at=tx.now + LASTS,
        )
        await impersonations.add(tx, made)
    return id


async def new_announcement(world: World, tenant: UUID) -> UUID:
    """To the people of this tenant."""
    async with world.appliance.db.write_all() as tx:
        id = new_id(tx.now)
        made = Announcement(
            id=id,
            text=MARKER,
            severity=Weight.INFO,
            since=tx.now,
            until=None,
            tenants=[str(tenant)],
            made_by=MARKER,
            made_at=tx.now,
        )
        await announcements.add(tx, made)
    return id


async def passkey_of(world: World, user: UUID) -> UUID:
    """One that opens nothing."""
    async with world.appliance.db.write_all() as tx:
        id = new_id(tx.now)
        passkey = Passkey(
            id=id, user_id=user, name=MARKER, credential=id.bytes, public_key=b"", counter=0, created_at=tx.now
        )
        await factors.add_passkey(tx, passkey)
    return id


async def member_of(person: Client) -> UUID:
    """Their own id as a member."""
    me = (await person.me()).email
    return next(one.id for one in (await person.members(limit=200)).items if one.email == me)


def body_of(operation: str) -> bytes | None:
    """One that the operation takes; None where it takes none."""
    example = Settle(succeeded=True) if operation == "settle_run" else BODIES.get(operation)
    return None if example is None else msgspec.json.encode(example)
