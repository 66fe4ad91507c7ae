"""Letters: what is said by e-mail, until when it is worth saying, and when it is tried again."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (10, 30, 120, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600)
)
"""Between one try and the next, at most; the last again and again."""
_WIDTH_OF_A_NAME = 80


class LetterKind(StrEnum):
    """What a letter is about."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105 # no password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 # no password
    TRIAL = "trial"
    DIGEST = "digest"
    CHANNEL_BROKEN = "channel_broken"


class Letter(Struct, frozen=True, kw_only=True):
    """Plain text to one address. After `expires_at` it is not sent any more."""

    kind: LetterKind
    to: str
    subject: str
    text: str
    expires_at: datetime


def pause(tries: int, chance: float) -> timedelta:
    """Until the next try, after `tries` that failed. `chance`, from 0 to 1, keeps many from coming at once."""
    return PAUSES[min(tries, len(PAUSES)) - 1] * chance


def invitation(to: str, tenant: str, inviter: str, role: str, link: str, expires_at: datetime) -> Letter:
    return Letter(
        kind=LetterKind.INVITATION,
        to=to,
        subject=f"Invitation to {_one_line(tenant)} on Crontopus",
        text=f"""{_one_line(inviter)} invites you to {_one_line(tenant)} as {role}.

To join, open this link. It works once, until {_instant(expires_at)}:

{link}

If you do not know what this is about, do nothing: without the link nobody joins.
""",
        expires_at=expires_at,
    )


def password_reset(to: str, link: str, expires_at: datetime) -> Letter:
    return Letter(
        kind=LetterKind.PASSWORD_RESET,
        to=to,
        subject="A new password for Crontopus",
        text=f"""Somebody has asked for a new password for {to} on Crontopus.

To choose one, open this link. It works once, until {_instant(expires_at)}:

{link}

If it was not you, do nothing: the password stays as it is.
""",
        expires_at=expires_at,
    )


def password_changed(to: str, address: str | None, now: datetime) -> Letter:
    where = f" from the address {address}" if address else ""
    return Letter(
        kind=LetterKind.PASSWORD_CHANGED,
        to=to,
        subject="Your password for Crontopus was changed",
        text=f"""The password of {to} on Crontopus was changed on {_instant(now)}{where}.

Whoever was signed in elsewhere is not any more.

If it was not you, ask whoever runs this installation to disable the account.
""",
        expires_at=now + timedelta(days=1),
    )


def channel_broken(to: str, tenant: str, channel: str, why: str, link: str, now: datetime) -> Letter:
    return Letter(
        kind=LetterKind.CHANNEL_BROKEN,
        to=to,
        subject=f"Alerts do not arrive on the channel {_one_line(channel)}"[:_WIDTH_OF_A_NAME],
        text=f"""The channel {_one_line(channel)} of {_one_line(tenant)} on Crontopus is broken since {_instant(now)}.

The other side refuses what is sent there, and will refuse it until somebody changes something.

It said: {_one_line(why)}

What could not be told goes to its fallback, if it has one. To mend it, test it, or give it a fallback:

{link}
""",
        expires_at=now + timedelta(days=1),
    )


def trial(to: str, now: datetime) -> Letter:
    return Letter(
        kind=LetterKind.TRIAL,
        to=to,
        subject="Crontopus can mail",
        text=f"""Somebody who runs this Crontopus wanted to see whether its letters arrive. This one did.

It was sent on {_instant(now)}.
""",
        expires_at=now + timedelta(minutes=1),
    )


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _one_line(name: str) -> str:
    """People choose names: one is no second line, and does not run over the page."""
    shown = " ".join("".join(each if each.isprintable() else " " for each in name).split())
    return shown if len(shown) <= _WIDTH_OF_A_NAME else f"{shown[: _WIDTH_OF_A_NAME - 1]}…"
