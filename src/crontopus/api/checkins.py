"""Check-ins by JSON: one, or a list in which each stands for itself. 200 means that it is on disk."""

import json
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency

from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import UNLIMITED, needs_even_closed
from crontopus.api.reading import CHECK_INS_MOST_BYTES, Body, decoded
from crontopus.api.reports import report_of
from crontopus.domain.access import Principal, Scope
from crontopus.domain.errors import CrontopusError, Fault, Invalid, NotFound
from crontopus.engine.report import Accepted, Outcome, Report
from crontopus.storage import jobs
from crontopus.storage.ledger import ByJob
from crontopus.wire.problem import Problem
from crontopus.wire.runs import CheckIn, CheckInAnswer, CheckInAnswers

MOST = 1000
OK = 200
Item = CheckIn | CrontopusError
"""A check-in as it was sent, or why it is none."""
_one = msgspec.json.Decoder(CheckIn)
_several = msgspec.json.Decoder(list[msgspec.Raw])


def _sent(body: bytes) -> CheckIn | list[bytes]:
    """One; of a list each as JSON, to be read by itself."""
    if not body.lstrip().startswith(b"["):
        return decoded(body, _one)
    items = _items(body)
    if len(items) > MOST:
        raise Invalid(f"a list has at most {MOST} check-ins", (Fault("", f"send {MOST} at a time"),))
    return items


def _items(body: bytes) -> list[bytes]:
    """Text with half a character of UTF-16, or a number that is none, spoils only the item it stands in."""
    try:
        return [bytes(raw) for raw in decoded(body, _several)]
    except Invalid:
        with suppress(ValueError, RecursionError):
            return [json.dumps(item).encode() for item in json.loads(body)]
        raise


def _item(json_text: bytes) -> Item:
    try:
        return decoded(json_text, _one)
    except Invalid as error:
        return error


@post(
    "/check-ins",
    operation_id="check_in",
    opt=needs_even_closed(Scope.CHECK_INS_WRITE) | UNLIMITED,
    dependencies={"sent": Body(CheckIn | list[CheckIn], read=_sent)},
    request_max_body_size=CHECK_INS_MOST_BYTES,
    status_code=OK,
)
async def check_in(
    caller: Caller, parts: Parts, sent: NamedDependency[CheckIn | list[bytes]]
) -> Response[CheckInAnswer | CheckInAnswers]:
    """Report one check-in, or up to 1,000 in a list.

    200 means that it is on disk. In a list each stands for itself: the answer has one item for each, in order, with
    its own `status` and, where it was refused, the `problem`. Sent again, a check-in is stored once.
    """
    if isinstance(sent, CheckIn):
        (outcome,) = await _outcomes(parts, caller, [sent])
        if isinstance(outcome, CrontopusError):
            raise outcome
        return Response(_answer(outcome))
    outcomes = await _outcomes(parts, caller, [_item(item) for item in sent])
    return Response(CheckInAnswers(items=[_answer(outcome) for outcome in outcomes]))


async def _outcomes(parts: Parts, caller: Principal, several: Sequence[Item]) -> list[Outcome]:
    """In order. What cannot be understood does not keep the others from being stored."""
    addresses = await _addresses(parts, caller, several)
    tried = [_report(parts, caller, one, addresses) if isinstance(one, CheckIn) else one for one in several]
    reports = [one for one in tried if isinstance(one, Report)]
    stored = iter(await parts.intake.submit(reports) if reports else [])
    return [next(stored) if isinstance(one, Report) else one for one in tried]


async def _addresses(parts: Parts, caller: Principal, several: Sequence[Item]) -> dict[str, ByJob]:
    """By the name a check-in gives its job; what is out of reach is left out."""
    names = {one.job for one in several if isinstance(one, CheckIn) and one.job}
    if caller.reach.job is not None:
        names.add(str(caller.reach.job))
    async with parts.db.read(caller.tenant) as tx:
        found = await jobs.ids_of(tx, caller.reach, sorted(names))
    return {name: ByJob(caller.tenant, job) for name, job in found.items()}


def _report(parts: Parts, caller: Principal, sent: CheckIn, addresses: dict[str, ByJob]) -> Report | CrontopusError:
    name = sent.job or (str(caller.reach.job) if caller.reach.job else "")
    if not name:
        return Invalid("a check-in names its job", (Fault("/job", "give its id, or namespace/slug"),))
    if name not in addresses:
        return NotFound(f"no job {name!r}")
    try:
        return report_of(sent, addresses[name], parts.db.clock(), parts.body_limit_bytes)
    except CrontopusError as error:
        return error


def _answer(outcome: Outcome) -> CheckInAnswer:
    if isinstance(outcome, Accepted):
        return CheckInAnswer(status=OK, run=outcome.run, run_id=outcome.run_id)
    problem = Problem.of(outcome)
    return CheckInAnswer(status=problem.status, problem=problem)


ROUTES = [check_in]
