"""Slack, as its documentation describes it on 28 November 2026: docs.slack.dev, "chat.postMessage method", "chat.update
method", "Blocks" with the pages of its header, rich text, section and actions blocks, "Web API rate limits", and for
incoming webhooks "Sending messages using incoming webhooks" and "Changes to errors for incoming webhooks".

Two things it does are not documented: blocks of more than some 13,000 characters are `msg_blocks_too_long`
(slackapi/bolt-js, issue 2509), and an empty text is `invalid_blocks`.
"""

import re
from typing import Any

from tests.notify.fakes import Fake, Refused, Reply, Request, Shape

TOKEN = "xoxb-123456789012-abcdefghijklmnop"
CHANNEL = "C0123456789"
HOOK = "/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx"
MOST_BLOCKS, MOST_CHARACTERS, MOST_TEXT = 50, 13_000, 40_000

_MESSAGE = {"channel": str, "text": str, "blocks": list, "parse": str, "link_names": bool}
POST = Shape(
    ("channel",),
    _MESSAGE | {"thread_ts": str, "reply_broadcast": bool, "unfurl_links": bool, "unfurl_media": bool, "mrkdwn": bool},
)
UPDATE = Shape(("channel", "ts"), _MESSAGE | {"ts": str, "reply_broadcast": bool})
WEBHOOK = Shape((), {"text": str, "blocks": list, "unfurl_links": bool, "unfurl_media": bool})

HEADER = Shape(("type", "text"), {"type": str, "text": dict, "block_id": str}, {"block_id": 255})
ACTIONS = Shape(("type", "elements"), {"type": str, "elements": list, "block_id": str}, {"elements": 25})
RICH = Shape(("type", "elements"), {"type": str, "elements": list, "block_id": str})
SECTION = Shape(("type",), {"type": str, "text": dict, "fields": list, "block_id": str}, {"fields": 10})
PLAIN = Shape(("type", "text"), {"type": str, "text": str, "emoji": bool})
BUTTON = Shape(
    ("type", "text"),
    {"type": str, "text": dict, "action_id": str, "url": str, "value": str, "style": str},
    {"action_id": 255, "url": 3000, "value": 2000},
)
PART = Shape(("type",), {"type": str, "text": str, "url": str, "style": dict})
STYLES = {"bold", "italic", "strike", "code"}


class Slack(Fake):
    """`messages`: what stands in the channel, by its ts. `frozen`: nothing can be changed any more."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        self.frozen = False
        self.archived = False

    def take(self, request: Request) -> Reply:
        methods = {"/api/chat.postMessage": self._post, "/api/chat.update": self._update}
        if request.path not in methods:
            raise Refused(Reply(200, {"ok": False, "error": "unknown_method"}))
        if request.method != "POST":
            raise Refused(Reply(200, {"ok": False, "error": "invalid_post_type"}))
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise _refused("invalid_post_type")
        if "authorization" not in request.headers:
            raise _refused("not_authed")
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            raise _refused("invalid_auth")
        return methods[request.path](request.json)

    def said(self) -> list[str]:
        """All that can be read in the channel, message by message."""
        return [words_of(message) for message in self.messages.values()]

    def _post(self, message: Any) -> Reply:
        _check(POST, message)
        if message["channel"] not in (CHANNEL, "#alerts"):
            raise _refused("channel_not_found")
        if self.archived:
            raise _refused("is_archived")
        if "thread_ts" in message and message["thread_ts"] not in self.messages:
            raise _refused("thread_not_found")
        if message.get("reply_broadcast") and "thread_ts" not in message:
            raise _refused("invalid_arguments")
        _check_content(message)
        ts = f"17990{len(self.messages):05}.000100"
        self.messages[ts] = message
        return Reply(200, {"ok": True, "channel": CHANNEL, "ts": ts, "message": {"type": "message", "ts": ts}})

    def _update(self, message: Any) -> Reply:
        _check(UPDATE, message)
        if message["channel"] != CHANNEL:
            raise _refused("channel_not_found")
        if message["ts"] not in self.messages:
            raise _refused("message_not_found")
        if self.frozen:
            raise _refused("edit_window_closed")
        _check_content(message)
        self.messages[message["ts"]] |= {"text": message["text"], "blocks": message["blocks"]}
        return Reply(200, {"ok": True, "channel": CHANNEL, "ts": message["ts"], "text": message["text"]})


class Webhook(Fake):
    """An incoming webhook: it answers in plain text."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []

    def take(self, request: Request) -> Reply:
        if request.path != HOOK:
            raise Refused(Reply(404, b"no_service"))
        if request.method != "POST":
            raise Refused(Reply(405, b"method_not_allowed"))
        if request.headers.get("content-type") != "application/json":
            raise Refused(Reply(400, b"invalid_payload"))
        try:
            _check(WEBHOOK, request.json)
            _check_content(request.json)
        except Refused as refused:
            raise Refused(Reply(400, refused.reply.body["error"].encode())) from None
        self.messages.append(request.json)
        return Reply(200, b"ok", {"Content-Type": "text/plain"})


def words_of(message: Any) -> str:
    """Whatever can be read in it, of its blocks."""
    found: list[str] = []

    def look(thing: Any) -> None:
        if isinstance(thing, dict):
            if isinstance(thing.get("text"), str):
                found.append(thing["text"])
            for each in thing.values():
                look(each)
        elif isinstance(thing, list):
            for each in thing:
                look(each)

    look(message["blocks"])
    return "\n".join(found)


def _refused(error: str, why: str = "") -> Refused:
    return Refused(Reply(200, {"ok": False, "error": error, "response_metadata": {"messages": [why]}}))


def _check(shape: Shape, value: Any, error: str = "invalid_arguments") -> None:
    if fault := shape.fault(value):
        raise _refused(error, fault)


def _check_content(message: dict[str, Any]) -> None:
    if not message.get("text") and not message.get("blocks"):
        raise _refused("no_text")
    text = message.get("text", "")
    if len(text) > MOST_TEXT:
        raise _refused("msg_too_long")
    if re.search(r"[<>]|&(?!(amp|lt|gt);)", text):
        raise AssertionError(f"text that is not escaped may be acted upon: {text}")
    blocks = message.get("blocks", [])
    if len(blocks) > MOST_BLOCKS:
        raise _refused("invalid_blocks", f"no more than {MOST_BLOCKS} items allowed")
    for block in blocks:
        _check_block(block)
    if len(words_of({"blocks": blocks})) > MOST_CHARACTERS:
        raise _refused("msg_blocks_too_long")


def _check_block(block: Any) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "header":
        _check(HEADER, block, "invalid_blocks")
        _check_plain(block["text"], 150)
    elif kind == "section":
        _check(SECTION, block, "invalid_blocks")
        _check_plain(block["text"], 3000)
    elif kind == "actions":
        _check(ACTIONS, block, "invalid_blocks")
        ids = [_checked_button(each) for each in block["elements"]]
        if len(set(ids)) != len(ids):
            raise _refused("invalid_blocks", "action_id must be unique")
    elif kind == "rich_text":
        _check(RICH, block, "invalid_blocks")
        for element in block["elements"]:
            _check_rich(element)
    else:
        raise _refused("invalid_blocks", f"unsupported type: {kind}")


def _check_rich(element: Any) -> None:
    _check(RICH, element, "invalid_blocks")
    if element["type"] not in ("rich_text_section", "rich_text_preformatted"):
        raise _refused("invalid_blocks", "unsupported type")
    for part in element["elements"]:
        _check(PART, part, "invalid_blocks")
        if part["type"] not in ("text", "link") or not part.get("text") or set(part.get("style", {})) - STYLES:
            raise _refused("invalid_blocks", "no such part")
        if part["type"] == "link" and not part.get("url", "").startswith("http"):
            raise _refused("invalid_blocks", "url is missing")


def _checked_button(button: Any) -> str:
    _check(BUTTON, button, "invalid_blocks")
    if button["type"] != "button" or not str(button.get("url", "http")).startswith("http"):
        raise _refused("invalid_blocks", "no such button")
    _check_plain(button["text"], 75)
    return str(button["action_id"])


def _check_plain(text: Any, most: int) -> None:
    _check(PLAIN, text, "invalid_blocks")
    if text["type"] != "plain_text" or len(text["text"]) > most:
        raise _refused("invalid_blocks", f"must be plain_text of less than {most + 1} characters")
    if re.search(r"[<>]|&(?!(amp|lt|gt);)", text["text"]):
        raise AssertionError(f"text that is not escaped may be acted upon: {text['text']}")
