"""Silences and maintenance windows, made and ended by people; the mute of a job; and what each hides."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct
from msgspec.structs import asdict, replace

from crontopus.domain import duration, schedule
from crontopus.domain.access import Principal
from crontopus.domain.audit import Noun, Target
from crontopus.domain.errors import Conflict, Fault, Invalid
from crontopus.domain.query import Query, alert_classes, matches
from crontopus.domain.routing import Once, Recurring, Times, Weekly
from crontopus.domain.schedule import Clock, Cron
from crontopus.engine import audit, schedules
from crontopus.engine.alerting import job_fields
from crontopus.engine.routing import hours_of, matcher_of
from crontopus.storage import alert_lists, alerts, dependencies, events, jobs, silences
from crontopus.storage.alert_lists import Wanted
from crontopus.storage.alerts import Stored
from crontopus.storage.database import Tx
from crontopus.storage.dependencies import Mute
from crontopus.storage.identity import new_id
from crontopus.storage.jobs import Watched
from crontopus.storage.silences import Silence, Window
from crontopus.wire.silences import MuteJob, NewSilence, NewWindow, SilencePatch, WindowPatch, WindowTimes

MOST = 200
LONGEST = timedelta(days=366)
LONGEST_STRETCH = timedelta(days=30)
SHOWN = 20
"""Of the alerts and jobs that something hides."""
PAGE = 1000


class Hidden(Struct, frozen=True):
    """See `wire.silences.Hidden`."""

    open: int
    alerts: Sequence[Stored]
    jobs: int
    names: Sequence[str]


async def hidden(tx: Tx, caller: Principal, matcher: str) -> Hidden:
    """What a silence of this matcher would hide, before it is made. Raises Invalid."""
    query = matcher_of(matcher)
    wanted = Wanted(only_open=True, query=query)
    found = await alert_lists.listed(tx, caller.reach, wanted, None, SHOWN)
    count = await alert_lists.count(tx, caller.reach, wanted)
    of_jobs, names = await _jobs(tx, caller, query)
    return Hidden(count, found, of_jobs, names)


async def _jobs(tx: Tx, caller: Principal, wanted: Query) -> tuple[int, Sequence[str]]:
    """How many jobs could have an alert that matches, and the first of them."""
    rest, classes = alert_classes(wanted)
    names: list[str] = []
    count = 0
    if not classes:
        return 0, []
    async for page in jobs.all_subjects(tx, caller.reach, PAGE):
        found = [each for each in page if matches(rest, job_fields(each), each.labels)]
        count += len(found)
        names += [f"{each.namespace}/{each.slug}" for each in found[: SHOWN - len(names)]]
    return count, names


async def create(tx: Tx, caller: Principal, new: NewSilence) -> Silence:
    """Raises Invalid, Conflict."""
    caller.require_all_jobs()
    matcher_of(new.matcher)
    if await silences.count(tx) >= MOST:
        raise Conflict(f"an organisation has at most {MOST} silences at a time: end one first, or make one of several")
    made = Silence(
        id=new_id(tx.now),
        matcher=new.matcher.strip(),
        reason=new.reason.strip(),
        since=tx.now if new.since is None else max(tx.now, schedules.utc(new.since, "/since")),
        until=schedules.utc(new.until, "/until"),
        made_by=caller.name,
        created_at=tx.now,
    )
    _require_stretch(made.since, made.until, tx.now)
    await silences.add(tx, made)
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "silence.create", _target(made), after=_told(made))
    return made


async def edit(tx: Tx, caller: Principal, id: UUID, patch: SilencePatch) -> Silence:
    """JSON Merge Patch. Raises Invalid, NotFound, and Conflict where it is over."""
    caller.require_all_jobs()
    old = await _standing(tx, id)
    new = replace(old, **_given(patch))
    new = replace(new, until=schedules.utc(new.until, "/until"))
    matcher_of(new.matcher)
    _require_stretch(old.since, new.until, tx.now)
    await silences.change(tx, id, {name: getattr(new, name) for name in ("matcher", "reason", "until")})
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "silence.edit", _target(new), _told(old), _told(new))
    return new


async def end(tx: Tx, caller: Principal, id: UUID) -> None:
    """It lets go of what it holds, and stays in the list of those that are over. Raises NotFound, Conflict."""
    caller.require_all_jobs()
    old = await _standing(tx, id)
    await silences.change(tx, id, {"since": min(old.since, tx.now), "until": tx.now})
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "silence.end", _target(old), before=_told(old))


async def _standing(tx: Tx, id: UUID) -> Silence:
    found = await silences.find(tx, id)
    if found.until <= tx.now:
        raise Conflict("this silence is over: make another one")
    return found


async def add_window(tx: Tx, caller: Principal, new: NewWindow) -> Window:
    """Raises Invalid, Conflict."""
    caller.require_all_jobs()
    matcher_of(new.matcher)
    if len(await silences.windows(tx)) >= MOST:
        raise Conflict(f"an organisation has at most {MOST} maintenance windows: remove one first")
    made = Window(
        id=new_id(tx.now),
        name=new.name.strip(),
        matcher=new.matcher.strip(),
        times=_times(new.times, tx.now),
        enabled=new.enabled,
        made_by=caller.name,
        created_at=tx.now,
    )
    await silences.add_window(tx, made)
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "maintenance_window.create", _target_window(made), after=_told_window(made))
    return made


async def edit_window(tx: Tx, caller: Principal, id: UUID, patch: WindowPatch) -> Window:
    """JSON Merge Patch. Raises Invalid, NotFound."""
    caller.require_all_jobs()
    old = await silences.find_window(tx, id)
    given = _given(patch)
    if patch.times is not UNSET:
        given["times"] = _times(patch.times, tx.now)
    new = replace(old, **given)
    matcher_of(new.matcher)
    await silences.change_window(tx, new)
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "maintenance_window.edit", _target_window(new), _told_window(old), _told_window(new))
    return new


async def remove_window(tx: Tx, caller: Principal, id: UUID) -> None:
    """It lets go of what it holds. Raises NotFound."""
    caller.require_all_jobs()
    old = await silences.find_window(tx, id)
    await silences.remove_window(tx, id)
    await alerts.ask_all_again(tx)
    await audit.tell(tx, caller, "maintenance_window.remove", _target_window(old), before=_told_window(old))


async def mute(tx: Tx, caller: Principal, name: str, form: MuteJob) -> Watched:
    """Nobody is told of the job's alerts, and it holds none of others. Raises NotFound, Invalid."""
    until = None if form.until is None else schedules.utc(form.until, "/until")
    if until is not None:
        _require_stretch(tx.now, until, tx.now)
    job = await jobs.lock(tx, caller.reach, name)
    made = Mute(job_id=job, reason=form.reason.strip(), since=tx.now, until=until, made_by=caller.name)
    await dependencies.mute(tx, made)
    return await _muted(tx, caller, job, "job.mute", {"until": until, "reason": made.reason})


async def unmute(tx: Tx, caller: Principal, name: str) -> Watched:
    """A job that is not muted stays as it is. Raises NotFound."""
    job = await jobs.lock(tx, caller.reach, name)
    before = (await dependencies.muted(tx, [job])).get(job)
    if before is None:
        return await jobs.find(tx, caller.reach, str(job))
    await dependencies.unmute(tx, job)
    return await _muted(tx, caller, job, "job.unmute", {})


async def _muted(tx: Tx, caller: Principal, job: UUID, action: str, after: Mapping[str, Any]) -> Watched:
    await alerts.ask_subjects_again(tx, {job} | await dependencies.descendants(tx, [job]))
    found = await jobs.find(tx, caller.reach, str(job))
    await events.add(tx, job, found.job.version)
    target = Target(Noun.JOB, job, f"{found.job.namespace}/{found.job.slug}")
    await audit.tell(tx, caller, action, target, after=after)
    return found


def _given(patch: SilencePatch | WindowPatch) -> dict[str, Any]:
    given = {name: value for name, value in asdict(patch).items() if value is not UNSET}
    return {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}


def _require_stretch(since: datetime, until: datetime, now: datetime, pointer: str = "/until") -> None:
    if not since < until or not now < until:
        detail = "choose an end that is still to come, and later than the beginning"
        raise Invalid(detail, (Fault(pointer, detail),))
    if until - now > LONGEST:
        detail = "choose an end within a year: what nobody is told of is forgotten"
        raise Invalid(detail, (Fault(pointer, detail),))


def _times(given: WindowTimes, now: datetime) -> Times:
    """In the words of routing. Raises Invalid."""
    if sum(one is not None for one in (given.once, given.weekly, given.cron)) != 1:
        detail = "give exactly one of once, weekly and cron"
        raise Invalid(detail, (Fault("/times", detail),))
    if given.once is not None:
        since = schedules.utc(given.once.since, "/times/once/from")
        until = schedules.utc(given.once.until, "/times/once/to")
        _require_stretch(since, until, now, "/times/once/to")
        return Once(since, until)
    if given.weekly is not None:
        return Weekly(hours_of(given.weekly, "/times/weekly"))
    assert given.cron is not None  # noqa: S101 # exactly one is given
    lasts = duration.parse(
        given.cron.duration, least=timedelta(minutes=1), most=LONGEST_STRETCH, pointer="/times/cron/duration"
    )
    try:
        schedule.check((Cron(given.cron.cron),), given.cron.timezone, Clock.CRON)
    except Invalid as error:
        raise Invalid(str(error), tuple(Fault(_POINTERS[one.pointer], one.detail) for one in error.faults)) from None
    return Recurring(given.cron.cron, given.cron.timezone, lasts)


_POINTERS = {"/schedule": "/times/cron/cron", "/timezone": "/times/cron/timezone"}


def _target(silence: Silence) -> Target:
    return Target(Noun.SILENCE, silence.id, silence.name)


def _told(silence: Silence) -> dict[str, Any]:
    return {name: getattr(silence, name) for name in ("matcher", "reason", "since", "until")}


def _target_window(window: Window) -> Target:
    return Target(Noun.MAINTENANCE_WINDOW, window.id, window.name)


def _told_window(window: Window) -> dict[str, Any]:
    """As the audit log has it."""
    return {
        "name": window.name,
        "matcher": window.matcher,
        "enabled": window.enabled,
        "times": type(window.times).__name__.lower(),
    }
