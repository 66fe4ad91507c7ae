"""Slack by an incoming webhook: simple to set up, but what was told cannot be changed, and there is no thread."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from crontopus.notify import answers, fields, slack_blocks
from crontopus.notify.contract import Answer, Http, Parcel, Unreachable
from crontopus.notify.outcome import Delivered, GiveUp, Outcome

TITLE = "Slack (incoming webhook)"
KEEPS = False
SECRETS = frozenset({"url"})

_BROKEN = frozenset(
    (
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "team_disabled",
        "user_not_found",
    )
)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The channel is a part of the webhook."""

    url: Annotated[
        str,
        Meta(
            pattern=fields.WEB,
            max_length=500,
            description="The webhook's address, which begins with `https://hooks.slack.com/services/`.",
        ),
    ]


async def send(settings: Settings, parcel: Parcel, http: Http) -> Outcome:
    """One message for each parcel, with the output of a single alert in it."""
    told = slack_blocks.blocks(parcel) + (slack_blocks.output(parcel.first) if parcel.is_single else [])
    message = {
        "text": slack_blocks.fallback(parcel),
        "blocks": told,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    headers = {"content-type": "application/json"}
    try:
        answer = await http.send("POST", settings.url, headers=headers, content=msgspec.json.encode(message))
    except Unreachable as error:
        return answers.unreachable(error)
    return _outcome(answer, parcel)


def _outcome(answer: Answer, parcel: Parcel) -> Outcome:
    """Success is `ok`; everything else is named by one word in the body."""
    said = answer.text.strip()
    if answer.is_success:
        return Delivered() if said == "ok" else answers.unreadable("Slack", answer)
    code = answers.word(said)
    outcome = answers.outcome("Slack", answer, parcel.sent_at, code)
    return GiveUp(outcome.why, broken=True) if isinstance(outcome, GiveUp) and code in _BROKEN else outcome
