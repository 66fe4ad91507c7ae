"""What holds alerts: read for many at once, and turned into holders of each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from crontopus.domain.access import Reach
from crontopus.domain.alerts import Alert, AlertClass, SubjectKind
from crontopus.domain.routing import LONGEST_PARENT, Child, Facts, Holder, HolderKind, Parent, Quiet, of_parent
from crontopus.domain.watch import Watch
from crontopus.storage import alerts, dependencies, jobs, silences
from crontopus.storage.alerts import Stored
from crontopus.storage.database import SystemTx, Tx
from crontopus.storage.dependencies import Mute
from crontopus.storage.jobs import Subject

Watches = Mapping[tuple[UUID, UUID], Watch]

OUT_OF_REACH = "a job out of reach"


class Ground(Struct, frozen=True, kw_only=True):
    """`quiets` by tenant; `ancestors`: all that the jobs of the alerts depend on. `alerts` by subject, of these jobs
    and of their ancestors; `mutes` and `subjects` likewise.
    """

    quiets: Mapping[UUID, Sequence[Quiet]]
    ancestors: Mapping[UUID, frozenset[UUID]]
    alerts: Mapping[UUID, Sequence[Stored]]
    mutes: Mapping[UUID, Mute]
    subjects: Mapping[UUID, Subject]
    watches: Watches

    def holders(self, of: Stored, seen: Facts, now: datetime) -> Sequence[Holder]:
        """Of one alert, whatever holds it, has held it or will."""
        found = [
            holder
            for quiet in self.quiets.get(of.tenant_id, ())
            if quiet.concerns(seen)
            for holder in quiet.holders(now)
        ]
        if of.subject is SubjectKind.JOB:
            found += self._of_job(of, now)
        return found

    def _of_job(self, of: Stored, now: datetime) -> Iterator[Holder]:
        job = of.subject_id
        if job in self.mutes:
            yield _of_mute(self.mutes[job])
        if of.alert.kind is not AlertClass.FLAPPING:
            yield from self._of_flapping(of)
        child = self.subjects.get(job)
        for parent in sorted(self.ancestors.get(job, ())):
            muted = parent in self.mutes and _of_mute(self.mutes[parent]).holds(now)
            if child is not None and not muted:
                watch = self.watches.get((job, of.agent_id))
                yield from of_parent(self._parent(parent), Child(of.alert, child.expectation, watch, of.let_go_at))

    def _of_flapping(self, of: Stored) -> Iterator[Holder]:
        for each in self.alerts.get(of.subject_id, ()):
            if each.alert.kind is AlertClass.FLAPPING and each.agent_id == of.agent_id:
                since, until = each.alert.opened_at, each.alert.resolved_at
                yield Holder(HolderKind.FLAPPING, each.alert.id, "it is flapping", since, until)

    def _parent(self, job: UUID) -> Parent:
        subject = self.subjects.get(job)
        found: list[Alert] = [each.alert for each in self.alerts.get(job, ())]
        return Parent(job, subject.name if subject else "", found)


async def ground(tx: SystemTx, of: Collection[Stored], subjects: Mapping[UUID, Subject], believed: Watches) -> Ground:
    """For these alerts, as they are by now, whatever is stored of them; with the watches of their jobs."""
    of_jobs = {each.subject_id for each in of if each.subject is SubjectKind.JOB}
    ancestors = await dependencies.ancestors(tx, of_jobs)
    above = frozenset().union(*ancestors.values()) - subjects.keys()
    everyone = of_jobs | frozenset().union(*ancestors.values())
    stored = {each.alert.id: each for each in await alerts.around(tx, everyone, tx.now - LONGEST_PARENT)}
    stored |= {each.alert.id: each for each in of}
    by_subject: dict[UUID, list[Stored]] = {}
    for each in stored.values():
        by_subject.setdefault(each.subject_id, []).append(each)
    return Ground(
        quiets=await silences.of_tenants(tx, {each.tenant_id for each in of}),
        ancestors=ancestors,
        alerts=by_subject,
        mutes=await dependencies.muted(tx, everyone),
        subjects={**subjects, **(await jobs.subjects(tx, above) if above else {})},
        watches=believed,
    )


async def within(tx: Tx, reach: Reach, several: Sequence[Stored]) -> Sequence[Stored]:
    """As whoever reaches a part of the jobs sees them: what a parent is called that is none of these stays hidden."""
    if reach.is_all:
        return several
    parents = [holder.id for one in several for holder in one.holders if holder.kind is HolderKind.PARENT]
    reached = await jobs.reached(tx, reach, parents)
    return [replace(one, holders=tuple(_seen(holder, reached) for holder in one.holders)) for one in several]


def _seen(holder: Holder, reached: Collection[UUID]) -> Holder:
    hidden = holder.kind is HolderKind.PARENT and holder.id not in reached
    return replace(holder, name=OUT_OF_REACH) if hidden else holder


def _of_mute(mute: Mute) -> Holder:
    return Holder(HolderKind.MUTE, mute.job_id, mute.reason or "no reason given", mute.since, mute.until)
