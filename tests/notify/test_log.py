"""The file of lines: what stands in it, whatever happens to it, and that it is nowhere else."""

import fcntl
import json
import os
from pathlib import Path

import anyio
import msgspec
import pytest

from crontopus.domain.routing import Kind
from crontopus.notify import log
from crontopus.notify.contract import Parcel
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from tests.notify import notices

SETTINGS = log.Settings(name="night-shift_2")


async def send(folder: Path, parcel: Parcel, settings: log.Settings = SETTINGS) -> Outcome:
    return await log.send(settings, parcel, folder)


def written(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "night-shift_2.jsonl").read_text().split("\n")[:-1]]


async def test_each_message_is_a_line_after_those_before_it(tmp_path: Path) -> None:
    for kind in Kind:
        assert await send(tmp_path, notices.single(kind)) == Delivered()
    assert [line["kind"] for line in written(tmp_path)] == list(Kind)


async def test_a_line_holds_all_that_is_known(tmp_path: Path) -> None:
    notice = notices.notice()
    await send(tmp_path, notices.parcel(notice))
    (line,) = written(tmp_path)
    assert line["id"] == str(notice.id)
    assert line["alert"] == str(notice.alert)
    assert (line["class"], line["severity"], line["at"]) == ("failed", "critical", "2027-01-04T08:00:00Z")
    assert line["labels"] == {"team": "storage"}
    assert line["output"] == ["pg_dump: error: connection refused", "giving up"]
    assert "reference" not in line


async def test_nobody_acts_by_a_line(tmp_path: Path) -> None:
    await send(tmp_path, notices.parcel(notices.offering()))
    (line,) = written(tmp_path)
    assert line["links"] == [{"text": text, "url": notices.RUN} for text in ("The alert", "The run", "The job")]
    assert notices.CODE not in (tmp_path / "night-shift_2.jsonl").read_text()


async def test_an_end_that_is_told_with_its_beginning_can_be_told(tmp_path: Path) -> None:
    await send(tmp_path, notices.single(ended=True))
    assert written(tmp_path)[0]["ended"] is True


async def test_a_group_is_a_line_for_each(tmp_path: Path) -> None:
    await send(tmp_path, notices.group())
    await send(tmp_path, notices.summary())
    assert len(written(tmp_path)) == 33


async def test_hostile_text_is_one_line_that_steers_no_terminal(tmp_path: Path) -> None:
    said = f"{notices.HOSTILE}\r\nsecond\u2028line\x85 \ud800"
    await send(tmp_path, notices.hostile(said))
    (raw,) = (tmp_path / "night-shift_2.jsonl").read_text().splitlines()
    assert not {"\x1b", "\u202e", "\u2028", "\x85"} & set(raw)
    assert written(tmp_path)[0]["title"] == said


async def test_what_is_long_is_written_whole(tmp_path: Path) -> None:
    parcel = notices.talkative()
    await send(tmp_path, parcel)
    assert written(tmp_path)[0]["output"] == list(parcel.first.output)


async def test_a_line_that_a_crash_tore_off_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "night-shift_2.jsonl").write_text('{"id": "to')
    await send(tmp_path, notices.single())
    torn, line = (tmp_path / "night-shift_2.jsonl").read_text().splitlines()
    assert torn == '{"id": "to'
    assert json.loads(line)["kind"] == "open"


async def test_many_at_once_stand_in_lines_of_their_own(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(send, tmp_path, notices.single(number=number, output=("x" * 100_000,)))
    assert len({str(line["id"]) for line in written(tmp_path)}) == 20


async def test_nobody_else_writes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the system takes a little at a time."""
    tried: list[bool] = []
    real = os.write

    def write(file: int, content: bytes) -> int:
        with (tmp_path / "night-shift_2.jsonl").open() as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                tried.append(True)
            except BlockingIOError:
                tried.append(False)
        return real(file, content[:500])

    monkeypatch.setattr(os, "write", write)
    await send(tmp_path, notices.single())
    assert set(tried) == {False}
    assert len(tried) > 1
    assert len(written(tmp_path)) == 1


async def test_others_may_not_read_it(tmp_path: Path) -> None:
    await send(tmp_path, notices.single())
    assert (tmp_path / "night-shift_2.jsonl").stat().st_mode & 0o007 == 0


async def test_it_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    real = os.fsync

    def fsync(file: int) -> None:
        synced.append(os.path.isdir(f"/proc/self/fd/{file}"))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    await send(tmp_path, notices.single())
    await send(tmp_path, notices.single())
    assert synced == [False, True, False], "the file each time, and the folder when the file is new"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "A", "x.jsonl", "a\n", "x" * 65, "é"])
async def test_no_name_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": name}, log.Settings)
    inner = tmp_path / "inner"
    inner.mkdir()
    outcome = await send(inner, notices.single(), log.Settings(name=name))
    assert isinstance(outcome, GiveUp)
    assert outcome.broken
    assert os.listdir(tmp_path) == ["inner"]
    assert os.listdir(inner) == []


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "night-shift_2.jsonl").symlink_to(tmp_path / "elsewhere")
    outcome = await send(tmp_path, notices.single())
    assert isinstance(outcome, TryAgain)
    assert "link" in outcome.why
    assert not (tmp_path / "elsewhere").exists()


async def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "night-shift_2.jsonl")
    assert await send(tmp_path, notices.single()) == TryAgain("night-shift_2.jsonl cannot be written: it is no file")


async def test_a_folder_that_is_not_there_can_be_made(tmp_path: Path) -> None:
    outcome = await send(tmp_path / "gone", notices.single())
    assert isinstance(outcome, TryAgain)
    assert "folder" in outcome.why
    assert str(tmp_path) not in outcome.why


async def test_a_disk_that_is_full_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert await send(tmp_path, notices.single()) == TryAgain(
        "night-shift_2.jsonl cannot be written: No space left on device"
    )
