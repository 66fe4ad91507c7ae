"""The spool: whole files or none, in order, bounded, and never in two hands."""

import os
import stat
import time
from pathlib import Path

import pytest

from crontopus.cli import spool as spools
from crontopus.cli.delivery import Server
from crontopus.cli.report import Address, Report, instant, packed, unpacked, written
from crontopus.cli.reporter import Servers, flush
from crontopus.cli.spool import Spool
from tests.cli.recorder import NOT_FOUND, recording

HERE = Address("http://127.0.0.1:9/ping/key/job", "", {"create": "1", "schedule": "@daily"})
DAY = 86400 * 10**9


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def report(kind: str = "success", address: Address = HERE, days_ago: float = 0, **said: object) -> Report:
    made = written(address, kind, "", **said)
    return made._replace(made=made.made - int(days_ago * DAY))


def kept(spool: Spool, one: Report) -> Path:
    entry = spool.add(one)
    entry.leave()
    return entry.path


def test_a_report_comes_out_as_it_went_in(spool: Spool) -> None:
    one = report(output={"head": "ä\n\0", "tail": "", "dropped_bytes": 0})
    assert unpacked(kept(spool, one).read_bytes()) == one
    assert stat.S_IMODE(spool.waiting()[0].stat().st_mode) == 0o600


def test_they_wait_in_order_of_their_making(spool: Spool) -> None:
    made = [report(days_ago=days) for days in (1, 3, 2)]
    for one in made:
        kept(spool, one)
    assert [unpacked(path.read_bytes()) for path in spool.waiting()] == [made[1], made[2], made[0]]


def test_what_one_holds_no_other_can_claim(spool: Spool) -> None:
    entry = spool.add(report())
    assert spool.claim(entry.path) is None
    entry.leave()
    claimed = spool.claim(entry.path)
    assert claimed is not None
    claimed.remove()
    assert spool.claim(entry.path) is None
    assert spool.waiting() == []


def test_what_is_a_week_old_goes(spool: Spool) -> None:
    kept(spool, report(days_ago=7.1))
    draft = spool.folder / ".00000000000000000001-1-success.report"
    draft.write_bytes(b"half")
    young = kept(spool, report(days_ago=6.9))
    newest = kept(spool, report())
    assert spool.waiting() == [young, newest]
    assert not draft.exists()


def test_what_is_too_much_goes_starts_first_and_failures_last(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "MOST_BYTES", 1000)
    long = "x" * 400
    for days, kind in ((5, "fail"), (4, "success"), (3, "start"), (2, "success"), (1, "fail")):
        kept(spool, report(kind, days_ago=days, env=long))
    kept(spool, report("success"))
    kinds = [unpacked(path.read_bytes()).kind for path in spool.waiting()]
    assert kinds == ["fail", "success"]


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Spool(tmp_path / "missing").add(report())


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"{}\n{}", b"\xff\xfe", b'{"version": 2}\n{}', packed(report()).partition(b"\n")[0]]
)
def test_what_is_no_report_is_thrown_away_and_holds_up_nothing(spool: Spool, text: bytes) -> None:
    with recording() as server:
        kept(spool, report(address=Address(server.url)))
        (spool.folder / "00000000000000000001-1-success.report").write_bytes(text)
        flushed = flush(spool, Servers(lambda address: Server(address.url)))
        assert (flushed.delivered, len(flushed.refusals), flushed.waiting) == (1, 1, 0)
        assert "is no report" in flushed.refusals[0]


def test_what_waited_says_when_it_happened_and_when_it_was_sent(spool: Spool) -> None:
    happened = "2026-01-01T02:00:00.000Z"
    with recording() as server:
        kept(spool, report(address=Address(server.url), occurred_at=happened))
        before = instant(time.time_ns())
        assert flush(spool, Servers(lambda address: Server(address.url))).delivered == 1
        (check_in,) = server.check_ins
        assert check_in["occurred_at"] == happened
        assert before <= check_in["sent_at"] <= instant(time.time_ns())


def test_one_server_away_does_not_hold_up_another(spool: Spool) -> None:
    with recording() as server, recording() as other:
        gone = Address(other.url)
        other.close()
        for address in (gone, Address(server.url), gone):
            kept(spool, report(address=address))
        flushed = flush(spool, Servers(lambda address: Server(address.url)))
        assert (flushed.delivered, flushed.refusals, flushed.waiting) == (1, (), 2)
        assert len(flushed.reasons) == 1
        assert "cannot be reached" in flushed.reasons[0]


def test_what_is_refused_is_told_and_gone(spool: Spool) -> None:
    with recording() as server:
        server.usual = NOT_FOUND
        kept(spool, report(address=Address(server.url)))
        flushed = flush(spool, Servers(lambda address: Server(address.url)))
        assert (flushed.delivered, flushed.refusals, flushed.waiting) == (0, ("not found",), 0)


def test_a_flush_stops_where_it_is_told_to(spool: Spool) -> None:
    with recording() as server:
        for _ in range(3):
            kept(spool, report(address=Address(server.url)))
        assert flush(spool, Servers(lambda address: Server(address.url)), lambda: not server.requests).waiting == 2


def test_nobody_else_delivers_meanwhile(spool: Spool) -> None:
    kept(spool, report())
    with spool.in_turn() as mine, spool.in_turn() as theirs:
        assert (mine, theirs) == (True, False)
        assert flush(spool, Servers(lambda address: Server(address.url))) == (0, (), 1, ())


def test_a_lock_does_not_leak_files(spool: Spool) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        entry = spool.add(report())
        assert spool.claim(entry.path) is None
        entry.remove()
        with spool.in_turn(), spool.in_turn():
            pass
    assert len(os.listdir("/proc/self/fd")) == before
