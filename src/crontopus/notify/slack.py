"""Slack by a bot: one message for an alert that is changed as the alert changes, and a thread under it for the rest.

Several alerts at once are one message of their own; what is told of them later stands in its thread.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from crontopus.domain.routing import Kind
from crontopus.notify import answers, fields, slack_blocks, slack_errors
from crontopus.notify.contract import Http, Notice, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, Outcome

TITLE = "Slack"
KEEPS = False
SECRETS = frozenset({"token"})
API = "https://slack.com/api"

_CHANGED = frozenset({Kind.UPDATE, Kind.ACKNOWLEDGE, Kind.RESOLVE})
"""What changes the message of an alert."""
_REPLIED = frozenset({Kind.REMINDER, Kind.FAILURE, Kind.UPDATE, Kind.RESOLVE})
"""What stands in its thread."""
_BROADCAST = frozenset({Kind.REMINDER})
"""What the channel is to see, too."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An app of one's own with the scope `chat:write`, invited to the channel."""

    token: Annotated[
        str, Meta(pattern=r"^xox[!-~]{5,500}$(?!\n)", description="The bot's token, which begins with `xoxb-`.")
    ]
    channel: Annotated[
        str, Meta(pattern=r"^\S{1,80}$(?!\n)", description="The channel's id, such as `C0123456789`, or its name.")
    ]
    api: fields.Address = API


class Thread(Struct, frozen=True):
    """Where an alert was told: `ts` is the message whose thread is gone on with; `cards`, by alert, are the messages
    that are about one alone.
    """

    channel: str
    ts: str
    cards: dict[str, str] = {}


class _Failed(Exception):
    def __init__(self, outcome: Outcome, code: str = "") -> None:
        super().__init__(code)
        self.outcome = outcome
        self.code = code


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    """`Delivered` with a `Thread`, by which later messages of these alerts find it."""
    slack = _Slack(settings, parcel, http)
    try:
        thread = await slack.tell_one() if parcel.is_single else await slack.tell_several()
    except _Failed as failed:
        return failed.outcome
    except Unreachable as error:
        return answers.unreachable(error)
    return Delivered(msgspec.json.encode(thread).decode())


class _Slack:
    """One try. Its methods raise _Failed and Unreachable."""

    def __init__(self, settings: Settings, parcel: Parcel, http: Http) -> None:
        self._settings = settings
        self._parcel = parcel
        self._http = http
        self._message = {"text": slack_blocks.fallback(parcel), "blocks": slack_blocks.blocks(parcel)}

    async def tell_one(self) -> Thread:
        notice = self._parcel.first
        thread = _thread(notice)
        if thread is None or notice.kind is Kind.OPEN:
            return await self._begin(notice)
        card = thread.cards.get(str(notice.alert))
        changed = card is not None and notice.kind in _CHANGED and await self._change(thread.channel, card)
        if notice.kind in _REPLIED or not changed:
            message = self._message
            if notice.kind is Kind.FAILURE:
                message = message | {"blocks": [*slack_blocks.blocks(self._parcel), *slack_blocks.output(notice)]}
            if not await self._reply(thread, message, broadcast=notice.kind in _BROADCAST):
                return await self._begin(notice)
        return thread

    async def tell_several(self) -> Thread:
        """Messages of their own that some of these alerts have are changed as well, as far as that can be done."""
        threads = [_thread(notice) for notice in self._parcel.notices]
        cards = {alert: ts for thread in threads if thread for alert, ts in thread.cards.items()}
        thread = _common(threads)
        broadcast = any(notice.kind in _BROADCAST for notice in self._parcel.notices)
        if thread is None or not await self._reply(thread, self._message, broadcast=broadcast):
            thread = await self._post(self._message)
        with suppress(_Failed, Unreachable):  # all has been told: nothing of it may be told again
            for notice, earlier in zip(self._parcel.notices, threads, strict=True):
                if earlier is not None and (card := earlier.cards.get(str(notice.alert))):
                    alone = Parcel((notice,), self._parcel.sent_at)
                    await _Slack(self._settings, alone, self._http)._change(earlier.channel, card)
        return Thread(thread.channel, thread.ts, cards)

    async def _begin(self, notice: Notice) -> Thread:
        """A message about this alert alone, with its output under it."""
        posted = await self._post(self._message)
        thread = Thread(posted.channel, posted.ts, {str(notice.alert): posted.ts})
        if told := slack_blocks.output(notice):
            with suppress(_Failed, Unreachable):  # the alert has been told: trying again would tell it twice
                await self._reply(thread, {"text": "The last lines of its output", "blocks": told}, broadcast=False)
        return thread

    async def _post(self, message: Mapping[str, Any], **more: Any) -> Thread:
        answer = await self._call(
            "chat.postMessage",
            {"channel": self._settings.channel, "unfurl_links": False, "unfurl_media": False} | dict(message) | more,
        )
        return Thread(str(answer.get("channel", self._settings.channel)), str(answer.get("ts", "")))

    async def _reply(self, thread: Thread, message: Mapping[str, Any], *, broadcast: bool) -> bool:
        """Whether there still is a thread to reply in."""
        try:
            await self._post(message, channel=thread.channel, thread_ts=thread.ts, reply_broadcast=broadcast)
        except _Failed as failed:
            if slack_errors.is_lost(failed.code):
                return False
            raise
        return True

    async def _change(self, channel: str, ts: str) -> bool:
        """Whether it could be changed."""
        try:
            await self._call("chat.update", {"channel": channel, "ts": ts} | self._message)
        except _Failed as failed:
            if slack_errors.is_lost(failed.code):
                return False
            raise
        return True

    async def _call(self, method: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
        answer = await self._http.send(
            "POST",
            f"{self._settings.api}/{method}",
            headers={
                "authorization": f"Bearer {self._settings.token}",
                "content-type": "application/json; charset=utf-8",
            },
            content=msgspec.json.encode(arguments | {"parse": "none", "link_names": False}),
        )
        if not answer.is_success:
            raise _Failed(answers.outcome(TITLE, answer, self._parcel.sent_at))
        said = answers.read(answer, dict[str, Any]) or {}
        if said.get("ok") is True:
            return said
        if said.get("ok") is not False:
            raise _Failed(answers.unreadable(TITLE, answer))
        code = str(said.get("error"))
        raise _Failed(slack_errors.outcome(code, answers.retry_after(answer, self._parcel.sent_at)), code)


def _thread(notice: Notice) -> Thread | None:
    try:
        return msgspec.json.decode(notice.reference, type=Thread) if notice.reference else None
    except msgspec.DecodeError:
        return None


def _common(threads: Sequence[Thread | None]) -> Thread | None:
    """The one in which all were told."""
    first = threads[0]
    if first is not None and all(each and (each.channel, each.ts) == (first.channel, first.ts) for each in threads):
        return first
    return None
