"""A workflow of Microsoft Teams, after "Sending messages to connectors and webhooks" of MicrosoftDocs/msteams-docs (the
envelope; that too many requests are told with success), "Microsoft Teams" of Microsoft's connectors (28 KB, and what is
said beyond), and RichTextBlock and TextRun of the Adaptive Card schema (microsoft/AdaptiveCards, Microsoft Learn),
read on 28 November 2026. "Create incoming webhooks with Workflows" of Microsoft Support could not be read: the
workflow's address, its 202 and its errors are as shown by many who post to one, and that Teams shows six buttons is
from knowledge.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded

SIGNATURE = "Sig-0123456789abcdefghijklmnopqrstuvwxyzABCDE"
PATH = "/powerautomate/automations/direct/workflows/8d7f6a5b4c3d2e1f/triggers/manual/paths/invoke"
QUERY = {"api-version": "1", "sp": "/triggers/manual/run", "sv": "1.0", "sig": SIGNATURE}


class TextRun(Struct, forbid_unknown_fields=True, tag_field="type", tag="TextRun"):
    text: str
    weight: Literal["Lighter", "Default", "Bolder"] = "Default"
    size: Literal["Small", "Default", "Medium", "Large", "ExtraLarge"] = "Default"
    color: Literal["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"] = "Default"


class RichTextBlock(Struct, forbid_unknown_fields=True, tag_field="type", tag="RichTextBlock"):
    inlines: Annotated[list[TextRun], Meta(min_length=1)]
    spacing: Literal["None", "Small", "Default", "Medium", "Large"] = "Default"


class OpenUrl(Struct, forbid_unknown_fields=True, tag_field="type", tag="Action.OpenUrl"):
    title: Annotated[str, Meta(min_length=1)]
    url: Annotated[str, Meta(pattern="^https?://")]


class Card(Struct, forbid_unknown_fields=True, tag_field="type", tag="AdaptiveCard"):
    version: Literal["1.2", "1.3", "1.4", "1.5"]
    body: Annotated[list[RichTextBlock], Meta(min_length=1)]
    actions: Annotated[list[OpenUrl], Meta(max_length=6)]
    schema: str = msgspec.field(name="$schema")


class Attachment(Struct, forbid_unknown_fields=True, rename="camel"):
    content_type: Literal["application/vnd.microsoft.card.adaptive"]
    content: Card
    content_url: None = None


class Message(Struct, forbid_unknown_fields=True, tag_field="type", tag="message"):
    attachments: Annotated[list[Attachment], Meta(min_length=1, max_length=1)]


def _error(status: int, code: str, message: str) -> Refused:
    return Refused(Reply(status, {"error": {"code": code, "message": message}}))


class Teams(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    @property
    def webhook(self) -> str:
        return f"{self.url}{PATH}?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}"

    def take(self, request: Request) -> Reply:
        if request.path != PATH:
            raise _error(404, "WorkflowNotFound", "The workflow could not be found.")
        if request.method != "POST":
            raise _error(405, "MethodNotAllowed", "Only POST.")
        if request.query != QUERY:
            raise _error(401, "DirectApiAuthorizationRequired", "The request must be authenticated only by SAS scheme.")
        if request.headers.get("content-type") != "application/json":
            raise _error(415, "UnsupportedMediaType", "application/json is wanted.")
        if len(request.body) > 28 * 1024:
            raise _error(413, "RequestEntityTooLarge", "Request Entity too large")
        self.messages.append(
            decoded(request.body, Message, lambda why: _error(400, "TriggerInputSchemaMismatch", why)),
        )
        return Reply(202, b"")

    def seen(self) -> list[Seen]:
        return [_seen(each.attachments[0].content) for each in self.messages]


def _seen(card: Card) -> Seen:
    text = "\n".join("".join(run.text for run in block.inlines) for block in card.body)
    return Seen(text, tuple(action.url for action in card.actions))
