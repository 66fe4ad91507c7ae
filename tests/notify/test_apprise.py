"""Apprise: where it may be used, what it is told, and what becomes of it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from anyio import CapacityLimiter

from crontopus.domain.alerts import Severity
from crontopus.domain.errors import Invalid
from crontopus.domain.routing import Kind
from crontopus.notify import apprise, kinds
from crontopus.notify.contract import Parcel
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from tests.notify import notices
from tests.notify.fakes import Connection, Reply, listening, served
from tests.notify.fakes.apprise import KEY, PATH, Receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with served(Receiver()) as receiver:
        yield receiver


async def send(parcel: Parcel, *urls: str) -> Outcome:
    return await apprise.send(apprise.Settings(urls="\n".join(urls)), parcel, CapacityLimiter(1))


def order(parcel: Parcel, *urls: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(apprise._order(apprise.Settings(urls=" ".join(urls)), parcel))
    return found


def programs() -> list[str]:
    """Those that we have started and that still run."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            parent = each.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            if parent == str(os.getpid()) and b"apprise_run" in each.joinpath("cmdline").read_bytes():
                found.append(each.name)
        except OSError:
            continue
    return found


async def test_it_tells_what_where_and_why(receiver: Receiver) -> None:
    assert await send(notices.single(), receiver.as_apprise) == Delivered()
    (message,) = receiver.messages
    assert (message.title, message.type) == ("DOWN: nightly backup 1", "failure")
    for told in ("It ended with exit status 1.", "acme / default / nightly-backup-1 on db-3", "giving up", notices.RUN):
        assert told in message.message


async def test_several_are_told_the_same(receiver: Receiver) -> None:
    assert await send(notices.group(), receiver.as_apprise, f"{receiver.as_apprise}&method=POST") == Delivered()
    first, second = receiver.messages
    assert first == second
    assert all(f"nightly backup {number}" in first.message for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("kind", "severity", "type"),
    [
        (Kind.OPEN, Severity.CRITICAL, "failure"),
        (Kind.OPEN, Severity.WARNING, "warning"),
        (Kind.OPEN, Severity.INFO, "info"),
        (Kind.ACKNOWLEDGE, Severity.CRITICAL, "info"),
        (Kind.RESOLVE, Severity.CRITICAL, "success"),
    ],
)
def test_it_says_how_bad_it_is(kind: Kind, severity: Severity, type: str) -> None:
    assert order(notices.single(kind, severity=severity), "json://x.example")["type"] == type


@pytest.mark.parametrize("said", [notices.HOSTILE, "\\ <b>\x00\ud800\n", "\u0301" * 5000, " "])
async def test_text_of_others_arrives_as_text(receiver: Receiver, said: str) -> None:
    assert await send(notices.hostile(said), receiver.as_apprise) == Delivered(), receiver.refused
    assert said != notices.HOSTILE or notices.HOSTILE_AS_SHOWN in receiver.messages[0].message


@pytest.mark.parametrize("parcel", [notices.endless(), notices.talkative(), notices.group(20)])
def test_what_is_too_long_is_cut(parcel: Parcel) -> None:
    found = order(parcel, "json://x.example")
    assert len(found["title"]) <= 200
    assert len(found["body"]) <= 3000


async def test_what_is_refused_is_tried_again_and_no_part_of_the_address_is_told(receiver: Receiver) -> None:
    receiver.always = Reply(403, f"{KEY} {PATH}".encode())
    outcome = await send(notices.single(), receiver.as_apprise)
    assert isinstance(outcome, TryAgain)
    assert outcome.why.startswith("Apprise could not tell 1 of 1: JSON: ")
    assert "403" in outcome.why
    assert not outcome.arrived
    assert not [part for part in (KEY, PATH.split("/")[-1], "127.0.0.1") if part in outcome.why]


async def test_of_several_the_ones_that_were_told_are_counted(receiver: Receiver) -> None:
    receiver.replies = [Reply(200), Reply(500)]
    outcome = await send(notices.single(), receiver.as_apprise, f"{receiver.as_apprise}&method=POST")
    assert isinstance(outcome, TryAgain)
    assert outcome.arrived
    assert "1 of 2" in outcome.why


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    async with served(Receiver()) as other:
        receiver.always = Reply(307, b"", {"Location": f"{other.url}{PATH}"})
        assert isinstance(await send(notices.single(), receiver.as_apprise), TryAgain)
        assert other.requests == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense://x.example", "no service that Apprise knows"),
        ("discord://short", "lacks something"),
        ("syslog://", "the machine on which this runs"),
        ("syslog://local7", "the machine on which this runs"),
    ],
)
async def test_a_url_that_can_never_be_used_breaks_the_channel_and_nobody_is_told(
    receiver: Receiver, url: str, why: str
) -> None:
    outcome = await send(notices.single(), receiver.as_apprise, url)
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert why in outcome.why
    assert url not in outcome.why
    assert receiver.requests == []


async def test_what_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise, "_WITHIN", 0.1)
    outcome = await send(notices.single(), "json://x.example")
    assert outcome == TryAgain("Apprise was not done within 0.1 seconds", arrived=True)
    assert programs() == []


async def test_a_program_that_waits_for_an_answer_is_stopped(hanging: tuple[str, asyncio.Event]) -> None:
    url, asked = hanging
    async with anyio.create_task_group() as sending:
        sending.start_soon(send, notices.single(), f"{url.replace('http://', 'json://')}/?rto=60")
        await asked.wait()
        assert len(programs()) == 1
        sending.cancel_scope.cancel()
    assert programs() == []


@pytest.fixture
async def hanging() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Where somebody takes the call, and whether they did."""
    asked = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()

    connection: Connection = speak
    async with listening(connection) as url:
        yield url, asked


async def test_a_program_that_breaks_down_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise, "_PROGRAM", "crontopus.notify.nowhere")
    assert await send(notices.single(), "json://x.example") == TryAgain("Apprise broke down", arrived=True)


async def test_nothing_is_told_where_the_operator_did_not_allow_it(receiver: Receiver) -> None:
    outcome = await apprise.send(apprise.Settings(urls=receiver.as_apprise), notices.single(), None)
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "allow_apprise" in outcome.why
    assert receiver.requests == []


async def test_where_it_is_not_installed_it_is_refused_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Invalid, match=r"pip install 'crontopus\[apprise\]'") as refused:
        kinds.read("apprise", {"urls": "json://x.example"})
    assert [fault.pointer for fault in refused.value.faults] == ["/kind"]
    outcome = await send(notices.single(), "json://x.example")
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert "pip install" in outcome.why


@pytest.mark.parametrize("urls", ["x.example", "json:/x.example", "json://x.example y", "", "json://"])
def test_what_is_no_url_is_refused(urls: str) -> None:
    with pytest.raises(Invalid) as refused:
        kinds.read("apprise", {"urls": urls})
    assert [fault.pointer for fault in refused.value.faults] == ["/settings/urls"]


@pytest.mark.parametrize(
    "spoil",
    [
        {"type": "terrible"},
        {"title": "", "body": ""},
        {"urls": []},
        {"urls": ["json://127.0.0.1:1/"]},
        {"urls": [" ", "json://127.0.0.1:1/"]},
    ],
)
async def test_a_mistake_in_what_it_is_told_is_seen(receiver: Receiver, spoil: dict[str, Any]) -> None:
    right = order(notices.single(), receiver.as_apprise)
    said = await apprise._run(msgspec.json.encode({**right, **spoil}))
    assert said is None or said.refused or said.told == 0
    assert not isinstance(apprise._judged(apprise.Settings(urls=receiver.as_apprise), said), Delivered)
    assert receiver.messages == []
