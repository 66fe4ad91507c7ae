"""One example of each body, as the reference shows it and as a test sends it."""

from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from crontopus.domain.access import Role, SystemRole
from crontopus.domain.alerts import AlertClass
from crontopus.domain.announcements import Weight
from crontopus.domain.routing import Also
from crontopus.domain.tiers import UNLIMITED, Quota
from crontopus.wire.accounts import NamespacePatch, NewNamespace, NewOwnToken, NewToken, Rotation, SetUp, SignIn
from crontopus.wire.alerts import (
    AlertLinkCode,
    ChannelPatch,
    Explain,
    NewChannel,
    NewRoute,
    Note,
    PreviewChannel,
    RoutePatch,
    Snooze,
    UnsubscribeCode,
)
from crontopus.wire.announcements import AnnouncementPatch, NewAnnouncement
from crontopus.wire.devices import DeviceCode, DeviceDecision, DeviceRequest, UserCode
from crontopus.wire.factors import AuthenticatorCode, NewPasskey, PasskeyPatch, PasskeySignIn, SecondFactor
from crontopus.wire.impersonations import NewImpersonation, Raise
from crontopus.wire.installation import UserPatch
from crontopus.wire.jobs import Bulk, BulkAction, JobPatch, NewJob, Pause
from crontopus.wire.mail import PasswordReset, PasswordResetCode, PasswordResetRequest, TrialLetter
from crontopus.wire.people import (
    Acceptance,
    Confirmation,
    DigestChoice,
    InvitationCode,
    MemberPatch,
    MePatch,
    NewInvitation,
    NewPassword,
    Switch,
    TenantPatch,
)
from crontopus.wire.providers import GroupRole, NewProvider, ProviderAnswer, ProviderPatch, ProviderVisit
from crontopus.wire.runs import CheckIn, OutputText, Settle
from crontopus.wire.schedules import CrontabRequest, PreviewRequest, Schedule
from crontopus.wire.silences import (
    CronTimes,
    MuteJob,
    NewSilence,
    NewWindow,
    SilencePatch,
    WhatMatches,
    WindowPatch,
    WindowTimes,
)
from crontopus.wire.tenants import NewTenant, Suspension
from crontopus.wire.tiers import NewTier, TierChoice, TierPatch

_PASSKEY = {
    "id": "AQIDBAUGBwgJCgsMDQ4PEA",
    "rawId": "AQIDBAUGBwgJCgsMDQ4PEA",
    "type": "public-key",
    "response": {"clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AAAA"},
}
"""In the form of what a browser makes; shortened, it opens nothing."""
BODIES: dict[str, Struct] = {
    "set_up": SetUp(code="the code in the link", email="you@example.com", password="a long sentence", tenant="Example"),  # noqa: S106
    "sign_in": SignIn(email="you@example.com", password="a long sentence"),  # noqa: S106
    "add_provider": NewProvider(
        name="Example SSO",
        issuer="https://login.example.com",
        client_id="crontopus",
        client_secret="what the provider gave you",  # noqa: S106
        domains=["example.com"],
        roles=[GroupRole(group="operations", role=Role.RESPONDER)],
        default_role=Role.VIEWER,
    ),
    "edit_provider": ProviderPatch(name="Example login", default_role=None),
    "visit_provider": ProviderVisit(next="/jobs?q=status:down"),
    "finish_provider_sign_in": ProviderAnswer(
        state="as it came back", binding="as it was kept", code="as it came back", iss="https://login.example.com"
    ),
    "edit_tenant": TenantPatch(name="Example Ltd."),
    "admin_edit_tenant": TenantPatch(name="Example Ltd."),
    "edit_user": UserPatch(system_role=SystemRole.SUPPORT),
    "add_tenant": NewTenant(name="Example Ltd.", owner="new@example.com"),
    "add_tier": NewTier(name="Small", quotas={Quota.JOBS: 100, Quota.OUTPUT: 50_000_000, Quota.RETENTION: 30}),
    "edit_tier": TierPatch(quotas={Quota.JOBS: 200, Quota.RETENTION: None}),
    "give_tier": TierChoice(tier=UNLIMITED),
    "suspend_tenant": Suspension(why="the bill of June is not paid"),
    "announce": NewAnnouncement(
        text="On Sunday at 06:00 UTC there is an upgrade. Check-ins are taken all the same.",
        since=datetime(2030, 1, 1, tzinfo=UTC),
        until=datetime(2030, 1, 7, tzinfo=UTC),
    ),
    "edit_announcement": AnnouncementPatch(severity=Weight.WARNING),
    "impersonate": NewImpersonation(
        tenant=UUID("0190a5c2-5b1e-7c3f-8a4d-2f1e6b7c8d90"), why="the jobs of the night are late", role=Role.VIEWER
    ),
    "raise_impersonation": Raise(why="they asked me to mend the schedule"),
    "switch_tenant": Switch(tenant=UUID("0190a5c2-5b1e-7c3f-8a4d-2f1e6b7c8d90")),
    "sign_in_with_passkey": PasskeySignIn(passkey=_PASSKEY),
    "finish_sign_in": SecondFactor(code="123456"),
    "confirm_authenticator": AuthenticatorCode(code="123456"),
    "add_passkey": NewPasskey(passkey=_PASSKEY, name="Laptop"),
    "edit_passkey": PasskeyPatch(name="Old laptop"),
    "ask_for_device": DeviceRequest(name="backup-host"),
    "fetch_device_token": DeviceCode(device_code="the code that it was given"),
    "open_device": UserCode(user_code="BCDF-GHJK"),
    "decide_device": DeviceDecision(user_code="BCDF-GHJK", allow=True),
    "confirm": Confirmation(password="a long sentence"),  # noqa: S106
    "add_own_token": NewOwnToken(name="command line at home"),
    "ask_for_digest": DigestChoice(every=None),
    "edit_me": MePatch(name="Ada", zone="Europe/Berlin", theme="dark"),
    "change_password": NewPassword(old="a long sentence", new="another long sentence"),
    "edit_member": MemberPatch(role=Role.EDITOR),
    "invite": NewInvitation(email="new@example.com", role=Role.RESPONDER),
    "open_invitation": InvitationCode(code="the code in the link"),
    "ask_for_password": PasswordResetRequest(email="you@example.com"),
    "open_password_reset": PasswordResetCode(code="the code in the link"),
    "use_password_reset": PasswordReset(code="the code in the link", password="another long sentence"),  # noqa: S106
    "try_mail": TrialLetter(to="you@example.com"),
    "accept_invitation": Acceptance(code="the code in the link", password="a long sentence", name="Grace"),  # noqa: S106
    "add_namespace": NewNamespace(slug="prod", name="Production", timezone="Europe/Berlin"),
    "edit_namespace": NamespacePatch(default_grace="15m"),
    "add_token": NewToken(name="backup host", kind="c", namespaces=["default"]),
    "rotate_token": Rotation(overlap="1h"),
    "add_job": NewJob(
        name="Nightly backup",
        schedule=Schedule(cron="0 2 * * *"),
        timezone="Europe/Berlin",
        grace="15m",
        tags=["database"],
    ),
    "edit_job": JobPatch(grace="30m", tags=None),
    "pause_job": Pause(until=datetime(2030, 1, 1, tzinfo=UTC)),
    "change_jobs": Bulk(action=BulkAction.PAUSE, q="tag:database", dry_run=True),
    "check_in": CheckIn(job="default/nightly-backup", kind="success", duration=42.5, output=OutputText(head="done")),
    "settle_run": Settle(succeeded=True),
    "preview": PreviewRequest(schedule=Schedule(cron="30 2 * * *"), timezone="Europe/Berlin", count=3),
    "parse_crontab": CrontabRequest(text="0 2 * * * /usr/local/bin/backup\n"),
    "snooze_alert": Snooze(until=datetime(2027, 1, 7, tzinfo=UTC)),
    "note_alert": Note(text="The disk is full; a new one comes on Monday."),
    "add_channel": NewChannel(kind="email", name="On call", settings={"to": "oncall@example.com"}),
    "edit_channel": ChannelPatch(enabled=False),
    "preview_channel": PreviewChannel(templates={"title": "{{ state }}: {{ job_name }} ({{ severity }})"}),
    "add_route": NewRoute(name="Production", matcher="ns:prod severity:critical", repeat="4h", also=[Also.ACKNOWLEDGE]),
    "edit_route": RoutePatch(repeat=None, group_by=["ns"], group_wait="20s"),
    "explain_routes": Explain(job="default/nightly-backup", cls=AlertClass.MISSED),
    "add_silence": NewSilence(
        until=datetime(2027, 1, 7, tzinfo=UTC), matcher="ns:prod tag:database", reason="the database moves"
    ),
    "preview_silence": WhatMatches(matcher="ns:prod tag:database"),
    "edit_silence": SilencePatch(reason="it takes longer"),
    "add_maintenance_window": NewWindow(
        name="Patch night",
        matcher="label:os=windows",
        times=WindowTimes(cron=CronTimes(cron="0 2 * * 2#2", duration="3h", timezone="Europe/Berlin")),
    ),
    "edit_maintenance_window": WindowPatch(enabled=False),
    "mute_job": MuteJob(until=datetime(2027, 1, 7, tzinfo=UTC), reason="being rebuilt"),
    "open_unsubscribe": UnsubscribeCode(code="the code in the link"),
    "unsubscribe": UnsubscribeCode(code="the code in the link"),
    **dict.fromkeys(
        ("open_alert_link", "acknowledge_by_link", "silence_by_link"), AlertLinkCode(code="the code in the link")
    ),
}
"""By operation."""
