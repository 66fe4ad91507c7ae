"""What is done to one job: make, edit, pause, resume, delete."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from crontopus.domain.access import ALL, Principal, Reach
from crontopus.domain.audit import Deed, Noun, Target, changes
from crontopus.domain.errors import Conflict, Fault, Invalid, LostRace, NotAllowed
from crontopus.domain.tiers import Quota
from crontopus.domain.watch import Edited, Paused, Resumed, Status
from crontopus.engine import audit, definitions, needs, quotas, schedules, watching
from crontopus.engine.definitions import Definition
from crontopus.storage import alerts, dependencies, events, jobs, namespaces
from crontopus.storage.database import Tx
from crontopus.storage.identity import new_id
from crontopus.storage.jobs import Watched
from crontopus.storage.namespaces import Namespace
from crontopus.wire.jobs import JobPatch, NewJob, Origin


async def create(tx: Tx, caller: Principal, new: NewJob) -> Watched:
    """Raises Invalid, NotFound (the namespace), QuotaReached or Conflict (the slug is taken)."""
    namespace = await _home(tx, caller, new.namespace)
    definition = definitions.of_new(new, new.name, new.slug, namespace.timezone)
    await quotas.require(tx, Quota.JOBS)
    job = new_id(tx.now)
    row = jobs.row(
        id=job,
        tenant=tx.tenant,
        namespace_id=namespace.id,
        ping_uuid=uuid4(),
        origin=Origin.API,
        now=tx.now,
        **definition.values(),
    )
    if not await jobs.add(tx, row):
        raise _taken(namespace.slug, definition.slug)
    await watching.born(tx, job, definition.expectation)
    await needs.depend(tx, caller.reach, job, definition.depends_on)
    await events.add(tx, job, 1)
    made = await jobs.find(tx, caller.reach, str(job))
    await audit.tell(tx, caller, "job.create", target(made.job), after=definitions.told(made.job))
    return made


async def edit(tx: Tx, caller: Principal, name: str, patch: JobPatch, versions: Sequence[int] | None) -> Watched:
    """`versions`: those of which one must be the newest (None: any). Raises Invalid, NotFound, Conflict, LostRace."""
    job = await jobs.lock(tx, caller.reach, name)
    old = (await jobs.find(tx, caller.reach, str(job))).job
    _require_version(old, versions)
    home = (await namespaces.of_ids(tx, [old.namespace_id]))[old.namespace_id]
    new = definitions.patched(old, patch, home.timezone)
    if new != _definition_of(old):
        await _store(tx, caller.reach, job, old, new)
    found = await jobs.find(tx, caller.reach, str(job))
    if new != _definition_of(old):
        before, after = definitions.told(old), definitions.told(found.job)
        await audit.tell(tx, caller, "job.edit", target(found.job), before, after)
    return found


async def refit(tx: Tx, job: UUID) -> None:
    """The zone of its namespace holds from now on, if it has none of its own. Nothing happens where it is gone."""
    await jobs.lock_all(tx, ALL, [job])
    for found in await jobs.of_ids(tx, ALL, [job]):
        old = found.job
        home = (await namespaces.of_ids(tx, [old.namespace_id]))[old.namespace_id]
        new = definitions.patched(old, JobPatch(), home.timezone)
        if new != _definition_of(old):
            await _store(tx, ALL, job, old, new)


async def pause(tx: Tx, caller: Principal, name: str, until: datetime | None) -> Watched:
    """Raises NotFound, and Invalid where `until` is over."""
    moment = pause_end(until, tx.now)
    job = await jobs.lock(tx, caller.reach, name)
    before = await jobs.find(tx, caller.reach, str(job))
    await watching.apply(tx, job, Paused(moment))
    await audit.tell_all(tx, caller, [paused(before, moment)])
    return await jobs.find(tx, caller.reach, str(job))


async def resume(tx: Tx, caller: Principal, name: str) -> Watched:
    """A job that is not paused stays as it is. Raises NotFound."""
    job = await jobs.lock(tx, caller.reach, name)
    found = await jobs.find(tx, caller.reach, str(job))
    if found.watch.status is not Status.PAUSED:
        return found
    await watching.apply(tx, job, Resumed())
    await audit.tell_all(tx, caller, [resumed(found)])
    return await jobs.find(tx, caller.reach, str(job))


async def delete(tx: Tx, caller: Principal, name: str, versions: Sequence[int] | None) -> None:
    """`versions` as for `edit`. Raises NotFound, LostRace."""
    job = await jobs.lock(tx, caller.reach, name)
    found = await jobs.find(tx, caller.reach, str(job))
    if versions is not None:
        _require_version(found.job, versions)
    await remove(tx, job)
    await audit.tell_all(tx, caller, [deleted(found)])


async def remove(tx: Tx, job: UUID) -> None:
    """Delete a job that is locked."""
    await alerts.ask_subjects_again(tx, {job} | await dependencies.descendants(tx, [job]))
    await dependencies.forget(tx, job)
    await jobs.remove(tx, job)
    await events.add(tx, job, 0)


def target(job: jobs.Job) -> Target:
    """As the audit log names it."""
    return Target(Noun.JOB, job.id, f"{job.namespace}/{job.slug}")


def paused(before: Watched, until: datetime | None) -> Deed:
    changed = changes(_state(before), {"status": Status.PAUSED, "paused_until": until})
    return Deed("job.pause", target(before.job), changed)


def resumed(before: Watched) -> Deed:
    return Deed("job.resume", target(before.job), changes({"paused_until": before.watch.paused_until}, {}))


def deleted(before: Watched) -> Deed:
    return Deed("job.delete", target(before.job), changes(definitions.told(before.job), {}))


def _state(found: Watched) -> dict[str, Any]:
    return {"status": found.watch.status, "paused_until": found.watch.paused_until}


def _require_version(job: jobs.Job, versions: Sequence[int] | None) -> None:
    if versions is not None and job.version not in versions:
        raise LostRace(f"the job is at version {job.version} by now: read it again, and repeat the change")


def pause_end(until: datetime | None, now: datetime) -> datetime | None:
    """Raises Invalid where it is over."""
    if until is None:
        return None
    moment = schedules.utc(until, "/until")
    if moment <= now:
        raise Invalid("the pause would be over already", (Fault("/until", "choose an instant in the future"),))
    return moment


async def _home(tx: Tx, caller: Principal, slug: str) -> Namespace:
    """The namespace of a new job. Raises NotFound with the place where it was named."""
    if caller.reach.job is not None:
        raise NotAllowed("a token of one job makes no others")
    namespace = await namespaces.hold(tx, slug)
    caller.require_namespace(namespace.id)
    return namespace


async def _store(tx: Tx, reach: Reach, job: UUID, old: jobs.Job, new: Definition) -> None:
    if new.slug != old.slug and await jobs.slug_taken(tx, old.namespace_id, new.slug):
        raise _taken(old.namespace, new.slug)
    if new.expectation != old.expectation:
        await watching.apply(tx, job, Edited(new.expectation))
    await jobs.change(tx, job, jobs.definition(**new.values(), now=tx.now))
    if new.depends_on != old.depends_on:
        await needs.depend(tx, reach, job, new.depends_on)
    await alerts.ask_all_again(tx, job)
    await events.add(tx, job, old.version + 1)


def _definition_of(job: jobs.Job) -> Definition:
    return Definition(**{field: getattr(job, field) for field in Definition.__struct_fields__})


def _taken(namespace: str, slug: str) -> Conflict:
    return Conflict(
        f"the namespace {namespace} has a job with the slug {slug} already",
        (Fault("/slug", "taken: choose another slug"),),
    )
