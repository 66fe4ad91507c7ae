"""Errors on the wire: problem+json (RFC 9457), and the road back to the exception the server raised."""

from msgspec import Struct

from crontopus.domain import errors
from crontopus.domain.errors import CrontopusError, Fault

KINDS: tuple[tuple[type[CrontopusError], int], ...] = (
    (errors.Invalid, 400),
    (errors.DeviceWaits, 400),
    (errors.DeviceHurries, 400),
    (errors.DeviceDenied, 400),
    (errors.DeviceTooLate, 400),
    (errors.Unauthenticated, 401),
    (errors.Unfinished, 401),
    (errors.ProviderNeeded, 401),
    (errors.NotAllowed, 403),
    (errors.Unconfirmed, 403),
    (errors.FactorNeeded, 403),
    (errors.Closed, 403),
    (errors.QuotaReached, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.LostRace, 412),
    (errors.Throttled, 429),
    (errors.TooMany, 429),
    (errors.Unavailable, 503),
)
"""Every kind of error that is somebody's to mend, with its HTTP status."""

_STATUS = dict(KINDS)
_KIND = {kind.code: kind for kind, _ in KINDS}


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`type` is stable and explained in docs/api/problems.md; `detail` is safe to show; `errors` name each place."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: tuple[Fault, ...] = ()
    request_id: str = ""

    @classmethod
    def of(cls, error: CrontopusError, request_id: str = "") -> "Problem":
        return cls(
            type=f"/docs/problems#{error.code}",
            title=error.title,
            status=next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500),
            detail=str(error),
            errors=error.faults,
            request_id=request_id,
        )

    def as_error(self) -> CrontopusError:
        """The error the server raised, raised again on this side; `CrontopusError` itself where its kind is new."""
        kind = _KIND.get(self.type.rpartition("#")[2], CrontopusError)
        error = kind(self.detail or self.title)
        error.faults = self.errors
        return error
