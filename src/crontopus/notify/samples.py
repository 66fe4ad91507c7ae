"""Alerts that never were: to see what a template makes of them before there is a real one."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from crontopus.domain.alerts import AlertClass, Severity
from crontopus.domain.routing import Kind
from crontopus.notify.contract import Fact, Link, Notice

_NOBODY = UUID(int=0)


def ordinary(now: datetime, tenant: str, url: str) -> Notice:
    """With all that there can be. `url`: of this installation."""
    expected = now - timedelta(minutes=2)
    got = "the last run failed with exit status 1"
    return Notice(
        id=_NOBODY,
        alert=_NOBODY,
        opening=1,
        kind=Kind.OPEN,
        cls=AlertClass.FAILED,
        severity=Severity.WARNING,
        state="DOWN",
        title="Nightly backup in default",
        summary=f"Down since {expected:%Y-%m-%d %H:%M} UTC, because {got}.",
        at=now,
        since=expected,
        tenant=tenant,
        namespace="default",
        job="nightly-backup",
        job_name="Nightly backup",
        tags=("database",),
        labels={"team": "storage"},
        got=got,
        exit_code=1,
        facts=(
            Fact("severity", Severity.WARNING.value),
            Fact("expected", f"{expected:%Y-%m-%d %H:%M} UTC"),
            Fact("exit status", "1"),
            Fact("host", "db-3"),
        ),
        output=("pg_dump: connecting to server", "pg_dump: error: connection refused"),
        links=(Link("The alert", f"{url}/alerts/{_NOBODY}"), Link("The job", f"{url}/jobs/{_NOBODY}")),
    )


def trying(now: datetime) -> list[Notice]:
    """What a template must not stumble over: an ordinary one, one in words that mean something to others, and the end
    of one of which nothing is known.
    """
    first = ordinary(now, "An organisation", "https://cron.example.org")
    odd = "It\"s \\ <b>&amp; {{ 'x' }} 'é'"
    return [
        first,
        replace(
            first,
            **dict.fromkeys(("title", "summary", "tenant", "namespace", "job", "job_name", "agent", "got"), odd),
            facts=tuple(Fact(fact.name, odd) for fact in first.facts),
            tags=(odd, odd),
            labels={odd: odd},
            output=(odd, "{", odd),
        ),
        replace(
            first,
            **dict.fromkeys(("namespace", "job", "job_name", "got"), ""),
            **dict.fromkeys(("facts", "tags", "output", "links"), ()),
            kind=Kind.RESOLVE,
            state="RECOVERED",
            labels={},
            exit_code=None,
        ),
    ]
