"""Backups: taken while pings come, tried, sealed, restored; and what is damaged is seen."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from crontopus.domain.errors import Conflict, CrontopusError, Invalid, Unavailable
from crontopus.engine.backups import Place, check, make, restore
from crontopus.storage import copying
from crontopus.storage.opening import FILE
from crontopus.storage.sealing import FILE as KEY
from crontopus.wire.jobs import NewJob
from crontopus.wire.runs import CheckIn
from tests.world import BEGINNING, World, restored, world_in

SENTENCE = "a long sentence"


def place(data: Path, url: str = "") -> Place:
    return Place(data, url, "")


async def lived(world: World) -> None:
    async with world.signed_in("acme") as acme:
        await acme.add_job(NewJob(slug="nightly"))
        for _ in range(3):
            await acme.check_in(CheckIn(kind="success", job="default/nightly"))


async def test_a_backup_is_taken_while_it_is_served_and_restored_elsewhere(
    world: World, world_data: tuple[Path, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    data, url = world_data
    await lived(world)
    file, manifest = await anyio.to_thread.run_sync(make, place(data, url), tmp_path / "kept", BEGINNING, SENTENCE)
    assert file.name == "crontopus-20270104T080000Z.backup"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (manifest.tables["check_ins"], manifest.tables["jobs"]) == (3, 1)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [file.name]
    assert check(file, SENTENCE) == manifest
    empty = request.getfixturevalue("postgres").fresh_database() if url else ""
    new = tmp_path / "new"
    restore(file, place(new, empty), SENTENCE)
    restored(data, new)
    async with world_in(new, empty) as again, again.signed_in("acme") as acme:
        assert len((await acme.job_check_ins("default:nightly")).items) == 3
        assert (await acme.namespace("default")).ping_key == again.tenants["acme"].ping_key


async def test_every_check_in_acknowledged_before_it_began_is_in_it(
    world: World, world_data: tuple[Path, str], tmp_path: Path
) -> None:
    data, url = world_data
    await lived(world)
    acknowledged, ended, some = 0, False, asyncio.Event()

    async def ping_on() -> None:
        nonlocal acknowledged
        while not ended:
            answer = await world.ping(world.ping_url("acme", "nightly"))
            acknowledged += answer.status_code == 200
            if acknowledged == 20:
                some.set()

    pinging = asyncio.create_task(ping_on())
    await some.wait()
    before = acknowledged
    _, manifest = await anyio.to_thread.run_sync(make, place(data, url), tmp_path / "kept", BEGINNING)
    ended = True
    await pinging
    assert acknowledged > before, "pings go on meanwhile"
    assert before + 3 <= manifest.tables["check_ins"] <= acknowledged + 3


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a server that has lived, and was stopped."""

    async def live() -> None:
        async with world_in(tmp_path / "data") as world:
            await lived(world)

    asyncio.run(live())
    return tmp_path / "data"


@pytest.fixture
def file(data: Path, tmp_path: Path) -> Path:
    return make(place(data), tmp_path / "kept", BEGINNING)[0]


@pytest.fixture
def sealed(data: Path, tmp_path: Path) -> Path:
    return make(place(data), tmp_path / "sealed", BEGINNING, SENTENCE)[0]


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flipped, lambda _: b"", lambda _: b"nonsense" * 1000])
def test_a_damaged_backup_is_seen_and_never_restored(
    file: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(CrontopusError, match=r".+"):
        check(file)
    with pytest.raises(CrontopusError, match=r".+"):
        restore(file, place(tmp_path / "new"))
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("damage", [cut, flipped, lambda content: content[:-1], lambda content: content + b"x"])
def test_a_sealed_backup_that_somebody_touched_opens_nothing(sealed: Path, damage: Callable[[bytes], bytes]) -> None:
    sealed.write_bytes(damage(sealed.read_bytes()))
    with pytest.raises((Invalid, Conflict)):
        check(sealed, SENTENCE)


def test_a_sealed_backup_shows_nothing_without_its_passphrase(sealed: Path, tmp_path: Path) -> None:
    content = sealed.read_bytes()
    assert b"nightly" not in content
    assert b"SQLite" not in content
    with pytest.raises(Invalid, match="give its passphrase"):
        check(sealed)
    with pytest.raises(Invalid, match="passphrase is wrong"):
        check(sealed, "another sentence")
    manifest = restore(sealed, place(tmp_path / "new"), SENTENCE)
    assert KEY in manifest.files
    assert (tmp_path / "new" / KEY).read_bytes() == (tmp_path / "data" / KEY).read_bytes()
    assert (tmp_path / "new" / KEY).stat().st_mode & 0o777 == 0o600


def test_a_plain_backup_does_not_hold_the_key(file: Path, tmp_path: Path) -> None:
    assert KEY not in check(file).files
    restore(file, place(tmp_path / "new"))
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]


def test_nothing_is_ever_overwritten(file: Path, sealed: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    before = (data / FILE).read_bytes()
    with pytest.raises(Conflict, match="is there already"):
        restore(file, place(data))
    assert (data / FILE).read_bytes() == before
    other = tmp_path / "other"
    other.mkdir()
    (other / KEY).write_text("another key")
    with pytest.raises(Conflict, match="another key"):
        restore(sealed, place(other), SENTENCE)
    assert (other / KEY).read_text() == "another key"
    assert not (other / FILE).exists()


def test_a_postgresql_that_is_not_empty_is_left_alone(postgres_world: tuple[Path, str], tmp_path: Path) -> None:
    data, url = postgres_world
    file, _ = make(place(data, url), tmp_path / "kept", BEGINNING)
    with pytest.raises(Conflict, match="not empty"):
        restore(file, place(tmp_path / "new", url))
    with pytest.raises(Invalid, match="a backup of PostgreSQL"):
        restore(file, place(tmp_path / "new"))


def test_only_the_newest_are_kept(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    (folder / "mine.backup").write_text("not ours")
    for hours in (1, 2, 3):
        make(place(tmp_path / "data"), folder, BEGINNING + timedelta(hours=hours), keep=2)
    assert sorted(path.name for path in folder.iterdir()) == [
        "crontopus-20270104T100000Z.backup",
        "crontopus-20270104T110000Z.backup",
        "mine.backup",
    ]


def test_what_cannot_be_made_leaves_nothing(file: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no database"):
        make(place(tmp_path / "nowhere"), tmp_path / "kept", BEGINNING + timedelta(hours=1))
    (tmp_path / "a file").write_text("")
    with pytest.raises(Unavailable, match="cannot be used"):
        make(place(tmp_path / "data"), tmp_path / "a file", BEGINNING)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [file.name]


def test_a_copy_that_lacks_the_newest_check_in_is_refused(
    data: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the copy were of an older instant: the file it copies from is an older one."""
    older = tmp_path / "older"
    shutil.copytree(tmp_path / "data", older)

    async def go_on() -> None:
        async with world_in(data) as world:
            await world.ping(world.ping_url("acme", "nightly"))

    asyncio.run(go_on())
    copied = copying.copy
    monkeypatch.setattr(copying, "copy", lambda _, url, target: copied(older, url, target))
    with pytest.raises(Conflict, match="lacks a check-in"):
        make(place(tmp_path / "data"), tmp_path / "kept", BEGINNING + timedelta(hours=1))
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [file.name]


@pytest.mark.parametrize("left", ["-wal", "-shm", "-journal"])
def test_what_an_older_database_left_behind_is_not_played_into_the_copy(file: Path, tmp_path: Path, left: str) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / f"{FILE}{left}").write_bytes(b"of another database")
    with pytest.raises(Conflict, match=f"{left} is there already"):
        restore(file, place(new))
    assert not (new / FILE).exists()


def test_a_passphrase_is_never_given_in_vain(file: Path, tmp_path: Path) -> None:
    """Else somebody could put a file of their own in the place of a sealed one."""
    for attempt in (check, lambda file, passphrase: restore(file, place(tmp_path / "new"), passphrase)):
        with pytest.raises(Invalid, match="not sealed, although"):
            attempt(file, SENTENCE)


def test_a_backup_of_a_clock_that_was_ahead_pushes_out_no_other(file: Path, data: Path) -> None:
    ahead, _ = make(place(data), file.parent, BEGINNING + timedelta(days=30_000))
    new, _ = make(place(data), file.parent, BEGINNING + timedelta(hours=1), keep=1)
    assert sorted(path.name for path in file.parent.iterdir()) == [new.name, ahead.name]


def test_nothing_lies_open_where_a_sealed_backup_goes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    copied = copying.contents

    def looking(file: Path) -> copying.Contents:
        seen.extend(path.name for path in (tmp_path / "share").rglob("*"))
        return copied(file)

    monkeypatch.setattr(copying, "contents", looking)
    made, _ = make(place(data), tmp_path / "share", BEGINNING, SENTENCE)
    assert set(seen) <= {f".{made.name}.part"}
