"""The REST API as Python: one method per route, errors raised again as the server raised them.

Knows `wire` and nothing else of ours. Console, command line and tests differ in the transport alone.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
import msgspec

from crontopus.domain.errors import CrontopusError, NotFound, Throttled, Unavailable
from crontopus.wire.accounts import (
    CreatedToken,
    Me,
    Namespace,
    NamespacePatch,
    NewNamespace,
    NewOwnToken,
    NewToken,
    Rotation,
    Session,
    SetUp,
    SetUpState,
    SignIn,
    Token,
)
from crontopus.wire.announcements import Announced, Announcement, AnnouncementPatch, NewAnnouncement
from crontopus.wire.audit import AuditEntry, AuditVerdict, SystemAuditEntry, SystemAuditVerdict
from crontopus.wire.backups import Backups, MadeBackup
from crontopus.wire.common import Page
from crontopus.wire.devices import Device, DeviceCode, DeviceCodes, DeviceDecision, DeviceRequest, UserCode
from crontopus.wire.factors import (
    AuthenticatorCode,
    Factors,
    NewAuthenticator,
    NewPasskey,
    Passkey,
    PasskeyOptions,
    PasskeyPatch,
    PasskeySignIn,
    RecoveryCodes,
    SecondFactor,
)
from crontopus.wire.impersonations import Impersonation, NewImpersonation, Raise
from crontopus.wire.installation import PasswordLink, Setting, User, UserPatch, Vitals
from crontopus.wire.jobs import Bulk, BulkResult, Job, JobPatch, NewJob, Pause, Watch
from crontopus.wire.mail import (
    MailState,
    PasswordReset,
    PasswordResetCode,
    PasswordResetRequest,
    PasswordResetState,
    TrialLetter,
)
from crontopus.wire.people import (
    Acceptance,
    Confirmation,
    CreatedInvitation,
    Invitation,
    InvitationCode,
    InvitationState,
    Member,
    MemberPatch,
    MePatch,
    NewInvitation,
    NewPassword,
    SessionInfo,
    Switch,
    Tenant,
    TenantPatch,
)
from crontopus.wire.problem import Problem
from crontopus.wire.providers import (
    NewProvider,
    ProvidedSession,
    Provider,
    ProviderAnswer,
    ProviderCheck,
    ProviderOffer,
    ProviderPatch,
    ProviderRedirect,
    ProviderVisit,
)
from crontopus.wire.runs import CheckIn, CheckInAnswer, CheckInAnswers, Gap, Log, Run, Settle, StoredCheckIn
from crontopus.wire.schedules import Crontab, CrontabRequest, Preview, PreviewRequest
from crontopus.wire.tenants import CreatedTenant, Export, NewTenant, Suspension, TenantInfo
from crontopus.wire.tiers import NewTier, Sort, TenantRank, TenantUsage, Tier, TierChoice, TierPatch

T = TypeVar("T")
SESSION_COOKIE = "crontopus_session"
USER_HEADER = "x-crontopus-user"
"""Whom a trusted proxy has signed in; the door of the appliance lets it in from nowhere else."""
TOO_MANY = 429
Patience = Callable[[int], Awaitable[bool]]
"""Is given the seconds that the server asks one to wait."""


class Unreachable(Unavailable):
    """No answer: the server is away, or the address is wrong."""


class Client:
    """`token` or `session` is the credential, neither for what needs none. Close it, or use it as `async with`.

    Where a read is refused because there were too many, `patience` is asked, and the read is sent once more if it says
    so after having waited.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        session: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 30,
        patience: Patience | None = None,
    ) -> None:
        self._patience = patience
        credential = {"Authorization": f"Bearer {token}"} if token else {}
        cookie = {"Cookie": f"{SESSION_COOKIE}={session}"} if session else {}
        self.http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/api/v1",
            headers={**credential, **cookie, "Accept": "application/json", **(headers or {})},
            transport=transport,
            timeout=timeout_seconds,
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        answer: type[T],
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: str | int | bool | None,
    ) -> T:
        """One request. Raises the `CrontopusError` the server raised, or `Unreachable`.

        A query parameter that is None is left out; `body` is a Struct or anything msgspec encodes.
        """
        request = self.http.build_request(
            method,
            path,
            content=None if body is None else msgspec.json.encode(body),
            headers={**({} if body is None else {"Content-Type": "application/json"}), **(headers or {})},
            params={name: _parameter(value) for name, value in query.items() if value is not None},
        )
        response = await self._sent(request)
        if response.status_code == TOO_MANY and method == "GET" and await self._waits(response):
            response = await self._sent(request)
        if response.is_error:
            raise _raised(response)
        return msgspec.json.decode(response.content or b"null", type=answer)

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self.http.send(request)
        except httpx.TransportError as error:
            raise Unreachable(f"{self.http.base_url.host} does not answer: {error or type(error).__name__}") from error

    async def _waits(self, response: httpx.Response) -> bool:
        seconds = _retry_after(response)
        return self._patience is not None and seconds is not None and await self._patience(seconds)

    @asynccontextmanager
    async def _streamed(self, path: str, **query: str) -> AsyncIterator[httpx.Response]:
        """An answer as it comes, however long it takes. Raises as `call`, but for what breaks within it."""
        async with self.http.stream("GET", path, params=query, timeout=None) as response:
            if response.is_error:
                await response.aread()
                raise _raised(response)
            yield response

    # set-up and sign-in

    async def ask_for_password(self, email: str) -> None:
        await self.call("POST", "/password-resets", type(None), PasswordResetRequest(email=email))

    async def open_password_reset(self, code: str) -> PasswordResetState:
        return await self.call("POST", "/password-resets/open", PasswordResetState, PasswordResetCode(code=code))

    async def use_password_reset(self, code: str, password: str) -> None:
        await self.call("POST", "/password-resets/use", type(None), PasswordReset(code=code, password=password))

    async def set_up_state(self, code: str = "") -> SetUpState:
        return await self.call("GET", "/setup", SetUpState, code=code)

    async def set_up(self, form: SetUp) -> Session:
        return await self.call("POST", "/setup", Session, form)

    async def sign_in(self, form: SignIn) -> Session:
        return await self.call("POST", "/sessions", Session, form)

    async def sign_in_by_proxy(self) -> Session:
        return await self.call("POST", "/sessions/proxy", Session)

    async def passkey_sign_in_options(self) -> PasskeyOptions:
        return await self.call("POST", "/sessions/passkey-options", PasskeyOptions)

    async def sign_in_with_passkey(self, passkey: dict[str, Any]) -> Session:
        return await self.call("POST", "/sessions/passkey", Session, PasskeySignIn(passkey=passkey))

    async def passkey_options(self) -> PasskeyOptions:
        return await self.call("POST", "/sessions/current/passkey-options", PasskeyOptions)

    async def finish_sign_in(self, code: str = "", passkey: dict[str, Any] | None = None) -> Session:
        form = SecondFactor(code=code, passkey=passkey)
        return await self.call("POST", "/sessions/current/second-factor", Session, form)

    async def sign_out(self) -> None:
        await self.call("DELETE", "/sessions/current", type(None))

    async def me(self) -> Me:
        return await self.call("GET", "/me", Me)

    async def tenants(self) -> Page[Tenant]:
        return await self.call("GET", "/tenants", Page[Tenant])

    async def tenant(self) -> TenantInfo:
        return await self.call("GET", "/tenants/current", TenantInfo)

    # sign-in providers

    async def providers(self) -> Page[Provider]:
        return await self.call("GET", "/providers", Page[Provider])

    async def provider(self, provider: UUID | str) -> Provider:
        return await self.call("GET", f"/providers/{_segment(provider)}", Provider)

    async def add_provider(self, new: NewProvider) -> Provider:
        return await self.call("POST", "/providers", Provider, new)

    async def edit_provider(self, provider: UUID | str, changes: ProviderPatch) -> Provider:
        return await self.call("PATCH", f"/providers/{_segment(provider)}", Provider, changes)

    async def remove_provider(self, provider: UUID | str) -> None:
        await self.call("DELETE", f"/providers/{_segment(provider)}", type(None))

    async def check_provider(self, provider: UUID | str) -> ProviderCheck:
        return await self.call("POST", f"/providers/{_segment(provider)}/check", ProviderCheck)

    async def offered_providers(self) -> Page[ProviderOffer]:
        return await self.call("GET", "/sign-in/providers", Page[ProviderOffer])

    async def offered_provider(self, provider: UUID | str) -> ProviderOffer:
        return await self.call("GET", f"/sign-in/providers/{_segment(provider)}", ProviderOffer)

    async def visit_provider(self, provider: UUID | str, form: ProviderVisit) -> ProviderRedirect:
        return await self.call("POST", f"/sign-in/providers/{_segment(provider)}/visit", ProviderRedirect, form)

    async def finish_provider_sign_in(self, answer: ProviderAnswer) -> ProvidedSession:
        return await self.call("POST", "/sign-in/finish", ProvidedSession, answer)

    async def usage(self) -> TenantUsage:
        return await self.call("GET", "/tenants/current/usage", TenantUsage)

    async def edit_tenant(self, changes: TenantPatch) -> TenantInfo:
        return await self.call("PATCH", "/tenants/current", TenantInfo, changes)

    async def delete_tenant(self) -> TenantInfo:
        return await self.call("DELETE", "/tenants/current", TenantInfo)

    async def restore_tenant(self) -> TenantInfo:
        return await self.call("POST", "/tenants/current/restore", TenantInfo)

    async def exports(self) -> Page[Export]:
        return await self.call("GET", "/tenants/current/exports", Page[Export])

    async def export_tenant(self) -> Export:
        return await self.call("POST", "/tenants/current/exports", Export)

    def download_export(self, export: UUID | str) -> AbstractAsyncContextManager[httpx.Response]:
        """The file as it comes, however long."""
        return self._streamed(f"/tenants/current/exports/{_segment(export)}/content")

    async def switch_tenant(self, tenant: UUID) -> Tenant:
        return await self.call("POST", "/sessions/current/switch", Tenant, Switch(tenant=tenant))

    async def confirm(self, password: str = "", *, code: str = "", passkey: dict[str, Any] | None = None) -> None:
        form = Confirmation(password=password, code=code, passkey=passkey)
        await self.call("POST", "/sessions/current/confirm", type(None), form)

    async def sessions(self) -> Page[SessionInfo]:
        return await self.call("GET", "/sessions", Page[SessionInfo])

    async def end_session(self, session: UUID | str) -> None:
        await self.call("DELETE", f"/sessions/{_segment(session)}", type(None))

    async def edit_me(self, changes: MePatch) -> None:
        await self.call("PATCH", "/me", type(None), changes)

    async def change_password(self, old: str, new: str) -> None:
        await self.call("POST", "/me/password", type(None), NewPassword(old=old, new=new))

    async def own_tokens(self) -> Page[Token]:
        return await self.call("GET", "/me/tokens", Page[Token])

    async def add_own_token(self, new: NewOwnToken) -> CreatedToken:
        return await self.call("POST", "/me/tokens", CreatedToken, new)

    async def revoke_own_token(self, token: UUID | str) -> None:
        await self.call("DELETE", f"/me/tokens/{_segment(token)}", type(None))

    # second factors of one's own

    async def factors(self) -> Factors:
        return await self.call("GET", "/me/factors", Factors)

    async def enrol_authenticator(self) -> NewAuthenticator:
        return await self.call("POST", "/me/factors/totp", NewAuthenticator)

    async def confirm_authenticator(self, code: str) -> RecoveryCodes:
        return await self.call("POST", "/me/factors/totp/confirm", RecoveryCodes, AuthenticatorCode(code=code))

    async def remove_authenticator(self) -> None:
        await self.call("DELETE", "/me/factors/totp", type(None))

    async def add_recovery_codes(self) -> RecoveryCodes:
        return await self.call("POST", "/me/recovery-codes", RecoveryCodes)

    async def new_passkey_options(self) -> PasskeyOptions:
        return await self.call("POST", "/me/passkeys/options", PasskeyOptions)

    async def add_passkey(self, new: NewPasskey) -> RecoveryCodes:
        return await self.call("POST", "/me/passkeys", RecoveryCodes, new)

    async def edit_passkey(self, passkey: UUID | str, changes: PasskeyPatch) -> Passkey:
        return await self.call("PATCH", f"/me/passkeys/{_segment(passkey)}", Passkey, changes)

    async def remove_passkey(self, passkey: UUID | str) -> None:
        await self.call("DELETE", f"/me/passkeys/{_segment(passkey)}", type(None))

    # a machine that is signed in from another

    async def ask_for_device(self, name: str) -> DeviceCodes:
        return await self.call("POST", "/device/code", DeviceCodes, DeviceRequest(name=name))

    async def fetch_device_token(self, device_code: str) -> CreatedToken:
        return await self.call("POST", "/device/token", CreatedToken, DeviceCode(device_code=device_code))

    async def open_device(self, user_code: str) -> Device:
        return await self.call("POST", "/device/open", Device, UserCode(user_code=user_code))

    async def decide_device(self, user_code: str, *, allow: bool) -> Device:
        return await self.call("POST", "/device/decide", Device, DeviceDecision(user_code=user_code, allow=allow))

    # members and invitations

    async def members(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Member]:
        return await self.call("GET", "/members", Page[Member], cursor=cursor, limit=limit)

    async def member(self, member: UUID | str) -> Member:
        return await self.call("GET", f"/members/{_segment(member)}", Member)

    async def edit_member(self, member: UUID | str, changes: MemberPatch) -> Member:
        return await self.call("PATCH", f"/members/{_segment(member)}", Member, changes)

    async def remove_member(self, member: UUID | str) -> None:
        await self.call("DELETE", f"/members/{_segment(member)}", type(None))

    async def invitations(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Invitation]:
        return await self.call("GET", "/invitations", Page[Invitation], cursor=cursor, limit=limit)

    async def invite(self, new: NewInvitation) -> CreatedInvitation:
        return await self.call("POST", "/invitations", CreatedInvitation, new)

    async def uninvite(self, invitation: UUID | str) -> None:
        await self.call("DELETE", f"/invitations/{_segment(invitation)}", type(None))

    async def open_invitation(self, code: str) -> InvitationState:
        return await self.call("POST", "/invitations/open", InvitationState, InvitationCode(code=code))

    async def accept_invitation(self, form: Acceptance) -> Session:
        return await self.call("POST", "/invitations/accept", Session, form)

    # namespaces and tokens

    async def namespaces(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Namespace]:
        return await self.call("GET", "/namespaces", Page[Namespace], cursor=cursor, limit=limit)

    async def namespace(self, slug: str) -> Namespace:
        return await self.call("GET", f"/namespaces/{_segment(slug)}", Namespace)

    async def add_namespace(self, new: NewNamespace) -> Namespace:
        return await self.call("POST", "/namespaces", Namespace, new)

    async def edit_namespace(self, slug: str, patch: NamespacePatch | Mapping[str, Any]) -> Namespace:
        return await self.call("PATCH", f"/namespaces/{_segment(slug)}", Namespace, patch)

    async def rotate_ping_key(self, slug: str) -> Namespace:
        """A new ping key; the old one stops at once."""
        return await self.call("POST", f"/namespaces/{_segment(slug)}/rotate-ping-key", Namespace)

    async def delete_namespace(self, slug: str) -> None:
        await self.call("DELETE", f"/namespaces/{_segment(slug)}", type(None))

    async def tokens(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Token]:
        return await self.call("GET", "/tokens", Page[Token], cursor=cursor, limit=limit)

    async def add_token(self, new: NewToken) -> CreatedToken:
        return await self.call("POST", "/tokens", CreatedToken, new)

    async def rotate_token(self, token: UUID | str, overlap: float | str = 0) -> CreatedToken:
        return await self.call("POST", f"/tokens/{_segment(token)}/rotate", CreatedToken, Rotation(overlap=overlap))

    async def revoke_token(self, token: UUID | str) -> None:
        await self.call("DELETE", f"/tokens/{_segment(token)}", type(None))

    # jobs; `job` is an id or namespace/slug

    async def jobs(
        self, *, q: str | None = None, sort: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[Job]:
        return await self.call("GET", "/jobs", Page[Job], q=q, sort=sort, cursor=cursor, limit=limit)

    async def job_counts(self, *, q: str | None = None) -> dict[str, int]:
        """How many jobs of each status `q` finds, and `total`."""
        return await self.call("GET", "/jobs/counts", dict[str, int], q=q)

    async def job(self, job: UUID | str) -> Job:
        return await self.call("GET", f"/jobs/{_job(job)}", Job)

    async def add_job(self, new: NewJob, *, idempotency_key: str | None = None) -> Job:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return await self.call("POST", "/jobs", Job, new, headers=headers)

    async def edit_job(
        self, job: UUID | str, patch: JobPatch | Mapping[str, Any], *, version: int | None = None
    ) -> Job:
        """Raises LostRace where `version` is given and no longer the newest."""
        headers = {"If-Match": f'"{version}"'} if version is not None else {}
        return await self.call("PATCH", f"/jobs/{_job(job)}", Job, patch, headers=headers)

    async def delete_job(self, job: UUID | str) -> None:
        await self.call("DELETE", f"/jobs/{_job(job)}", type(None))

    async def pause_job(self, job: UUID | str, until: datetime | None = None) -> Job:
        return await self.call("POST", f"/jobs/{_job(job)}/pause", Job, Pause(until=until))

    async def resume_job(self, job: UUID | str) -> Job:
        return await self.call("POST", f"/jobs/{_job(job)}/resume", Job)

    async def change_jobs(self, bulk: Bulk) -> BulkResult:
        return await self.call("POST", "/jobs/bulk", BulkResult, bulk)

    async def next_runs(self, job: UUID | str, count: int = 10) -> Preview:
        return await self.call("GET", f"/jobs/{_job(job)}/next", Preview, count=count)

    async def watches(self, job: UUID | str) -> Page[Watch]:
        return await self.call("GET", f"/jobs/{_job(job)}/watches", Page[Watch])

    async def job_runs(
        self,
        job: UUID | str,
        *,
        q: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[Run]:
        return await self.call("GET", f"/jobs/{_job(job)}/runs", Page[Run], q=q, cursor=cursor, limit=limit)

    async def job_check_ins(
        self, job: UUID | str, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[StoredCheckIn]:
        path = f"/jobs/{_job(job)}/check-ins"
        return await self.call("GET", path, Page[StoredCheckIn], cursor=cursor, limit=limit)

    # runs and check-ins

    async def runs(self, *, q: str | None = None, cursor: str | None = None, limit: int | None = None) -> Page[Run]:
        return await self.call("GET", "/runs", Page[Run], q=q, cursor=cursor, limit=limit)

    async def newest_runs(self, jobs: Sequence[UUID], *, each: int | None = None) -> Page[Run]:
        return await self.call("GET", "/runs/newest", Page[Run], jobs=",".join(map(str, jobs)), each=each)

    async def run(self, run: UUID | str) -> Run:
        return await self.call("GET", f"/runs/{_run(run)}", Run)

    async def run_log(self, run: UUID | str) -> Log:
        return await self.call("GET", f"/runs/{_run(run)}/log", Log)

    async def run_check_ins(self, run: UUID | str) -> Page[StoredCheckIn]:
        return await self.call("GET", f"/runs/{_run(run)}/check-ins", Page[StoredCheckIn])

    async def settle_run(self, run: UUID | str, *, succeeded: bool) -> Run:
        return await self.call("POST", f"/runs/{_run(run)}/settle", Run, Settle(succeeded=succeeded))

    async def check_in(self, check_in: CheckIn) -> CheckInAnswer:
        return await self.call("POST", "/check-ins", CheckInAnswer, check_in)

    async def check_ins(self, several: list[CheckIn]) -> CheckInAnswers:
        return await self.call("POST", "/check-ins", CheckInAnswers, several)

    async def gaps(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Gap]:
        return await self.call("GET", "/gaps", Page[Gap], cursor=cursor, limit=limit)

    # audit

    async def audit(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[AuditEntry]:
        return await self.call(
            "GET",
            "/audit",
            Page[AuditEntry],
            actor=actor,
            action=action,
            target=str(target) if target else None,
            since=since.isoformat() if since else None,
            until=until.isoformat() if until else None,
            cursor=cursor,
            limit=limit,
        )

    def export_audit(self, form: str = "ndjson") -> AbstractAsyncContextManager[httpx.Response]:
        """The log as it comes, however long."""
        return self._streamed("/audit/export", format=form)

    async def verify_audit(self) -> AuditVerdict:
        return await self.call("GET", "/audit/verify", AuditVerdict)

    # for those who run the installation

    async def admin_tenants(
        self, *, q: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[TenantInfo]:
        return await self.call("GET", "/admin/tenants", Page[TenantInfo], q=q, cursor=cursor, limit=limit)

    async def admin_tenant(self, tenant: UUID | str) -> TenantInfo:
        return await self.call("GET", f"/admin/tenants/{_segment(tenant)}", TenantInfo)

    async def add_tenant(self, new: NewTenant) -> CreatedTenant:
        return await self.call("POST", "/admin/tenants", CreatedTenant, new)

    async def admin_edit_tenant(self, tenant: UUID | str, changes: TenantPatch) -> TenantInfo:
        return await self.call("PATCH", f"/admin/tenants/{_segment(tenant)}", TenantInfo, changes)

    async def suspend_tenant(self, tenant: UUID | str, why: str) -> TenantInfo:
        return await self.call("POST", f"/admin/tenants/{_segment(tenant)}/suspend", TenantInfo, Suspension(why=why))

    async def resume_tenant(self, tenant: UUID | str) -> TenantInfo:
        return await self.call("POST", f"/admin/tenants/{_segment(tenant)}/resume", TenantInfo)

    async def admin_delete_tenant(self, tenant: UUID | str) -> TenantInfo:
        return await self.call("DELETE", f"/admin/tenants/{_segment(tenant)}", TenantInfo)

    async def admin_restore_tenant(self, tenant: UUID | str) -> TenantInfo:
        return await self.call("POST", f"/admin/tenants/{_segment(tenant)}/restore", TenantInfo)

    async def admin_tiers(self) -> Page[Tier]:
        return await self.call("GET", "/admin/tiers", Page[Tier])

    async def admin_tier(self, tier: UUID | str) -> Tier:
        return await self.call("GET", f"/admin/tiers/{_segment(tier)}", Tier)

    async def add_tier(self, new: NewTier) -> Tier:
        return await self.call("POST", "/admin/tiers", Tier, new)

    async def edit_tier(self, tier: UUID | str, changes: TierPatch) -> Tier:
        return await self.call("PATCH", f"/admin/tiers/{_segment(tier)}", Tier, changes)

    async def delete_tier(self, tier: UUID | str) -> None:
        return await self.call("DELETE", f"/admin/tiers/{_segment(tier)}", type(None))

    async def give_tier(self, tenant: UUID | str, tier: UUID) -> TenantInfo:
        return await self.call("PATCH", f"/admin/tenants/{_segment(tenant)}/tier", TenantInfo, TierChoice(tier=tier))

    async def admin_usage(
        self, *, sort: Sort | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[TenantRank]:
        return await self.call("GET", "/admin/usage", Page[TenantRank], sort=sort, cursor=cursor, limit=limit)

    async def admin_users(
        self, *, q: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[User]:
        return await self.call("GET", "/admin/users", Page[User], q=q, cursor=cursor, limit=limit)

    async def admin_user(self, user: UUID | str) -> User:
        return await self.call("GET", f"/admin/users/{_segment(user)}", User)

    async def edit_user(self, user: UUID | str, changes: UserPatch) -> User:
        return await self.call("PATCH", f"/admin/users/{_segment(user)}", User, changes)

    async def disable_user(self, user: UUID | str) -> User:
        return await self.call("POST", f"/admin/users/{_segment(user)}/disable", User)

    async def enable_user(self, user: UUID | str) -> User:
        return await self.call("POST", f"/admin/users/{_segment(user)}/enable", User)

    async def end_sessions_of_user(self, user: UUID | str) -> User:
        return await self.call("POST", f"/admin/users/{_segment(user)}/end-sessions", User)

    async def reset_factors_of_user(self, user: UUID | str) -> User:
        return await self.call("POST", f"/admin/users/{_segment(user)}/reset-factors", User)

    async def announcements(self) -> Page[Announced]:
        return await self.call("GET", "/announcements", Page[Announced])

    async def dismiss_announcement(self, announcement: UUID | str) -> None:
        await self.call("POST", f"/announcements/{_segment(announcement)}/dismiss", type(None))

    async def admin_announcements(self) -> Page[Announcement]:
        return await self.call("GET", "/admin/announcements", Page[Announcement])

    async def announce(self, new: NewAnnouncement) -> Announcement:
        return await self.call("POST", "/admin/announcements", Announcement, new)

    async def edit_announcement(self, announcement: UUID | str, changes: AnnouncementPatch) -> Announcement:
        return await self.call("PATCH", f"/admin/announcements/{_segment(announcement)}", Announcement, changes)

    async def delete_announcement(self, announcement: UUID | str) -> None:
        await self.call("DELETE", f"/admin/announcements/{_segment(announcement)}", type(None))

    async def admin_impersonations(
        self, tenant: UUID | str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[Impersonation]:
        wanted = None if tenant is None else str(tenant)
        return await self.call(
            "GET", "/admin/impersonations", Page[Impersonation], tenant=wanted, cursor=cursor, limit=limit
        )

    async def impersonate(self, new: NewImpersonation) -> Impersonation:
        return await self.call("POST", "/admin/impersonations", Impersonation, new)

    async def raise_impersonation(self, impersonation: UUID, why: str) -> Impersonation:
        return await self.call("POST", f"/admin/impersonations/{impersonation}/raise", Impersonation, Raise(why=why))

    async def end_impersonation(self, impersonation: UUID | str) -> None:
        await self.call("DELETE", f"/admin/impersonations/{_segment(impersonation)}", type(None))

    async def impersonations(self, cursor: str | None = None, limit: int | None = None) -> Page[Impersonation]:
        return await self.call(
            "GET", "/tenants/current/impersonations", Page[Impersonation], cursor=cursor, limit=limit
        )

    async def own_impersonations(self, cursor: str | None = None, limit: int | None = None) -> Page[Impersonation]:
        return await self.call("GET", "/me/impersonations", Page[Impersonation], cursor=cursor, limit=limit)

    async def link_for_password(self, user: UUID | str) -> PasswordLink:
        return await self.call("POST", f"/admin/users/{_segment(user)}/password-link", PasswordLink)

    def diagnostics(self) -> AbstractAsyncContextManager[httpx.Response]:
        """The file as it comes."""
        return self._streamed("/admin/diagnostics")

    async def admin_audit(
        self,
        *,
        tenant: UUID | None = None,
        actor: str | None = None,
        action: str | None = None,
        target: UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[SystemAuditEntry]:
        return await self.call(
            "GET",
            "/admin/audit",
            Page[SystemAuditEntry],
            tenant=str(tenant) if tenant else None,
            actor=actor,
            action=action,
            target=str(target) if target else None,
            since=since.isoformat() if since else None,
            until=until.isoformat() if until else None,
            cursor=cursor,
            limit=limit,
        )

    def export_admin_audit(self, form: str = "ndjson") -> AbstractAsyncContextManager[httpx.Response]:
        """All logs as they come, however long."""
        return self._streamed("/admin/audit/export", format=form)

    async def verify_admin_audit(self) -> Page[SystemAuditVerdict]:
        return await self.call("GET", "/admin/audit/verify", Page[SystemAuditVerdict])

    async def admin_backups(self) -> Backups:
        return await self.call("GET", "/admin/backups", Backups)

    async def make_backup(self) -> MadeBackup:
        return await self.call("POST", "/admin/backups", MadeBackup)

    async def admin_mail(self) -> MailState:
        return await self.call("GET", "/admin/mail", MailState)

    async def try_mail(self, to: str) -> None:
        await self.call("POST", "/admin/mail/trial", type(None), TrialLetter(to=to))

    async def admin_health(self) -> Vitals:
        return await self.call("GET", "/admin/health", Vitals)

    async def admin_config(self) -> Page[Setting]:
        return await self.call("GET", "/admin/config", Page[Setting])

    # schedules

    async def preview(self, request: PreviewRequest) -> Preview:
        return await self.call("POST", "/schedules/preview", Preview, request)

    async def parse_crontab(self, request: CrontabRequest) -> Crontab:
        return await self.call("POST", "/crontabs/parse", Crontab, request)

    @asynccontextmanager
    async def events(self, last_event_id: str | None = None) -> AsyncIterator[httpx.Response]:
        """The live stream as it comes, text/event-stream; closing it ends it at the server too."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_event_id} if last_event_id else {})}
        async with self.http.stream("GET", "/events", headers=headers, timeout=None) as response:
            if response.is_error:
                await response.aread()
                raise _raised(response)
            yield response


def _raised(response: httpx.Response) -> CrontopusError:
    """The server's error; where the answer is no problem document (a proxy's page), its status in words."""
    try:
        error = msgspec.json.decode(response.content, type=Problem).as_error()
        if isinstance(error, Throttled | Unavailable):
            error.retry_after_seconds = _retry_after(response) or error.retry_after_seconds
        return error
    except msgspec.MsgspecError:
        return Unavailable(f"the server answered {response.status_code} {response.reason_phrase}")


def _retry_after(response: httpx.Response) -> int | None:
    """In seconds; None where it says nothing, or an instant."""
    given = response.headers.get("retry-after", "")
    return int(given) if re.fullmatch("[0-9]{1,6}", given) else None


def _parameter(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _segment(value: UUID | str) -> str:
    """One path segment: what a person typed can never reach another route."""
    return (
        str(httpx.URL("", params={"": str(value)})).partition("=")[2].replace("+", "%20").replace("/", "%2F") or "%20"
    )


def _run(run: UUID | str) -> UUID:
    """Raises NotFound for what is no id: no route has such an address, and the server could not say what is missing."""
    try:
        return UUID(str(run))
    except ValueError:
        raise NotFound(f"no run {run!r}") from None


def _job(job: UUID | str) -> str:
    """An id as it is; `namespace/slug` as `namespace:slug`, so that it is one segment."""
    return quote(str(job).replace("/", ":", 1), safe=":") or "%20"
