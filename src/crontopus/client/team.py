"""A tenant: its people, its ways in, its namespaces, its tokens and its audit log."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Unpack
from uuid import UUID

import httpx

from crontopus.client.http import Http, segment
from crontopus.wire.accounts import CreatedToken, Namespace, NamespacePatch, NewNamespace, NewToken, Rotation, Token
from crontopus.wire.audit import AuditEntry, AuditFilter, AuditVerdict
from crontopus.wire.common import Page
from crontopus.wire.impersonations import Impersonation
from crontopus.wire.people import CreatedInvitation, Invitation, Member, MemberPatch, NewInvitation, TenantPatch
from crontopus.wire.providers import NewProvider, Provider, ProviderCheck, ProviderPatch
from crontopus.wire.tenants import Export, TenantInfo
from crontopus.wire.tiers import TenantUsage


class Team(Http):
    """Of the tenant that the credential is for."""

    async def tenant(self) -> TenantInfo:
        return await self.call("GET", "/tenants/current", TenantInfo)

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
        return self.streamed(f"/tenants/current/exports/{segment(export)}/content")

    async def providers(self) -> Page[Provider]:
        return await self.call("GET", "/providers", Page[Provider])

    async def provider(self, provider: UUID | str) -> Provider:
        return await self.call("GET", f"/providers/{segment(provider)}", Provider)

    async def add_provider(self, new: NewProvider) -> Provider:
        return await self.call("POST", "/providers", Provider, new)

    async def edit_provider(self, provider: UUID | str, changes: ProviderPatch) -> Provider:
        return await self.call("PATCH", f"/providers/{segment(provider)}", Provider, changes)

    async def remove_provider(self, provider: UUID | str) -> None:
        await self.call("DELETE", f"/providers/{segment(provider)}", type(None))

    async def check_provider(self, provider: UUID | str) -> ProviderCheck:
        return await self.call("POST", f"/providers/{segment(provider)}/check", ProviderCheck)

    async def members(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Member]:
        return await self.call("GET", "/members", Page[Member], cursor=cursor, limit=limit)

    async def member(self, member: UUID | str) -> Member:
        return await self.call("GET", f"/members/{segment(member)}", Member)

    async def edit_member(self, member: UUID | str, changes: MemberPatch) -> Member:
        return await self.call("PATCH", f"/members/{segment(member)}", Member, changes)

    async def remove_member(self, member: UUID | str) -> None:
        await self.call("DELETE", f"/members/{segment(member)}", type(None))

    async def invitations(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Invitation]:
        return await self.call("GET", "/invitations", Page[Invitation], cursor=cursor, limit=limit)

    async def invite(self, new: NewInvitation) -> CreatedInvitation:
        return await self.call("POST", "/invitations", CreatedInvitation, new)

    async def uninvite(self, invitation: UUID | str) -> None:
        await self.call("DELETE", f"/invitations/{segment(invitation)}", type(None))

    async def namespaces(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Namespace]:
        return await self.call("GET", "/namespaces", Page[Namespace], cursor=cursor, limit=limit)

    async def namespace(self, slug: str) -> Namespace:
        return await self.call("GET", f"/namespaces/{segment(slug)}", Namespace)

    async def add_namespace(self, new: NewNamespace) -> Namespace:
        return await self.call("POST", "/namespaces", Namespace, new)

    async def edit_namespace(self, slug: str, patch: NamespacePatch | Mapping[str, Any]) -> Namespace:
        return await self.call("PATCH", f"/namespaces/{segment(slug)}", Namespace, patch)

    async def rotate_ping_key(self, slug: str) -> Namespace:
        """A new ping key; the old one stops at once."""
        return await self.call("POST", f"/namespaces/{segment(slug)}/rotate-ping-key", Namespace)

    async def delete_namespace(self, slug: str) -> None:
        await self.call("DELETE", f"/namespaces/{segment(slug)}", type(None))

    async def tokens(self, *, cursor: str | None = None, limit: int | None = None) -> Page[Token]:
        return await self.call("GET", "/tokens", Page[Token], cursor=cursor, limit=limit)

    async def add_token(self, new: NewToken) -> CreatedToken:
        return await self.call("POST", "/tokens", CreatedToken, new)

    async def rotate_token(self, token: UUID | str, overlap: float | str = 0) -> CreatedToken:
        return await self.call("POST", f"/tokens/{segment(token)}/rotate", CreatedToken, Rotation(overlap=overlap))

    async def revoke_token(self, token: UUID | str) -> None:
        await self.call("DELETE", f"/tokens/{segment(token)}", type(None))

    async def audit(
        self, *, cursor: str | None = None, limit: int | None = None, **wanted: Unpack[AuditFilter]
    ) -> Page[AuditEntry]:
        return await self.call("GET", "/audit", Page[AuditEntry], cursor=cursor, limit=limit, **wanted)

    def export_audit(
        self, form: str = "ndjson", **wanted: Unpack[AuditFilter]
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """The log as it comes, however long."""
        return self.streamed("/audit/export", format=form, **wanted)

    async def verify_audit(self) -> AuditVerdict:
        return await self.call("GET", "/audit/verify", AuditVerdict)

    async def impersonations(self, cursor: str | None = None, limit: int | None = None) -> Page[Impersonation]:
        return await self.call(
            "GET", "/tenants/current/impersonations", Page[Impersonation], cursor=cursor, limit=limit
        )
