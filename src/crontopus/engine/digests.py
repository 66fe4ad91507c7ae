"""The digest: made when it is due, from what is stored, and mailed to who asked for it."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import structlog

from crontopus.domain import digest as words
from crontopus.domain import messages
from crontopus.domain.access import Principal, Reach
from crontopus.domain.alerts import SubjectKind
from crontopus.domain.audit import Noun, Target
from crontopus.domain.digest import AlertLine, Contents, Every, RunsLine
from crontopus.domain.errors import Conflict, NotAllowed
from crontopus.domain.watch import RunState
from crontopus.engine import audit, holding
from crontopus.engine.mail import Mail
from crontopus.storage import accounts, alert_lists, digests, gaps, jobs, tenants
from crontopus.storage.alerts import Stored
from crontopus.storage.database import Database, SystemTx, Tx
from crontopus.storage.digests import Digest, Owed

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=30)
AT_ONCE = 20
MOST = 1000
"""Alerts, and silent jobs, that one digest looks at."""
_WELL = {RunState.SUCCEEDED, RunState.SKIPPED, RunState.RUNNING}


class Digests:
    def __init__(self, db: Database, mail: Mail, public_url: str) -> None:
        self._db = db
        self._mail = mail
        self._url = public_url

    async def step(self) -> bool:
        """Write some that are due. True where there may be more."""
        async with self._db.read_all() as tx:
            owed = await digests.due(tx, AT_ONCE)
        for one in owed:
            try:
                await self._write(one)
            except Exception:  # one keeps no other from going out
                log.exception("a digest could not be written")
        return len(owed) == AT_ONCE

    async def _write(self, owed: Owed) -> None:
        async with self._db.read(owed.tenant) as tx:
            contents = await self._contents(tx, owed)
        async with self._db.write(owed.tenant) as tx:
            if await digests.claim(tx, owed, words.next_at(owed.every, owed.zone, tx.now)):
                await self._mail.put(tx, words.letter(owed.email, owed.every, contents), owed.user)

    async def _contents(self, tx: Tx, owed: Owed) -> Contents:
        reach = Reach(frozenset(map(UUID, owed.namespaces))) if owed.namespaces else Reach()
        since = words.since(owed.every, owed.next_at)
        found = await holding.within(tx, reach, await alert_lists.since(tx, reach, since, MOST))
        subjects = await jobs.subjects(SystemTx(tx.sql, tx.now), {one.subject_id for one in found})
        names = {id: f"{one.namespace}/{one.slug}" for id, one in subjects.items()}
        by_job = await digests.runs_since(tx, reach, since)
        troubled = [job for job, counts in by_job.items() if counts.keys() - _WELL]
        named = {one.id: f"{one.namespace}/{one.slug}" for one in await jobs.refs(tx, reach, troubled)}
        return Contents(
            tenant=owed.tenant_name,
            since=since,
            until=tx.now,
            zone=owed.zone,
            alerts=[_line(one, names) for one in found],
            runs=_sum(by_job),
            troubled=sorted((RunsLine(named[job], by_job[job]) for job in named), key=lambda one: one.name),
            silent=[f"{one.namespace}/{one.slug}" for one in await gaps.silent_since(tx, reach, since, MOST)],
            link=f"{self._url}/alerts",
            settings_link=f"{self._url}/me#digest",
        )


async def shown(tx: Tx, caller: Principal) -> Digest | None:
    """What the caller asked for in their tenant. Raises NotAllowed for a token of a program."""
    user = _person(caller)
    return await digests.of(tx, user)


async def ask(tx: Tx, caller: Principal, every: Every | None, *, mails: bool) -> Digest | None:
    """None: for none any more. Raises NotAllowed, and Conflict where nothing is mailed."""
    user = _person(caller)
    before = await digests.of(tx, user)
    made = None
    if every is not None:
        if not mails:
            raise Conflict(
                "this installation sends no e-mail: whoever runs it can give the settings smtp_url and mail_from"
            )
        profile = await accounts.profile_of(SystemTx(tx.sql, tx.now), user)
        zone = profile["zone"] or (await tenants.own(tx)).timezone
        made = Digest(every, words.next_at(every, zone, tx.now))
    await digests.keep(tx, user, made)
    target = Target(Noun.MEMBER, user, caller.name)
    told = {"digest": None if before is None else before.every}
    await audit.tell(tx, caller, "digest.ask", target, told, {"digest": every})
    return made


def _person(caller: Principal) -> UUID:
    if caller.user is None or caller.email is None:
        raise NotAllowed("a program has no letter box: come as a person")
    return caller.user


def _line(one: Stored, names: Mapping[UUID, str]) -> AlertLine:
    of_job = one.subject is SubjectKind.JOB
    return AlertLine(
        name=names.get(one.subject_id, "a job that is gone") if of_job else "several jobs",
        kind=one.alert.kind,
        opened_at=one.alert.opened_at,
        resolved_at=one.alert.resolved_at,
        ending=one.alert.ending,
        held_by=messages.held_by(one.holders),
    )


def _sum(by_job: Mapping[UUID, Mapping[RunState, int]]) -> dict[RunState, int]:
    counts: dict[RunState, int] = {}
    for found in by_job.values():
        for state, count in found.items():
            counts[state] = counts.get(state, 0) + count
    return counts
