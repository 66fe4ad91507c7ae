"""What a person decides about a job, checked as a whole: all that is wrong with it is told at once."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from msgspec import UNSET, Struct, structs, to_builtins

from crontopus.domain import duration, ids
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.reports import Filters
from crontopus.domain.schedule import Clock
from crontopus.domain.watch import Expectation, Overlap
from crontopus.engine import schedules
from crontopus.storage.jobs import Job, Notes
from crontopus.wire.jobs import JobPatch, JobSpec

T = TypeVar("T")

METHODS = ("GET", "HEAD", "POST", "PUT")
LONGEST_RUN = timedelta(days=400)
LONGEST_LABEL = 200
LONGEST_DEPENDENCY = 250


class Definition(Struct, frozen=True, kw_only=True):
    """A job's definition, as storage keeps it."""

    slug: str
    name: str
    expectation: Expectation
    timezone_given: bool
    filters: Filters
    tags: list[str]
    labels: dict[str, str]
    notes: Notes
    depends_on: list[str]

    def values(self) -> dict[str, Any]:
        """Of the job's own row."""
        return {field: value for field, value in structs.asdict(self).items() if field != "depends_on"}


class _Faults:
    """Collects what is wrong, so that the first fault does not hide the others."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def say(self, pointer: str, detail: str) -> None:
        self.found.append(Fault(pointer, detail))

    def tried(self, read: Callable[[], T], instead: T) -> T:
        try:
            return read()
        except Invalid as error:
            self.found += error.faults
            return instead

    def raised(self) -> None:
        if self.found:
            raise Invalid(" ".join(fault.detail for fault in self.found), tuple(self.found))


def of_new(spec: JobSpec, name: str, slug: str, timezone: str) -> Definition:
    """`timezone`: the namespace's, for a job without its own. Raises Invalid with a fault for each place."""
    faults = _Faults()
    name, slug = name.strip() or slug, slug or ids.slug_of(name)
    _check_names(name, slug, faults)
    expectation = _expectation(spec, timezone, faults)
    _check_texts(spec, faults)
    faults.raised()
    return Definition(
        slug=slug,
        name=name,
        expectation=expectation,
        timezone_given=spec.timezone is not None,
        filters=Filters(tuple(spec.methods), spec.start_kw, spec.success_kw, spec.failure_kw),
        tags=list(dict.fromkeys(tag.strip() for tag in spec.tags)),
        labels=dict(spec.labels),
        notes=Notes(
            description=spec.description,
            severity=spec.severity,
            owner=spec.owner,
            runbook=spec.runbook,
        ),
        depends_on=sorted(set(spec.depends_on)),
    )


def patched(job: Job, patch: JobPatch, timezone: str) -> Definition:
    """`job` with `patch` (RFC 7396): what is absent stays, null puts the default back. Raises Invalid."""
    spec = structs.asdict(spec_of(job))
    defaults = structs.asdict(JobSpec())
    for field in JobSpec.__struct_fields__:
        given = getattr(patch, field)
        if given is None:
            spec[field] = defaults[field]
        elif field == "labels" and given is not UNSET:
            spec[field] = _merged(spec[field], given)
        elif given is not UNSET:
            spec[field] = given
    name = job.name if patch.name is UNSET else patch.name
    slug = job.slug if patch.slug is UNSET else patch.slug
    return of_new(JobSpec(**spec), str(name), str(slug), timezone)


def told(job: Job) -> dict[str, Any]:
    """`job` as the audit log tells of it: what was decided, as it would be sent again."""
    return {"slug": job.slug, "name": job.name, **to_builtins(spec_of(job))}


def spec_of(job: Job) -> JobSpec:
    """What was decided about `job`, as it would be sent again."""
    rule = job.expectation
    return JobSpec(
        description=job.notes.description,
        tags=job.tags,
        labels=job.labels,
        schedule=schedules.shown(rule.schedules),
        timezone=rule.timezone if job.timezone_given else None,
        clock=rule.clock,
        grace=rule.grace.total_seconds(),
        max_runtime=_seconds(rule.max_runtime),
        min_runtime=_seconds(rule.min_runtime),
        fail_after=rule.fail_after,
        miss_after=rule.miss_after,
        recover_after=rule.recover_after,
        overlap=rule.overlap,
        first_by=rule.first_by,
        methods=list(job.filters.methods),
        start_kw=job.filters.start_kw,
        success_kw=job.filters.success_kw,
        failure_kw=job.filters.failure_kw,
        manual_resume=rule.manual_resume,
        severity=job.notes.severity,
        owner=job.notes.owner,
        runbook=job.notes.runbook,
        depends_on=job.depends_on,
    )


def _merged(old: dict[str, str], patch: dict[str, str | None]) -> dict[str, str]:
    both = {**old, **patch}
    return {key: value for key, value in both.items() if value is not None}


def _expectation(spec: JobSpec, namespace_timezone: str, faults: _Faults) -> Expectation:
    timezone = namespace_timezone if spec.timezone is None else spec.timezone
    forbidden = Overlap.FORBID if spec.clock is Clock.SYSTEMD else Overlap.ALLOW
    max_runtime = _bound(spec.max_runtime, "/max_runtime", timedelta(seconds=1), faults)
    min_runtime = _bound(spec.min_runtime, "/min_runtime", timedelta(0), faults)
    if max_runtime is not None and min_runtime is not None and min_runtime >= max_runtime:
        faults.say("/min_runtime", "min_runtime must be shorter than max_runtime.")
    first_by = spec.first_by
    return Expectation(
        schedules=faults.tried(lambda: schedules.read(spec.schedule, timezone, spec.clock), ()),
        timezone=timezone,
        clock=spec.clock,
        grace=faults.tried(
            lambda: duration.parse(spec.grace, most=schedules.LONGEST_GRACE, pointer="/grace"), schedules.DEFAULT_GRACE
        ),
        max_runtime=max_runtime,
        min_runtime=min_runtime or None,
        fail_after=spec.fail_after,
        miss_after=spec.miss_after,
        recover_after=spec.recover_after,
        overlap=spec.overlap or forbidden,
        first_by=None if first_by is None else faults.tried(lambda: schedules.utc(first_by, "/first_by"), first_by),
        manual_resume=spec.manual_resume,
    )


def _bound(written: float | str | None, pointer: str, least: timedelta, faults: _Faults) -> timedelta | None:
    if written is None:
        return None
    return faults.tried(lambda: duration.parse(written, least=least, most=LONGEST_RUN, pointer=pointer), None)


def _check_names(name: str, slug: str, faults: _Faults) -> None:
    if not name:
        faults.say("/name", "A job needs a name or a slug.")
    elif len(name) > 200:
        faults.say("/name", "A name has at most 200 characters.")
    elif not slug:
        faults.say("/slug", "No slug can be made from this name: give one of a-z, 0-9, - and _.")
    elif not ids.is_slug(slug):
        faults.say("/slug", "A slug has 1 to 100 of a-z, 0-9, - and _; start, fail, log and numbers are reserved.")


def _check_texts(spec: JobSpec, faults: _Faults) -> None:
    wrong = sorted(set(spec.methods) - set(METHODS))
    if wrong:
        faults.say("/methods", f"{wrong[0]!r} is no method of pings: there are {', '.join(METHODS)}.")
    if not all(tag.strip() for tag in spec.tags):
        faults.say("/tags", "A tag is not blank.")
    for key, value in spec.labels.items():
        if not key or len(key) > LONGEST_LABEL or len(value) > LONGEST_LABEL:
            faults.say(
                "/labels", f"Keys and values of labels have at most {LONGEST_LABEL} characters; keys at least 1."
            )
            break
    _check_dependencies(spec.depends_on, faults)


def _check_dependencies(depends_on: Sequence[str], faults: _Faults) -> None:
    if any(not 0 < len(name) <= LONGEST_DEPENDENCY for name in depends_on):
        faults.say("/depends_on", "Name each job by its id or as namespace/slug.")


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
