"""Notices of every kind, friendly and hostile."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid5

from msgspec.structs import replace

from crontopus.domain.alerts import AlertClass, Severity
from crontopus.domain.routing import Kind
from crontopus.notify.contract import Act, Answer, Fact, Link, Notice, Own, Parcel
from crontopus.notify.guarded import Guarded

NOW = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
SPACE = UUID("0191f3a0-0000-7000-8000-000000000000")
RUN, SNOOZE = "https://cron.example.org/t/acme/runs/7", "https://cron.example.org/t/acme/alerts/7/snooze?for=1h&by=ada"
CODE = "Zm9y_YW55-Ym9keQ" * 8
"""As long as they are."""
ACTS = (
    Link("Acknowledge", f"https://cron.example.org/alert-link/acknowledge?code={CODE}", Act.ACKNOWLEDGE, CODE),
    Link("Silence for an hour", f"https://cron.example.org/alert-link/silence?code={CODE}", Act.SILENCE, CODE),
)
HOSTILE = (
    "<b>x</b><script>alert(1)</script> &lt;&amp; <!channel> <users/all> <@U1> <#C1> @everyone @channel @all @here "
    "@room @**all** @ada #general #1 /stop [click](http://evil.example) <http://evil.example|x> http://evil.example "
    "**a** __b__ ~~c~~ ||d|| `e` ``f`` ```g``` \\*h\\* {{i}} ${j} :k: $$l$$ \u202egnp.exe \x1b[31m \u200b end"
)
"""Something of every markup that is about."""
HOSTILE_AS_SHOWN = HOSTILE.replace("\u202e", "[U+202E]").replace("\x1b", "␛").replace("\u200b", "[U+200B]")
FAR_TOO_LONG = "🐙" * 5000 + '"\\&<' * 5000
LOOPBACK = ip_network("127.0.0.0/8")
ALERT = uuid5(SPACE, "1")
"""Of the first notice."""
STATES = {
    Kind.OPEN: "DOWN",
    Kind.REMINDER: "STILL DOWN",
    Kind.FAILURE: "FAILED AGAIN",
    Kind.UPDATE: "CHANGED",
    Kind.ACKNOWLEDGE: "ACKNOWLEDGED",
    Kind.RESOLVE: "RECOVERED",
}


def guarded(*secrets: str) -> Guarded:
    """The real one, that may reach this machine."""
    return Guarded([LOOPBACK], secrets)


class Remembering:
    """An `Http` that goes nowhere and only knows where it should have gone."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        self.asked.append(url)
        return self.answer


def notice(kind: Kind = Kind.OPEN, number: int = 1, **changes: Any) -> Notice:
    made = Notice(
        id=uuid5(SPACE, f"{number} {kind}"),
        alert=uuid5(SPACE, f"{number}"),
        opening=1,
        kind=kind,
        cls=AlertClass.FAILED,
        severity=Severity.CRITICAL,
        state="WAS DOWN" if changes.get("ended") else STATES[kind],
        title=f"nightly backup {number}",
        summary="It ended with exit status 1.",
        at=NOW,
        since=NOW - timedelta(minutes=5),
        tenant="acme",
        namespace="default",
        job=f"nightly-backup-{number}",
        job_name=f"nightly backup {number}",
        agent="db-3",
        tags=("night",),
        labels={"team": "storage"},
        facts=(Fact("severity", "critical"), Fact("exit status", "1, expected 0")),
        output=("pg_dump: error: connection refused", "giving up"),
        links=(Link("Open the run", RUN), Link("Snooze for 1 hour", SNOOZE)),
    )
    return replace(made, **changes)


def parcel(*notices: Notice, summary: bool = False, sent_at: datetime = NOW) -> Parcel:
    return Parcel(notices or (notice(),), sent_at, summary=summary)


def single(kind: Kind = Kind.OPEN, **changes: Any) -> Parcel:
    return parcel(notice(kind, **changes))


def offering(kind: Kind = Kind.OPEN, **changes: Any) -> Notice:
    """With links by which the reader acts."""
    return notice(kind, links=(Link("The alert", RUN), *ACTS, Link("The run", RUN), Link("The job", RUN)), **changes)


def group(count: int = 3, **changes: Any) -> Parcel:
    return parcel(*(notice(number=number, **changes) for number in range(1, count + 1)))


def summary(count: int = 30) -> Parcel:
    return replace(group(count), summary=True)


def several(count: int, **changes: Any) -> list[Notice]:
    """Of different jobs; each third has recovered."""
    return [notice(Kind.OPEN if number % 3 else Kind.RESOLVE, number, **changes) for number in range(1, count + 1)]


def hostile(said: str = HOSTILE) -> Parcel:
    """`said` wherever somebody else may write something."""
    return single(
        state=said,
        title=said,
        summary=said,
        tenant=said,
        namespace=said,
        job=said,
        job_name=said,
        agent=said,
        tags=(said,),
        labels={said: said},
        facts=(Fact(said, said),),
        output=(said, said),
        links=(Link(said, RUN), Link("not a link", "javascript:alert(1)")),
    )


def in_own_words(said: str = HOSTILE, kind: Kind = Kind.OPEN, **changes: Any) -> Parcel:
    """As templates say it: of two paragraphs, with a line that is empty between them."""
    own = Own(title=said, text=f"{said}\n\nsecond paragraph")
    return single(kind, own=own, facts=(), output=(), links=(Link("Open the run", RUN),), **changes)


def endless() -> Parcel:
    """Longer than anybody takes, everywhere, of characters that need two or four of others."""
    long = "😀é" * 20_000
    return single(
        title=long,
        summary=long,
        job=long,
        facts=tuple(Fact(f"{number} {long}", long) for number in range(80)),
        output=tuple(f"line {number} {'😀' * 100}" for number in range(2000)),
    )


def talkative() -> Parcel:
    """Of which only the output is too long."""
    return single(output=tuple(f"line {number} <&> {'é' * 50}" for number in range(5000)))


def overgrown(kind: Kind = Kind.OPEN, text: str = HOSTILE, **changes: Any) -> Notice:
    """`text` wherever somebody else chooses the words, and more of everything than anybody needs."""
    return notice(
        kind,
        **{
            "title": text,
            "summary": text,
            "tenant": text,
            "namespace": text,
            "job": text,
            "job_name": text,
            "agent": text,
            "tags": (text,) * 50,
            "labels": {text: text, f"{text}2": text},
            "facts": tuple(Fact(f"{number}{text}", text) for number in range(60)),
            "output": (text,) * 60,
            "links": tuple(Link(text, f"https://cron.example.org/{number}") for number in range(40)),
        }
        | changes,
    )
