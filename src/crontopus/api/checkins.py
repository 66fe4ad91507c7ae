"""Check-ins by JSON: one, or a list in which each stands for itself. 200 means that it is on disk."""

from collections.abc import Sequence

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency

from crontopus.api.arguments import Caller, Parts
from crontopus.api.principal import needs
from crontopus.api.reading import Body, decoded
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
Items = list[msgspec.Raw]
Tried = CheckIn | CrontopusError
"""A check-in as it was sent, or why it is none."""
_one = msgspec.json.Decoder(CheckIn)


@post(
    "/check-ins",
    operation_id="check_in",
    opt=needs(Scope.CHECK_INS_WRITE),
    dependencies={"sent": Body(CheckIn | list[CheckIn], read_as=CheckIn | Items)},
    status_code=OK,
)
async def check_in(
    caller: Caller, parts: Parts, sent: NamedDependency[CheckIn | Items]
) -> Response[CheckInAnswer | CheckInAnswers]:
    """Report one check-in, or up to 1,000 in a list.

    200 means that it is on disk. In a list each stands for itself: the answer has one item for each, in order, with
    its own `status` and, where it was refused, the `problem`. Sent again, a check-in is stored once.
    """
    if isinstance(sent, CheckIn):
        (outcome,) = await _outcomes(parts, caller, [sent])
        if isinstance(outcome, CrontopusError):
            raise outcome
        return Response(_item(outcome))
    if len(sent) > MOST:
        raise Invalid(f"a list has at most {MOST} check-ins", (Fault("", f"send {MOST} at a time"),))
    outcomes = await _outcomes(parts, caller, [_read(item) for item in sent])
    return Response(CheckInAnswers(items=[_item(outcome) for outcome in outcomes]))


def _read(item: msgspec.Raw) -> Tried:
    try:
        return decoded(bytes(item), _one)
    except Invalid as error:
        return error


async def _outcomes(parts: Parts, caller: Principal, several: Sequence[Tried]) -> list[Outcome]:
    """In order. What cannot be understood does not keep the others from being stored."""
    addresses = await _addresses(parts, caller, several)
    tried = [_report(parts, caller, one, addresses) if isinstance(one, CheckIn) else one for one in several]
    reports = [one for one in tried if isinstance(one, Report)]
    stored = iter(await parts.intake.submit(reports) if reports else [])
    return [next(stored) if isinstance(one, Report) else one for one in tried]


async def _addresses(parts: Parts, caller: Principal, several: Sequence[Tried]) -> dict[str, ByJob]:
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


def _item(outcome: Outcome) -> CheckInAnswer:
    if isinstance(outcome, Accepted):
        return CheckInAnswer(status=OK, run=outcome.run, run_id=outcome.run_id)
    problem = Problem.of(outcome)
    return CheckInAnswer(status=problem.status, problem=problem)


ROUTES = [check_in]
