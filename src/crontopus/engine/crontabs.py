"""What a crontab says, line by line, before jobs are made of it."""

from datetime import datetime
from itertools import islice

from crontopus.domain import crontab, schedule
from crontopus.domain.crontab_slug import suggest_slug
from crontopus.domain.errors import Fault, Invalid
from crontopus.domain.schedule import Clock, Cron
from crontopus.wire.schedules import Crontab, CrontabLine, CrontabRequest

MOST_LINES = 5000
NEXT = 3


def explain(request: CrontabRequest, now: datetime) -> Crontab:
    """Raises Invalid for a zone that does not exist, or too many lines."""
    schedule.check((), request.timezone, Clock.CRON)
    found = crontab.parse(request.text.replace("\r\n", "\n").encode(), system=request.system)
    told = [line for line in found.lines if isinstance(line, crontab.Job | crontab.Broken)]
    if len(told) > MOST_LINES:
        detail = f"a crontab has at most {MOST_LINES} lines that run something"
        raise Invalid(detail, (Fault("/text", detail),))
    taken: set[str] = set()
    return Crontab(items=[_line(line, request.timezone, taken, now) for line in told])


def _line(line: crontab.Job | crontab.Broken, timezone: str, taken: set[str], now: datetime) -> CrontabLine:
    text = line.raw.decode(errors="replace")
    if isinstance(line, crontab.Broken):
        return CrontabLine(
            line=line.number,
            text=text,
            schedule=None,
            user=None,
            command=None,
            slug=None,
            in_words=None,
            next=[],
            fault=line.fault,
        )
    slug = suggest_slug(line.command, taken)
    taken.add(slug)
    expected = (
        () if line.fault else islice(schedule.slots((Cron(line.schedule),), timezone, Clock.CRON).since(now), NEXT)
    )
    return CrontabLine(
        line=line.number,
        text=text,
        schedule=line.schedule,
        user=line.user,
        command=line.command,
        slug=slug,
        in_words=crontab.explain(line, timezone) if not line.fault else None,
        next=list(expected),
        fault=line.fault or None,
    )
