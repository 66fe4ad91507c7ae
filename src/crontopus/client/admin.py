"""The installation: for those who run it."""

from contextlib import AbstractAsyncContextManager
from typing import Unpack
from uuid import UUID

import httpx

from crontopus.client.http import Http, segment
from crontopus.wire.announcements import Announcement, AnnouncementPatch, NewAnnouncement
from crontopus.wire.audit import SystemAuditEntry, SystemAuditFilter, SystemAuditVerdict
from crontopus.wire.backups import Backups, MadeBackup
from crontopus.wire.common import Page
from crontopus.wire.impersonations import Impersonation, NewImpersonation, Raise
from crontopus.wire.installation import PasswordLink, Setting, User, UserPatch, Vitals
from crontopus.wire.mail import MailState, TrialLetter
from crontopus.wire.people import TenantPatch
from crontopus.wire.tenants import CreatedTenant, NewTenant, Suspension, TenantInfo
from crontopus.wire.tiers import NewTier, Sort, TenantRank, Tier, TierChoice, TierPatch


class Admin(Http):
    """Of all tenants, and of the server itself."""

    async def admin_tenants(
        self, *, q: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[TenantInfo]:
        return await self.call("GET", "/admin/tenants", Page[TenantInfo], q=q, cursor=cursor, limit=limit)

    async def admin_tenant(self, tenant: UUID | str) -> TenantInfo:
        return await self.call("GET", f"/admin/tenants/{segment(tenant)}", TenantInfo)

    async def add_tenant(self, new: NewTenant) -> CreatedTenant:
        return await self.call("POST", "/admin/tenants", CreatedTenant, new)

    async def admin_edit_tenant(self, tenant: UUID | str, changes: TenantPatch) -> TenantInfo:
        return await self.call("PATCH", f"/admin/tenants/{segment(tenant)}", TenantInfo, changes)

    async def suspend_tenant(self, tenant: UUID | str, why: str) -> TenantInfo:
        return await self.call("POST", f"/admin/tenants/{segment(tenant)}/suspend", TenantInfo, Suspension(why=why))

    async def resume_tenant(self, tenant: UUID | str) -> TenantInfo:
        return await self.call("POST", f"/admin/tenants/{segment(tenant)}/resume", TenantInfo)

    async def admin_delete_tenant(self, tenant: UUID | str) -> TenantInfo:
        return await self.call("DELETE", f"/admin/tenants/{segment(tenant)}", TenantInfo)

    async def admin_restore_tenant(self, tenant: UUID | str) -> TenantInfo:
        return await self.call("POST", f"/admin/tenants/{segment(tenant)}/restore", TenantInfo)

    async def admin_tiers(self) -> Page[Tier]:
        return await self.call("GET", "/admin/tiers", Page[Tier])

    async def admin_tier(self, tier: UUID | str) -> Tier:
        return await self.call("GET", f"/admin/tiers/{segment(tier)}", Tier)

    async def add_tier(self, new: NewTier) -> Tier:
        return await self.call("POST", "/admin/tiers", Tier, new)

    async def edit_tier(self, tier: UUID | str, changes: TierPatch) -> Tier:
        return await self.call("PATCH", f"/admin/tiers/{segment(tier)}", Tier, changes)

    async def delete_tier(self, tier: UUID | str) -> None:
        return await self.call("DELETE", f"/admin/tiers/{segment(tier)}", type(None))

    async def give_tier(self, tenant: UUID | str, tier: UUID) -> TenantInfo:
        return await self.call("PATCH", f"/admin/tenants/{segment(tenant)}/tier", TenantInfo, TierChoice(tier=tier))

    async def admin_usage(
        self, *, sort: Sort | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[TenantRank]:
        return await self.call("GET", "/admin/usage", Page[TenantRank], sort=sort, cursor=cursor, limit=limit)

    async def admin_users(
        self, *, q: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[User]:
        return await self.call("GET", "/admin/users", Page[User], q=q, cursor=cursor, limit=limit)

    async def admin_user(self, user: UUID | str) -> User:
        return await self.call("GET", f"/admin/users/{segment(user)}", User)

    async def edit_user(self, user: UUID | str, changes: UserPatch) -> User:
        return await self.call("PATCH", f"/admin/users/{segment(user)}", User, changes)

    async def disable_user(self, user: UUID | str) -> User:
        return await self.call("POST", f"/admin/users/{segment(user)}/disable", User)

    async def enable_user(self, user: UUID | str) -> User:
        return await self.call("POST", f"/admin/users/{segment(user)}/enable", User)

    async def end_sessions_of_user(self, user: UUID | str) -> User:
        return await self.call("POST", f"/admin/users/{segment(user)}/end-sessions", User)

    async def reset_factors_of_user(self, user: UUID | str) -> User:
        return await self.call("POST", f"/admin/users/{segment(user)}/reset-factors", User)

    async def admin_announcements(self) -> Page[Announcement]:
        return await self.call("GET", "/admin/announcements", Page[Announcement])

    async def announce(self, new: NewAnnouncement) -> Announcement:
        return await self.call("POST", "/admin/announcements", Announcement, new)

    async def edit_announcement(self, announcement: UUID | str, changes: AnnouncementPatch) -> Announcement:
        return await self.call("PATCH", f"/admin/announcements/{segment(announcement)}", Announcement, changes)

    async def delete_announcement(self, announcement: UUID | str) -> None:
        await self.call("DELETE", f"/admin/announcements/{segment(announcement)}", type(None))

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
        await self.call("DELETE", f"/admin/impersonations/{segment(impersonation)}", type(None))

    async def link_for_password(self, user: UUID | str) -> PasswordLink:
        return await self.call("POST", f"/admin/users/{segment(user)}/password-link", PasswordLink)

    def diagnostics(self) -> AbstractAsyncContextManager[httpx.Response]:
        """The file as it comes."""
        return self.streamed("/admin/diagnostics")

    async def admin_audit(
        self, *, cursor: str | None = None, limit: int | None = None, **wanted: Unpack[SystemAuditFilter]
    ) -> Page[SystemAuditEntry]:
        return await self.call("GET", "/admin/audit", Page[SystemAuditEntry], cursor=cursor, limit=limit, **wanted)

    def export_admin_audit(
        self, form: str = "ndjson", **wanted: Unpack[SystemAuditFilter]
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """All logs as they come, however long."""
        return self.streamed("/admin/audit/export", format=form, **wanted)

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
