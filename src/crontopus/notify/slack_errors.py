"""What Slack's Web API calls its errors, and what each means for a message ("chat.postMessage method", "Errors")."""

from datetime import timedelta

from crontopus.notify import answers
from crontopus.notify.outcome import GiveUp, Outcome, TryAgain

_LATER = frozenset(
    (
        "message_limit_exceeded",
        "org_login_required",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    )
)
_PERHAPS = frozenset(("fatal_error", "internal_error"))
"""Slack says of them that a part may have been done."""
_TOKEN = frozenset(
    ("account_inactive", "invalid_auth", "not_allowed_token_type", "not_authed", "token_expired", "token_revoked")
)
_PLACE = frozenset(("channel_not_found", "is_archived", "not_in_channel"))
_FORBIDDEN = frozenset(
    (
        "access_denied",
        "accesslimited",
        "deprecated_endpoint",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "messages_tab_disabled",
        "method_deprecated",
        "missing_scope",
        "no_permission",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "two_factor_setup_required",
    )
)
_UNCHANGEABLE = frozenset(
    (
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "thread_not_found",
    )
)
_WORDS = {
    **dict.fromkeys(_TOKEN, "Slack does not take the token: install the app again, and give its new token"),
    "channel_not_found": "Slack knows no such channel, or the app is not in it: invite the app, or correct the channel",
    "is_archived": "the channel is archived: choose another",
    "not_in_channel": "the app is not in the channel: invite it",
    "missing_scope": "the app may not write: give it the scope chat:write",
}


def is_lost(code: str) -> bool:
    """Whether what was told earlier is there no more, or cannot be changed: a new message can be sent all the same."""
    return code in _PLACE or code in _UNCHANGEABLE


def outcome(code: str, after: timedelta | None) -> Outcome:
    """`after`: how long Slack asks to wait."""
    why = f"{_WORDS.get(code, 'Slack did not take it')} ({answers.word(code) or 'for an unknown reason'})"
    if code in _LATER or code in _PERHAPS:
        return TryAgain(why, after=after, arrived=code in _PERHAPS)
    return GiveUp(why, broken=code in _TOKEN | _PLACE | _FORBIDDEN)
