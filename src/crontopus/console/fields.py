"""The job form's fields: from a job to what stands in them, and back to what the API takes. Pure."""

from typing import Any

from crontopus.console.forms import Form, same_names
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.schedule import Clock
from crontopus.wire.jobs import Job
from crontopus.wire.schedules import Schedule, Schedules

CRON = ("minute", "hour", "day", "month", "weekday")
_LENGTHS = ("grace", "max_runtime", "min_runtime")
_TYPED = ("every", "cron", "on_calendar")
_COUNTS = ("fail_after", "miss_after", "recover_after")
_TEXTS = ("description", "owner", "runbook", "start_kw", "success_kw", "failure_kw")
_FIELDS = {
    "/schedule/every": "every",
    "/schedule/cron": "cron",
    "/schedule/on_calendar": "on_calendar",
} | same_names(
    "name", "slug", "namespace", "timezone", "tags", "depends_on", "clock", "overlap", *_LENGTHS, *_COUNTS, *_TEXTS
)


def fields(form: Form) -> dict[str, str]:
    """Which field shows the fault at which pointer; what is wrong with the schedule stands where it was typed."""
    return _FIELDS | {"/schedule": form["kind"] if form["kind"] in _TYPED else "kind"}


def of_new(namespace: str, key: str) -> Form:
    """An empty form: every day at two, as most jobs are. `key` makes a second press of the button harmless."""
    typed = {"namespace": namespace, "key": key, "kind": "cron", "clock": Clock.CRON.value, "grace": "10m"}
    cron = dict(zip(CRON, ("0", "2", "*", "*", "*"), strict=True))
    return Form(list((typed | cron | dict.fromkeys(_COUNTS, "1")).items()))


def of_job(job: Job) -> Form:
    typed = {
        "name": job.name,
        "slug": job.slug,
        "namespace": job.namespace,
        "version": str(job.version),
        "timezone": job.timezone,
        "clock": job.clock.value,
        "tags": " ".join(job.tags),
        "depends_on": " ".join(job.depends_on),
        "methods": " ".join(job.methods),
        "overlap": job.overlap.value,
        "severity": job.severity.value,
        "manual_resume": "yes" if job.manual_resume else "",
    }
    typed |= {name: getattr(job, name) for name in _TEXTS}
    typed |= {name: str(getattr(job, name)) for name in _COUNTS}
    typed |= {name: typed_length(getattr(job, name)) for name in _LENGTHS}
    return Form(list((typed | _of_schedule(job.schedule)).items()))


def _of_schedule(schedule: Schedules) -> dict[str, str]:
    if isinstance(schedule, list):
        return {"kind": "keep"}
    if schedule is None:
        return {"kind": "none"}
    if schedule.every is not None:
        return {"kind": "every", "every": typed_length(schedule.every)}
    if schedule.on_calendar is not None:
        return {"kind": "on_calendar", "on_calendar": schedule.on_calendar}
    return {"kind": "cron"} | cron_fields(schedule.cron or "")


def cron_fields(line: str) -> dict[str, str]:
    """The five fields of a line; what has more or fewer stands in the first."""
    words = line.split()
    return dict(zip(CRON, words if len(words) == len(CRON) else [" ".join(words)], strict=False))


def typed_length(value: float | str | None) -> str:
    """A duration as it can be typed again: `1h30m`; empty for None."""
    if value is None or isinstance(value, str):
        return value or ""
    rest, text = value, ""
    for size, name in ((86400, "d"), (3600, "h"), (60, "m")):
        amount, rest = divmod(rest, size)
        text += f"{int(amount)}{name}" if amount else ""
    return text + (f"{rest:g}s" if rest or not text else "")


def cron_line(form: Form) -> str:
    """The line of the five fields; a whole line pasted into one of them, or a macro, counts for itself."""
    parts = [form[name] for name in CRON]
    return next((part for part in parts if " " in part or part.startswith("@")), " ".join(filter(None, parts)))


def schedule(form: Form) -> Schedules:
    """Raises Invalid where the chosen kind has nothing in its field."""
    match form["kind"]:
        case "every":
            return Schedule(every=_needed(form.length("every"), "every", "Say how often, such as 1h."))
        case "cron":
            return Schedule(cron=_needed(cron_line(form), "cron", "Give a cron line, such as 0 2 * * *."))
        case "on_calendar":
            hint = "Give a calendar event, such as Mon *-*-* 02:00."
            return Schedule(on_calendar=_needed(form["on_calendar"], "on_calendar", hint))
        case _:
            return None


def _needed(text: str | None, field: str, hint: str) -> str:
    if text:
        return text
    raise Invalid(hint, (Fault(f"/schedule/{field}", hint),))


def spec(form: Form, keep: Job | None = None) -> dict[str, Any]:
    """What the API takes: for a new job, or, with `keep`, as a patch of that one, where null is the default."""
    decided: dict[str, Any] = {name: form[name] for name in ("name", "slug", *_TEXTS)}
    decided |= {name: form.whole(name, 1) for name in _COUNTS}
    decided |= {name: form.length(name) for name in _LENGTHS}
    decided["depends_on"] = form.words("depends_on")
    decided |= {"tags": form.words("tags"), "methods": [method.upper() for method in form.words("methods")]}
    decided |= {name: form[name] or None for name in ("timezone", "overlap")}
    decided |= {"clock": form["clock"] or "cron", "severity": form["severity"] or "warning"}
    decided["manual_resume"] = "manual_resume" in form and form["manual_resume"] != ""
    if form["kind"] != "keep":
        decided["schedule"] = schedule(form)
    if keep is None:
        return {"namespace": form["namespace"] or "default", **_without_empty(decided)}
    return decided if decided["slug"] else decided | {"slug": keep.slug}


def _without_empty(decided: dict[str, Any]) -> dict[str, Any]:
    """A new job leaves what was not filled in to the defaults."""
    return {name: value for name, value in decided.items() if value is not None}
