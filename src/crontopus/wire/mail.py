"""E-mail on the wire: new passwords by a link, and how letters fare."""

from uuid import UUID

from crontopus.domain.letters import LetterKind
from crontopus.wire.accounts import Email, Password
from crontopus.wire.common import Input, Instant, Output
from crontopus.wire.people import Code, Mailed


class PasswordResetRequest(Input, frozen=True):
    email: Email


class PasswordResetCode(Input, frozen=True):
    """`code` is of the link."""

    code: Code


class PasswordResetState(Output, frozen=True):
    """Whose password a link opens, and until when."""

    email: str
    expires_at: Instant


class PasswordReset(Input, frozen=True):
    """`code` is of the link."""

    code: Code
    password: Password


class Letter(Output, frozen=True):
    """One that was not delivered at its last try. `next_at`: when it is tried again; null where it was given up."""

    id: UUID
    kind: LetterKind
    recipient: str
    made_at: Instant
    tries: int
    next_at: Instant | None
    mailed: Mailed
    why: str


class MailState(Output, frozen=True):
    """How e-mail is sent, and how it fares. `server` is empty where none is sent. `letters`: those in trouble, newest
    first, at most 100.
    """

    server: str
    security: str
    sender: str
    waiting: int
    oldest_at: Instant | None
    letters: list[Letter]


class TrialLetter(Input, frozen=True):
    to: Email
