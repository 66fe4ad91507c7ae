"""Mattermost's incoming webhooks, after "Incoming webhooks" of mattermost/mattermost-developer-documentation and the
source of mattermost/mattermost (server/channels: web/webhook.go, app/webhook.go, app/ratelimit.go; server/public/model:
incoming_webhook.go, post.go), read on 28 November 2026; of "Message attachments" of its documentation, an excerpt.
"""

from typing import Annotated

from msgspec import Meta, Struct

from tests.notify.fakes import Fake, Refused, Reply, Request, Seen, decoded, markdown

HOOK = "xg5z8k3m9pbn7yqd1e4rtu6wai"
PARSE = "model.incoming_hook.parse_data.app_error"
LONGEST = 760_000
"""Characters of all attachments as JSON; what is longer would be cut."""


class Attachment(Struct, forbid_unknown_fields=True):
    fallback: Annotated[str, Meta(min_length=1)]
    color: Annotated[str, Meta(pattern="^#[0-9A-Fa-f]{6}$")]
    text: Annotated[str, Meta(min_length=1)]


class Message(Struct, forbid_unknown_fields=True):
    attachments: Annotated[list[Attachment], Meta(min_length=1)]
    channel: str = "the-hooks-own"


def _error(status: int, id: str, message: str) -> Refused:
    body = {"id": id, "message": message, "detailed_error": "", "request_id": "r", "status_code": status}
    return Refused(Reply(status, body))


class Mattermost(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    @property
    def webhook(self) -> str:
        return f"{self.url}/hooks/{HOOK}"

    def take(self, request: Request) -> Reply:
        if not request.path.startswith("/hooks/"):
            raise _error(404, "api.context.404.app_error", "Sorry, we could not find the page.")
        if request.method != "POST":
            raise _error(405, "api.context.405.app_error", "Method not allowed.")
        if request.path != f"/hooks/{HOOK}":
            raise _error(400, "web.incoming_webhook.invalid.app_error", "Invalid webhook.")
        if request.headers.get("content-type") != "application/json":
            raise _error(400, "web.incoming_webhook.text.app_error", "No text specified.")
        message = decoded(request.body, Message, lambda why: _error(400, PARSE, why))
        if len(request.body) > LONGEST:
            raise _error(400, "web.incoming_webhook.split_props_length.app_error", "Unable to split webhook props.")
        if message.channel not in ("the-hooks-own", "alerts"):
            raise _error(404, "web.incoming_webhook.channel.app_error", "Couldn't find the channel.")
        self.messages.append(message)
        return Reply(200, b"ok", {"Content-Type": "text/plain"})

    def seen(self) -> list[Seen]:
        return [markdown.read(each.attachments[0].text) for each in self.messages]
