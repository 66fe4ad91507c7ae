"""Alerts, and whom they are told to by which way."""

from datetime import datetime
from uuid import UUID

from crontopus.client.http import Http, segment
from crontopus.wire.alerts import (
    Alert,
    AlertDetail,
    AlertLinkCode,
    Channel,
    ChannelPatch,
    ChannelPreview,
    ChannelTest,
    Explain,
    Explanation,
    LinkedAlert,
    NewChannel,
    NewRoute,
    Note,
    Notification,
    NotificationDetail,
    PreviewChannel,
    Route,
    RoutePatch,
    Snooze,
    UnsubscribeCode,
    Unsubscribed,
)
from crontopus.wire.common import Page
from crontopus.wire.silences import (
    Hidden,
    NewSilence,
    NewWindow,
    Silence,
    SilencePatch,
    WhatMatches,
    Window,
    WindowPatch,
)


class Alerts(Http):
    """Of the tenant that the credential is for."""

    async def alerts(
        self,
        *,
        only_open: bool = False,
        job: UUID | str = "",
        cls: str = "",
        severity: str = "",
        q: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[Alert]:
        return await self.call(
            "GET",
            "/alerts",
            Page[Alert],
            headers=None,
            only_open="true" if only_open else None,
            job=str(job) or None,
            severity=severity or None,
            q=q,
            cursor=cursor,
            limit=limit,
            **{"class": cls or None},
        )

    async def alert_counts(self) -> dict[str, int]:
        return await self.call("GET", "/alerts/counts", dict[str, int])

    async def alert(self, alert: UUID | str) -> AlertDetail:
        return await self.call("GET", f"/alerts/{segment(alert)}", AlertDetail)

    async def acknowledge_alert(self, alert: UUID | str) -> Alert:
        return await self.call("POST", f"/alerts/{segment(alert)}/acknowledge", Alert)

    async def unacknowledge_alert(self, alert: UUID | str) -> Alert:
        return await self.call("POST", f"/alerts/{segment(alert)}/unacknowledge", Alert)

    async def snooze_alert(self, alert: UUID | str, until: datetime) -> Alert:
        return await self.call("POST", f"/alerts/{segment(alert)}/snooze", Alert, Snooze(until=until))

    async def resolve_alert(self, alert: UUID | str) -> Alert:
        return await self.call("POST", f"/alerts/{segment(alert)}/resolve", Alert)

    async def note_alert(self, alert: UUID | str, text: str) -> None:
        await self.call("POST", f"/alerts/{segment(alert)}/notes", type(None), Note(text=text))

    async def channels(self) -> Page[Channel]:
        return await self.call("GET", "/channels", Page[Channel])

    async def channel(self, channel: UUID | str) -> Channel:
        return await self.call("GET", f"/channels/{segment(channel)}", Channel)

    async def add_channel(self, new: NewChannel) -> Channel:
        return await self.call("POST", "/channels", Channel, new)

    async def edit_channel(self, channel: UUID | str, changes: ChannelPatch) -> Channel:
        return await self.call("PATCH", f"/channels/{segment(channel)}", Channel, changes)

    async def remove_channel(self, channel: UUID | str) -> None:
        await self.call("DELETE", f"/channels/{segment(channel)}", type(None))

    async def test_channel(self, channel: UUID | str) -> ChannelTest:
        return await self.call("POST", f"/channels/{segment(channel)}/test", ChannelTest)

    async def preview_channel(self, channel: UUID | str, wanted: PreviewChannel) -> ChannelPreview:
        return await self.call("POST", f"/channels/{segment(channel)}/preview", ChannelPreview, wanted)

    async def routes(self) -> Page[Route]:
        return await self.call("GET", "/routes", Page[Route])

    async def add_route(self, new: NewRoute) -> Route:
        return await self.call("POST", "/routes", Route, new)

    async def edit_route(self, route: UUID | str, changes: RoutePatch) -> Route:
        return await self.call("PATCH", f"/routes/{segment(route)}", Route, changes)

    async def remove_route(self, route: UUID | str) -> None:
        await self.call("DELETE", f"/routes/{segment(route)}", type(None))

    async def explain_routes(self, asked: Explain) -> Explanation:
        return await self.call("POST", "/routes/explain", Explanation, asked)

    async def silences(
        self, *, over: bool = False, cursor: str | None = None, limit: int | None = None
    ) -> Page[Silence]:
        wanted = "true" if over else None
        return await self.call("GET", "/silences", Page[Silence], over=wanted, cursor=cursor, limit=limit)

    async def add_silence(self, new: NewSilence) -> Silence:
        return await self.call("POST", "/silences", Silence, new)

    async def preview_silence(self, matcher: str) -> Hidden:
        return await self.call("POST", "/silences/preview", Hidden, WhatMatches(matcher=matcher))

    async def edit_silence(self, silence: UUID | str, changes: SilencePatch) -> Silence:
        return await self.call("PATCH", f"/silences/{segment(silence)}", Silence, changes)

    async def end_silence(self, silence: UUID | str) -> None:
        await self.call("DELETE", f"/silences/{segment(silence)}", type(None))

    async def maintenance_windows(self) -> Page[Window]:
        return await self.call("GET", "/maintenance-windows", Page[Window])

    async def add_maintenance_window(self, new: NewWindow) -> Window:
        return await self.call("POST", "/maintenance-windows", Window, new)

    async def edit_maintenance_window(self, window: UUID | str, changes: WindowPatch) -> Window:
        return await self.call("PATCH", f"/maintenance-windows/{segment(window)}", Window, changes)

    async def remove_maintenance_window(self, window: UUID | str) -> None:
        await self.call("DELETE", f"/maintenance-windows/{segment(window)}", type(None))

    async def notifications(
        self,
        *,
        status: str = "",
        channel: UUID | str = "",
        alert: UUID | str = "",
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[Notification]:
        return await self.call(
            "GET",
            "/notifications",
            Page[Notification],
            status=status or None,
            channel=str(channel) or None,
            alert=str(alert) or None,
            cursor=cursor,
            limit=limit,
        )

    async def notification(self, notification: UUID | str) -> NotificationDetail:
        return await self.call("GET", f"/notifications/{segment(notification)}", NotificationDetail)

    async def retry_notification(self, notification: UUID | str) -> Notification:
        return await self.call("POST", f"/notifications/{segment(notification)}/retry", Notification)

    async def discard_notification(self, notification: UUID | str) -> Notification:
        return await self.call("POST", f"/notifications/{segment(notification)}/discard", Notification)

    async def open_unsubscribe(self, code: str) -> Unsubscribed:
        return await self.call("POST", "/unsubscribe/open", Unsubscribed, UnsubscribeCode(code=code))

    async def unsubscribe(self, code: str) -> Unsubscribed:
        return await self.call("POST", "/unsubscribe", Unsubscribed, UnsubscribeCode(code=code))

    async def open_alert_link(self, code: str) -> LinkedAlert:
        return await self.call("POST", "/alert-links/open", LinkedAlert, AlertLinkCode(code=code))

    async def acknowledge_by_link(self, code: str) -> LinkedAlert:
        return await self.call("POST", "/alert-links/acknowledge", LinkedAlert, AlertLinkCode(code=code))

    async def silence_by_link(self, code: str) -> LinkedAlert:
        return await self.call("POST", "/alert-links/silence", LinkedAlert, AlertLinkCode(code=code))
