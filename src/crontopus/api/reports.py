"""Check-ins in JSON, understood: the same for `POST /check-ins` and for a ping URL that carries one."""

from datetime import UTC, datetime, timedelta

import msgspec

from crontopus.domain import duration
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.instants import truncated
from crontopus.engine.report import AHEAD, NO_BODY, Body, Report
from crontopus.storage.ledger import Address
from crontopus.storage.watches import Details
from crontopus.wire.runs import CheckIn, OutputText

ON_THE_WAY = timedelta(minutes=1)
"""So long a check-in may take from its sending to here. By more than that, the sender's clock is wrong."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""No clock says less, and not every database can tell what it has stored from before the year 1."""


def report_of(check_in: CheckIn, address: Address, received_at: datetime, body_limit: int) -> Report:
    """Raises Invalid with a fault for each field that contradicts itself or is out of bounds."""
    skew = _skew(check_in.sent_at, received_at)
    check_in = _by_our_clock(check_in, skew)
    _refuse(check_in)
    occurred_at, set_back = happened(check_in.occurred_at, received_at)
    return Report(
        address=address,
        said=check_in.kind,
        received_at=received_at,
        occurred_at=occurred_at,
        skew=skew + set_back,
        rid=check_in.run_id,
        started_at=None if check_in.started_at is None else min(truncated(check_in.started_at), occurred_at),
        duration=_duration(check_in),
        exit_code=check_in.exit_code,
        signal=check_in.signal,
        attempt=check_in.attempt,
        body=NO_BODY if check_in.output is None else _body(check_in.output, body_limit),
        details=Details(
            host=check_in.host,
            user=check_in.user,
            env=check_in.env,
            metrics=check_in.metrics or None,
            rusage=check_in.rusage or None,
        ),
    )


def _skew(sent_at: datetime | None, received_at: datetime) -> timedelta:
    """How far the clock that says `sent_at` is behind ours; none where that may be the time it took on the way."""
    off = timedelta() if sent_at is None else received_at - truncated(sent_at)
    return off if abs(off) > ON_THE_WAY else timedelta()


def _by_our_clock(check_in: CheckIn, skew: timedelta) -> CheckIn:
    if not skew:
        return check_in
    moved = {name: _moved(name, getattr(check_in, name), skew) for name in ("occurred_at", "started_at")}
    return msgspec.structs.replace(check_in, **moved)


def _moved(name: str, said: datetime | None, skew: timedelta) -> datetime | None:
    try:
        return None if said is None else said + skew
    except OverflowError:
        detail = f"`{name}` and `sent_at` are more than the calendar apart: set the clock of the machine that sends it"
        raise Invalid(detail, (Fault(f"/{name}", detail),)) from None


def happened(said: datetime | None, received_at: datetime) -> tuple[datetime, timedelta]:
    """When it happened, and by how much that was moved: what is a little ahead counts as now.

    Raises Invalid further ahead, and before 1970.
    """
    if said is None:
        return received_at, timedelta()
    instant = truncated(said)
    if instant < EARLIEST:
        raise Invalid("it says it happened before 1970", (Fault("/occurred_at", "before 1970"),))
    if instant > received_at + AHEAD:
        raise Invalid(
            "it says it happened more than 5 minutes in the future: set the clock of the machine that sends it",
            (Fault("/occurred_at", "more than 5 minutes in the future"),),
        )
    return min(instant, received_at), min(received_at - instant, timedelta())


def _refuse(check_in: CheckIn) -> None:
    faults = []
    if check_in.kind == "exit" and check_in.exit_code is None:
        faults.append(Fault("/exit_code", "`exit` needs an exit_code from 0 to 255"))
    if check_in.started_at is not None and check_in.started_at < EARLIEST:
        faults.append(Fault("/started_at", "before 1970"))
    texts = {"host": check_in.host, "user": check_in.user, "env": check_in.env}
    faults += [Fault(f"/{name}", "must not contain NUL") for name, text in texts.items() if text and "\x00" in text]
    if any("\x00" in name for name in (*check_in.metrics, *check_in.rusage)):
        faults.append(Fault("/metrics", "names must not contain NUL"))
    if faults:
        raise Invalid("; ".join(fault.detail for fault in faults), tuple(faults))


def _duration(check_in: CheckIn) -> timedelta | None:
    if check_in.duration is None:
        return None
    return duration.parse(check_in.duration, pointer="/duration")


def _body(output: OutputText, limit: int) -> Body:
    head = output.head.encode(errors="replace")
    tail = output.tail.encode(errors="replace")
    half = limit // 2
    kept_head, kept_tail = head[: limit - min(len(tail), half)], tail[-half:] if tail else b""
    dropped = output.dropped_bytes + len(head) - len(kept_head) + len(tail) - len(kept_tail)
    return Body(kept_head, kept_tail, dropped)
