"""Signing in, and what people do with their own account."""

from typing import Any
from uuid import UUID

from crontopus.client.http import Http, segment
from crontopus.domain.digest import Every
from crontopus.wire.accounts import CreatedToken, Me, NewOwnToken, Session, SetUp, SetUpState, SignIn, Token
from crontopus.wire.announcements import Announced
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
from crontopus.wire.impersonations import Impersonation
from crontopus.wire.mail import PasswordReset, PasswordResetCode, PasswordResetRequest, PasswordResetState
from crontopus.wire.people import (
    Acceptance,
    Confirmation,
    Digest,
    DigestChoice,
    InvitationCode,
    InvitationState,
    MePatch,
    NewPassword,
    SessionInfo,
    Switch,
    Tenant,
)
from crontopus.wire.providers import ProvidedSession, ProviderAnswer, ProviderOffer, ProviderRedirect, ProviderVisit


class Account(Http):
    """Of whoever signs in, or is about to."""

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

    async def offered_providers(self) -> Page[ProviderOffer]:
        return await self.call("GET", "/sign-in/providers", Page[ProviderOffer])

    async def offered_provider(self, provider: UUID | str) -> ProviderOffer:
        return await self.call("GET", f"/sign-in/providers/{segment(provider)}", ProviderOffer)

    async def visit_provider(self, provider: UUID | str, form: ProviderVisit) -> ProviderRedirect:
        return await self.call("POST", f"/sign-in/providers/{segment(provider)}/visit", ProviderRedirect, form)

    async def finish_provider_sign_in(self, answer: ProviderAnswer) -> ProvidedSession:
        return await self.call("POST", "/sign-in/finish", ProvidedSession, answer)

    async def open_invitation(self, code: str) -> InvitationState:
        return await self.call("POST", "/invitations/open", InvitationState, InvitationCode(code=code))

    async def accept_invitation(self, form: Acceptance) -> Session:
        return await self.call("POST", "/invitations/accept", Session, form)

    async def sign_out(self) -> None:
        await self.call("DELETE", "/sessions/current", type(None))

    async def me(self) -> Me:
        return await self.call("GET", "/me", Me)

    async def tenants(self) -> Page[Tenant]:
        return await self.call("GET", "/tenants", Page[Tenant])

    async def switch_tenant(self, tenant: UUID) -> Tenant:
        return await self.call("POST", "/sessions/current/switch", Tenant, Switch(tenant=tenant))

    async def confirm(self, password: str = "", *, code: str = "", passkey: dict[str, Any] | None = None) -> None:
        form = Confirmation(password=password, code=code, passkey=passkey)
        await self.call("POST", "/sessions/current/confirm", type(None), form)

    async def sessions(self) -> Page[SessionInfo]:
        return await self.call("GET", "/sessions", Page[SessionInfo])

    async def end_session(self, session: UUID | str) -> None:
        await self.call("DELETE", f"/sessions/{segment(session)}", type(None))

    async def own_digest(self) -> Digest:
        return await self.call("GET", "/me/digest", Digest)

    async def ask_for_digest(self, every: Every | None) -> Digest:
        return await self.call("PATCH", "/me/digest", Digest, DigestChoice(every=every))

    async def edit_me(self, changes: MePatch) -> None:
        await self.call("PATCH", "/me", type(None), changes)

    async def change_password(self, old: str, new: str) -> None:
        await self.call("POST", "/me/password", type(None), NewPassword(old=old, new=new))

    async def own_tokens(self) -> Page[Token]:
        return await self.call("GET", "/me/tokens", Page[Token])

    async def add_own_token(self, new: NewOwnToken) -> CreatedToken:
        return await self.call("POST", "/me/tokens", CreatedToken, new)

    async def revoke_own_token(self, token: UUID | str) -> None:
        await self.call("DELETE", f"/me/tokens/{segment(token)}", type(None))

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
        return await self.call("PATCH", f"/me/passkeys/{segment(passkey)}", Passkey, changes)

    async def remove_passkey(self, passkey: UUID | str) -> None:
        await self.call("DELETE", f"/me/passkeys/{segment(passkey)}", type(None))

    async def ask_for_device(self, name: str) -> DeviceCodes:
        return await self.call("POST", "/device/code", DeviceCodes, DeviceRequest(name=name))

    async def fetch_device_token(self, device_code: str) -> CreatedToken:
        return await self.call("POST", "/device/token", CreatedToken, DeviceCode(device_code=device_code))

    async def open_device(self, user_code: str) -> Device:
        return await self.call("POST", "/device/open", Device, UserCode(user_code=user_code))

    async def decide_device(self, user_code: str, *, allow: bool) -> Device:
        return await self.call("POST", "/device/decide", Device, DeviceDecision(user_code=user_code, allow=allow))

    async def announcements(self) -> Page[Announced]:
        return await self.call("GET", "/announcements", Page[Announced])

    async def dismiss_announcement(self, announcement: UUID | str) -> None:
        await self.call("POST", f"/announcements/{segment(announcement)}/dismiss", type(None))

    async def own_impersonations(self, cursor: str | None = None, limit: int | None = None) -> Page[Impersonation]:
        return await self.call("GET", "/me/impersonations", Page[Impersonation], cursor=cursor, limit=limit)
