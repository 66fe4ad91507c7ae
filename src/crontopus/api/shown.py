"""Stored things as the wire shows them. Ping URLs only to those who may report anyway."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from crontopus.api.parts import Parts
from crontopus.domain import ids, schedule
from crontopus.domain.access import Principal, SystemRole
from crontopus.domain.audit import Entry
from crontopus.domain.tiers import UNCOUNTED, Level, Quota, Quotas, Tier, level
from crontopus.domain.watch import Status, shown_status
from crontopus.engine import schedules
from crontopus.engine.audit import Verdict
from crontopus.engine.definitions import spec_of
from crontopus.engine.factors import Held
from crontopus.engine.namespaces import ping_key
from crontopus.engine.passkeys import obstacle
from crontopus.engine.providers import CALLBACK
from crontopus.storage import namespaces
from crontopus.storage.announcements import Announcement
from crontopus.storage.audit import Told
from crontopus.storage.backups import Backup as MadeBackup
from crontopus.storage.checkins import CheckIn
from crontopus.storage.database import Tx
from crontopus.storage.dependencies import Mute
from crontopus.storage.devices import Device
from crontopus.storage.digests import Digest
from crontopus.storage.exports import Export
from crontopus.storage.factors import Passkey as StoredPasskey
from crontopus.storage.impersonations import Known
from crontopus.storage.invitations import Invitation, Opened
from crontopus.storage.jobs import Ref, Watched
from crontopus.storage.letters import Letter
from crontopus.storage.members import Home, Member
from crontopus.storage.namespaces import Namespace
from crontopus.storage.providers import Provider
from crontopus.storage.runs import Run, RunOfJob
from crontopus.storage.sessions import Session
from crontopus.storage.tenants import Tenant
from crontopus.storage.tokens import Token
from crontopus.storage.usage import Day, Holding, Ranked
from crontopus.storage.users import Membership, User
from crontopus.wire import accounts as wire_accounts
from crontopus.wire import announcements as wire_announcements
from crontopus.wire import backups as wire_backups
from crontopus.wire import devices as wire_devices
from crontopus.wire import impersonations as wire_impersonations
from crontopus.wire import installation as wire_installation
from crontopus.wire import jobs as wire_jobs
from crontopus.wire import mail as wire_mail
from crontopus.wire import people as wire_people
from crontopus.wire import providers as wire_providers
from crontopus.wire import runs as wire_runs
from crontopus.wire import tenants as wire_tenants
from crontopus.wire import tiers as wire_tiers
from crontopus.wire.audit import AuditEntry, SystemAuditEntry, SystemAuditVerdict
from crontopus.wire.factors import Authenticator, Factors, Passkey


class Links(Struct, frozen=True):
    """Where jobs are pinged. `keys`: ping keys by namespace, of those the caller may see."""

    public_url: str
    pings: bool
    keys: Mapping[UUID, str]

    def by_uuid(self, uuid: UUID) -> str:
        return f"{self.public_url}/ping/{uuid}" if self.pings else ""

    def by_slug(self, namespace: UUID, slug: str) -> str:
        key = self.keys.get(namespace)
        return f"{self.public_url}/ping/{key}/{slug}" if key else ""


async def links(tx: Tx, parts: Parts, caller: Principal, found: Sequence[Watched]) -> Links:
    """For these jobs, as far as the caller may see them."""
    keys: dict[UUID, str] = {}
    if caller.sees_namespace_keys:
        places = {one.job.namespace_id for one in found}
        stored = await namespaces.of_ids(tx, list(places))
        keys = {place: ping_key(parts.sealer, tx.tenant, namespace) for place, namespace in stored.items()}
    return Links(parts.public_url, caller.sees_ping_keys, keys)


async def jobs(tx: Tx, parts: Parts, caller: Principal, found: Sequence[Watched]) -> list[wire_jobs.Job]:
    where = await links(tx, parts, caller, found)
    return [job(one, where, tx.now) for one in found]


def job(found: Watched, where: Links, now: datetime) -> wire_jobs.Job:
    job, watch, rule = found.job, found.watch, found.job.expectation
    status = shown_status(watch, now)
    decided = {**asdict(spec_of(job)), "timezone": rule.timezone}
    return wire_jobs.Job(
        **decided,
        id=job.id,
        namespace=job.namespace,
        slug=job.slug,
        name=job.name,
        muted=_mute(found.mute, now),
        own=["timezone"] if job.timezone_given else [],
        schedule_in_words=schedule.describe(rule.schedules, rule.timezone, rule.clock),
        status=status,
        reason=watch.reason,
        reasons=list(watch.reasons),
        running=watch.running,
        seen_at=watch.seen_at,
        down_since=found.changed_at if status is Status.DOWN else None,
        paused_until=watch.paused_until,
        next_expected_at=watch.next_expected_at,
        due_at=watch.due_at,
        last_run=None if found.last_run is None else brief(found.last_run),
        ping_url=where.by_uuid(job.ping_uuid),
        ping_url_by_slug=where.by_slug(job.namespace_id, job.slug),
        origin=job.origin,
        created_at=job.created_at,
        updated_at=job.updated_at,
        version=job.version,
    )


def digest(found: Digest | None) -> wire_people.Digest:
    if found is None:
        return wire_people.Digest(every=None, next_at=None)
    return wire_people.Digest(every=found.every, next_at=found.next_at)


def _mute(found: Mute | None, now: datetime) -> wire_jobs.Mute | None:
    """None where it is over."""
    if found is None or (found.until is not None and found.until <= now):
        return None
    return wire_jobs.Mute(since=found.since, until=found.until, reason=found.reason, made_by=found.made_by)


def watch(found: Watched, now: datetime) -> wire_jobs.Watch:
    watch = found.watch
    return wire_jobs.Watch(
        agent=None,
        status=shown_status(watch, now),
        reason=watch.reason,
        reasons=list(watch.reasons),
        running=watch.running,
        seen_at=watch.seen_at,
        next_expected_at=watch.next_expected_at,
        due_at=watch.due_at,
        failures_in_a_row=watch.failures,
        misses_in_a_row=watch.misses,
        successes_in_a_row=watch.successes,
    )


def brief(run: Run) -> wire_jobs.RunBrief:
    return wire_jobs.RunBrief(
        id=run.id,
        state=run.state,
        expected_at=run.expected_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration=seconds(run.duration),
        exit_code=run.exit_code,
        signal=run.signal,
    )


def run(found: RunOfJob) -> wire_runs.Run:
    run = found.run
    return wire_runs.Run(
        id=run.id,
        run_id=run.rid,
        number=run.number,
        job=wire_runs.JobRef(id=run.job_id, namespace=found.namespace, slug=found.slug, name=found.name),
        state=run.state,
        expected_at=run.expected_at,
        last_expected_at=run.last_expected_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration=seconds(run.duration),
        lag=seconds(run.lag),
        exit_code=run.exit_code,
        signal=run.signal,
        attempt=run.attempt,
        host=run.host,
        user=run.user,
        env=run.env,
        agent=None if run.agent_id == ids.NO_AGENT else run.agent_id,
        revision=run.revision,
        metrics=run.metrics or {},
        rusage=run.rusage or {},
        marks=run.marks,
        count=run.count,
        output_bytes=run.output_bytes,
        settled_by=run.settled_by,
    )


def ref(found: Ref) -> wire_runs.JobRef:
    return wire_runs.JobRef(id=found.id, namespace=found.namespace, slug=found.slug, name=found.name)


def check_in(found: CheckIn) -> wire_runs.StoredCheckIn:
    return wire_runs.StoredCheckIn(
        id=found.id,
        run=found.run_id,
        run_id=found.rid,
        kind=found.kind,
        exit_code=found.exit_code,
        attempt=found.attempt,
        occurred_at=found.occurred_at,
        received_at=found.received_at,
        method=found.method,
        address=found.address,
        user_agent=found.user_agent,
        output_bytes=found.output_bytes,
        marks=found.marks,
    )


def namespace(found: Namespace, size: int, parts: Parts, caller: Principal) -> wire_accounts.Namespace:
    key = ping_key(parts.sealer, caller.tenant, found) if caller.sees_namespace_keys else None
    return wire_accounts.Namespace(
        id=found.id,
        slug=found.slug,
        name=found.name,
        timezone=found.timezone,
        default_schedule=schedules.shown(found.default_schedules),
        default_grace=found.default_grace.total_seconds(),
        own=found.own,
        ping_key=key,
        ping_url=f"{parts.public_url}/ping/{key}" if key else None,
        jobs=size,
        created_at=found.created_at,
        version=found.version,
    )


def token(found: Token, places: Mapping[UUID, str], jobs: Mapping[UUID, str]) -> wire_accounts.Token:
    return wire_accounts.Token(
        id=found.id,
        name=found.name,
        kind=found.kind,
        hint=found.hint,
        scopes=found.scopes,
        namespaces=sorted(places[UUID(place)] for place in found.namespaces if UUID(place) in places),
        job=jobs.get(found.job_id, str(found.job_id)) if found.job_id else None,
        addresses=found.addresses,
        created_at=found.created_at,
        last_used_at=found.last_used_at,
        expires_at=found.expires_at,
    )


def seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def audit_entry(entry: Entry) -> AuditEntry:
    doer, deed = entry.doer, entry.deed
    return AuditEntry(
        position=entry.position,
        at=entry.at,
        actor=doer.name,
        user=doer.user,
        token=doer.token,
        address=doer.address,
        user_agent=doer.user_agent,
        via=doer.via,
        action=deed.action,
        noun=deed.target.noun,
        target_id=deed.target.id,
        target=deed.target.name,
        changes={field: list(pair) for field, pair in deed.changes.items()},
    )


def system_audit_verdict(tenant: UUID, name: str | None, found: Verdict) -> SystemAuditVerdict:
    """NOWHERE: of the installation's own log."""
    return SystemAuditVerdict(
        tenant=None if tenant == ids.NOWHERE else tenant,
        tenant_name=name,
        entries=found.entries,
        broken=found.broken,
        why=found.why,
    )


def system_audit_entry(told: Told) -> SystemAuditEntry:
    tenant = None if told.tenant == ids.NOWHERE else told.tenant
    return SystemAuditEntry(**asdict(audit_entry(told.entry)), tenant=tenant, tenant_name=told.tenant_name)


def announcement(found: Announcement, now: datetime) -> wire_announcements.Announcement:
    told = {**asdict(found), "tenants": [UUID(tenant) for tenant in found.tenants]}
    return wire_announcements.Announcement(**told, active=found.is_shown(now))


def announced(found: Announcement) -> wire_announcements.Announced:
    return wire_announcements.Announced(
        id=found.id, text=found.text, severity=found.severity, since=found.since, until=found.until
    )


def impersonation(found: Known) -> wire_impersonations.Impersonation:
    made = found.made
    return wire_impersonations.Impersonation(
        id=made.id,
        tenant=made.tenant_id,
        tenant_name=found.tenant_name,
        operator=made.operator,
        member=made.member,
        role=made.role,
        why=made.why,
        began_at=made.began_at,
        until=made.expires_at,
        raised_at=made.raised_at,
        raised_why=made.raised_why,
        ended_at=made.ended_at,
        active=found.active,
    )


def looking(caller: Principal) -> wire_accounts.Looking | None:
    one = caller.impersonation
    if one is None:
        return None
    return wire_accounts.Looking(
        id=one.id,
        subject=one.subject,
        why=one.why,
        until=one.until,
        raised=one.raised,
        may_raise=one.operates is SystemRole.SUPERADMIN and not one.raised,
    )


def member(found: Member, slugs: Mapping[str, str]) -> wire_people.Member:
    """`slugs` of namespaces, by id."""
    return wire_people.Member(
        id=found.user,
        email=found.email,
        name=found.name,
        role=found.role,
        namespaces=_places(found.namespaces, slugs),
        second_factor=found.second_factor,
        created_at=found.created_at,
    )


def factors(held: Held, caller: Principal, public_url: str) -> Factors:
    app = held.authenticator
    return Factors(
        authenticator=None if app is None else Authenticator(created_at=app.created_at, used_at=app.used_at),
        passkeys=[passkey(one) for one in held.passkeys],
        recovery_codes=held.recovery_codes,
        needed=caller.lacks_factor,
        no_passkeys=obstacle(public_url),
    )


def passkey(found: StoredPasskey) -> Passkey:
    return Passkey(id=found.id, name=found.name, created_at=found.created_at, used_at=found.used_at)


def invitation(found: Invitation, slugs: Mapping[str, str], letter: Letter | None) -> wire_people.Invitation:
    return wire_people.Invitation(
        id=found.id,
        email=found.email,
        role=found.role,
        namespaces=_places(found.namespaces, slugs),
        invited_by=found.invited_by,
        created_at=found.created_at,
        expires_at=found.expires_at,
        mailed=None if letter is None else mailed(letter),
        mail_why="" if letter is None else letter.why,
    )


def invitation_state(found: Opened, slugs: Mapping[str, str], *, known: bool) -> wire_people.InvitationState:
    return wire_people.InvitationState(
        email=found.invitation.email,
        tenant=found.tenant_name,
        role=found.invitation.role,
        namespaces=_places(found.invitation.namespaces, slugs),
        known=known,
    )


def mailed(letter: Letter) -> wire_people.Mailed:
    if letter.finished_at is None:
        return wire_people.Mailed.WAITING
    return wire_people.Mailed.DELIVERED if letter.delivered else wire_people.Mailed.GIVEN_UP


def letter(found: Letter) -> wire_mail.Letter:
    return wire_mail.Letter(
        id=found.id,
        kind=found.kind,
        recipient=found.recipient,
        made_at=found.made_at,
        tries=found.tries,
        next_at=found.next_at,
        mailed=mailed(found),
        why=found.why,
    )


def session(found: Session, caller: Principal) -> wire_people.SessionInfo:
    return wire_people.SessionInfo(
        id=found.id,
        current=found.id == caller.session,
        created_at=found.created_at,
        used_at=found.used_at,
        expires_at=found.expires_at,
        address=found.address,
        user_agent=found.user_agent,
    )


def home(found: Home, caller: Principal) -> wire_people.Tenant:
    return wire_people.Tenant(
        id=found.id,
        name=found.name,
        role=found.role,
        current=found.id == caller.tenant,
        require_second_factor=found.require_second_factor,
        state=found.standing.state,
    )


def tenant(found: Tenant) -> wire_tenants.TenantInfo:
    standing = found.standing
    return wire_tenants.TenantInfo(
        id=found.id,
        name=found.name,
        state=standing.state,
        suspended_at=standing.suspended_at,
        suspended_why=standing.suspended_why,
        deleted_at=standing.deleted_at,
        restorable_until=standing.restorable_until,
        members=found.members,
        require_second_factor=found.require_second_factor,
        forbid_impersonation=found.forbid_impersonation,
        tier=found.tier,
        tier_name=found.tier_name,
        timezone=found.timezone,
        default_grace=found.default_grace.total_seconds(),
        created_at=found.created_at,
    )


def provider(found: Provider, slugs: Mapping[str, str], public_url: str) -> wire_providers.Provider:
    """`slugs` of the namespaces that its roles are limited to, by id."""
    return wire_providers.Provider(
        id=found.id,
        name=found.name,
        issuer=found.issuer,
        client_id=found.client_id,
        domains=found.domains,
        scopes=found.scopes,
        groups_claim=found.groups_claim,
        roles=[
            wire_providers.ShownGroupRole(group=one.group, role=one.role, namespaces=_places(one.namespaces, slugs))
            for one in found.roles
        ],
        default_role=found.default_role,
        enabled=found.enabled,
        enforced=found.enforced,
        redirect_uri=public_url + CALLBACK,
        link=f"{public_url}/sign-in/with/{found.id}",
        created_at=found.created_at,
    )


def tier(found: Tier) -> wire_tiers.Tier:
    quotas = {quota: found.quotas.get(quota) for quota in Quota}
    return wire_tiers.Tier(id=found.id, name=found.name, quotas=quotas, tenants=found.tenants)


def today(days: Sequence[Day], now: datetime) -> Day:
    """Of `days`, newest first."""
    day = now.date()
    return days[0] if days and days[0].day == day else Day(day=day)


def usage(
    tier: str, quotas: Quotas, used: Mapping[Quota, int], days: Sequence[Day], there: Holding
) -> wire_tiers.TenantUsage:
    return wire_tiers.TenantUsage(
        tier=tier,
        quotas=[_quota(quota, used.get(quota, 0), quotas.get(quota)) for quota in Quota],
        stored_check_ins=there.check_ins,
        stored_bytes=there.stored_bytes,
        days=[
            wire_tiers.UsageDay(
                day=one.day,
                pings=one.pings,
                check_ins=one.check_ins,
                failures=one.failures,
                output_bytes=one.output_bytes,
                dropped_bytes=one.dropped_bytes,
                peak_pings=one.peak,
            )
            for one in days
        ],
    )


def _quota(quota: Quota, used: int, limit: int | None) -> wire_tiers.QuotaUse:
    if quota in UNCOUNTED:
        return wire_tiers.QuotaUse(quota=quota, used=None, limit=limit, level=Level.FREE)
    return wire_tiers.QuotaUse(quota=quota, used=used, limit=limit, level=level(used, limit))


def rank(found: Ranked) -> wire_tiers.TenantRank:
    told = asdict(found)
    return wire_tiers.TenantRank(id=told.pop("tenant"), peak_pings=told.pop("peak"), **told)


def export(found: Export) -> wire_tenants.Export:
    return wire_tenants.Export(
        id=found.id,
        asked_by=found.asked_by,
        asked_at=found.asked_at,
        finished_at=found.finished_at,
        expires_at=found.expires_at,
        size_bytes=found.size_bytes,
        sha256=found.sha256.hex() if found.sha256 else None,
    )


def user(found: User, places: Sequence[Membership] | None = None) -> wire_installation.User:
    return wire_installation.User(
        id=found.id,
        email=found.email,
        name=found.name,
        system_role=found.system_role,
        created_at=found.created_at,
        disabled_at=found.disabled_at,
        second_factor=found.has_factor,
        sessions=found.sessions,
        seen_at=found.seen_at,
        tenants=None
        if places is None
        else [wire_installation.UserPlace(tenant=one.tenant, name=one.name, role=one.role) for one in places],
    )


def device(found: Device) -> wire_devices.Device:
    return wire_devices.Device(
        name=found.name,
        address=found.address,
        user_agent=found.user_agent,
        asked_at=found.created_at,
        expires_at=found.expires_at,
    )


def backup(found: MadeBackup) -> wire_backups.MadeBackup:
    return wire_backups.MadeBackup(
        id=found.id,
        asked_by=found.asked_by,
        asked_at=found.asked_at,
        finished_at=found.finished_at,
        ok=None if found.finished_at is None else found.sha256 is not None,
        file=found.file,
        size_bytes=found.size_bytes,
        sha256=found.sha256.hex() if found.sha256 else None,
        why=found.why,
    )


def _places(limited_to: Sequence[str], slugs: Mapping[str, str]) -> list[str] | None:
    """None: all. Of a namespace that is gone nothing is left to reach."""
    return sorted(slugs[place] for place in limited_to if place in slugs) if limited_to else None
