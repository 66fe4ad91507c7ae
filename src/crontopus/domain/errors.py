"""What can go wrong, by kind. Only the API knows which HTTP status a kind has; the client raises it again.

`str(error)` is safe to show to whoever caused it. What is not a `CrontopusError` is a bug.
"""

from msgspec import Struct


class Fault(Struct, frozen=True):
    """One thing a person must mend: where it stands (RFC 6901 pointer, "" for the whole) and what to do."""

    pointer: str
    detail: str


class CrontopusError(Exception):
    """Base of every error that is somebody's to mend, and not ours."""

    code = "internal"
    title = "internal error"

    def __init__(self, detail: str = "", faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail)
        self.faults = faults


class Invalid(CrontopusError):
    """What was sent cannot be understood or is out of bounds; `faults` name each place."""

    code = "invalid"
    title = "invalid input"


class Unauthenticated(CrontopusError):
    """No credential, or one that is wrong, expired or revoked; never says which."""

    code = "unauthenticated"
    title = "not signed in"


class Unfinished(Unauthenticated):
    """The sign-in has begun, and the second factor is still to be shown."""

    code = "unfinished"
    title = "second factor missing"


class ProviderNeeded(Unauthenticated):
    """The account is theirs, and its tenant wants them to come by a provider; `errors` name the page of each."""

    code = "provider-needed"
    title = "sign in by the provider"


class NotAllowed(CrontopusError):
    """The caller is known and may not do this."""

    code = "not-allowed"
    title = "not allowed"


class Unconfirmed(NotAllowed):
    """The caller may do this, once they have shown again who they are (`POST /sessions/current/confirm`)."""

    code = "unconfirmed"
    title = "confirm that it is you"


class FactorNeeded(NotAllowed):
    """The caller may do this, once they have a second factor: where they are everybody must (`/me/factors`)."""

    code = "second-factor-needed"
    title = "second factor needed"


class DeviceWaits(CrontopusError):
    """Nobody has decided yet about the machine that asks: it asks again after the interval."""

    code = "authorization-pending"
    title = "not decided yet"


class DeviceHurries(CrontopusError):
    """The machine asks too often: from now on it waits five seconds longer."""

    code = "slow-down"
    title = "slow down"


class DeviceDenied(CrontopusError):
    """Somebody has denied it."""

    code = "access-denied"
    title = "denied"


class DeviceTooLate(CrontopusError):
    """The code is over, was used, or never was one."""

    code = "expired-token"
    title = "the code is over"


class NotFound(CrontopusError):
    """Not there, or not the caller's: the two are the same answer."""

    code = "not-found"
    title = "not found"


class Conflict(CrontopusError):
    """What is asked for contradicts what is stored."""

    code = "conflict"
    title = "conflict"


class LostRace(CrontopusError):
    """`If-Match` named a version that is no longer the newest."""

    code = "lost-race"
    title = "changed by somebody else"


class Closed(NotAllowed):
    """The tenant is suspended or deleted: its check-ins are stored, and nothing else can be done there."""

    code = "closed"
    title = "this organisation is closed"


class QuotaReached(CrontopusError):
    """A limit of the tenant forbids one more."""

    code = "quota-reached"
    title = "quota reached"


class Throttled(CrontopusError):
    """Asked too often; `retry_after_seconds` says when to ask again."""

    code = "throttled"
    title = "too many attempts"

    def __init__(self, detail: str = "", retry_after_seconds: int = 60) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class TooMany(Throttled):
    """More requests a minute than the address, the token, the account or the tenant may make; none that was refused
    counts. Check-ins and pings are never refused so.
    """

    code = "too-many-requests"
    title = "too many requests"


class Unavailable(CrontopusError):
    """We cannot do it now (queue or disk full, database away); try again. Nothing was stored, unless the database fell
    silent meanwhile: then it may have been.
    """

    code = "unavailable"
    title = "unavailable"

    def __init__(self, detail: str = "", retry_after_seconds: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
