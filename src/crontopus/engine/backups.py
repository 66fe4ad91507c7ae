"""Backups: one file with a copy of the database, tried as soon as it is made, and put back where there is nothing."""

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import msgspec
from msgspec import Struct

from crontopus import __version__
from crontopus.domain.errors import Conflict, CrontopusError, Invalid, Unavailable
from crontopus.engine.sealed_stream import MAGIC, OpeningReader, SealingWriter
from crontopus.storage import copying, opening, sealing

SUFFIX = ".backup"
MANIFEST = "manifest.json"
_VERSION = 1
_CHUNK_BYTES = 1024 * 1024


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup says of itself. `files`: the SHA-256 of each, in hex."""

    version: int
    made_by: str
    made_at: datetime
    tables: dict[str, int]
    newest_check_in: UUID | None
    files: dict[str, str]


class Place(Struct, frozen=True):
    """A database in use: its data folder, its URL (empty: SQLite in that folder), and the setting `secret_key`."""

    data: Path
    database_url: str
    secret_key: str


def make(place: Place, into: Path, now: datetime, passphrase: str = "", keep: int = 0) -> tuple[Path, Manifest]:
    """A backup in the folder `into`, tried by reading it back. `keep`: how many of the newest stay there; 0: all.

    With a passphrase it is sealed, and holds the secret key too. Raises a CrontopusError; then nothing is left of it.
    """
    target = into / f"crontopus-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    with _told(into):
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = into / f".{target.name}.part"
        # What is not sealed yet never lies where the backup goes to.
        scratch = place.data if place.data.is_dir() else None
        try:
            with tempfile.TemporaryDirectory(prefix=".crontopus-", dir=scratch) as folder:
                newest = copying.newest_check_in(place.data, place.database_url)
                copied = _copied(place, Path(folder), sealed=bool(passphrase))
                _write(draft, copied, _manifest(copied, now), passphrase)
                for file in copied:
                    file.unlink()
                manifest = check(draft, passphrase, Path(folder), newest)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        _drop_all_but(target, keep)
    return target, manifest


def check(file: Path, passphrase: str = "", scratch: Path | None = None, newest: UUID | None = None) -> Manifest:
    """Reads the backup back: every file whole, the database sound, as many rows as it says, and the newest check-in,
    `newest` too where it is given. Raises Invalid or Conflict.
    """
    with _told(file), tempfile.TemporaryDirectory(prefix=".crontopus-", dir=scratch) as folder:
        return _unpacked(file, Path(folder), passphrase, newest)


def restore(file: Path, place: Place, passphrase: str = "") -> Manifest:
    """Into an empty data folder, or an empty PostgreSQL database. Raises Conflict where something is there already,
    and Invalid; then nothing is changed.
    """
    with _told(place.data):
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = place.data / sealing.FILE
        with tempfile.TemporaryDirectory(prefix=".crontopus-", dir=place.data) as folder:
            manifest = _unpacked(file, Path(folder), passphrase, None)
            name = copying.name_of_copy(place.database_url)
            if name not in manifest.files:
                other = "PostgreSQL: give --database-url" if copying.DUMP in manifest.files else "SQLite: give none"
                raise Invalid(f"this is a backup of {other}")
            held = Path(folder) / sealing.FILE
            if held.exists() and key.exists() and held.read_bytes() != key.read_bytes():
                raise Conflict(f"{key} is another key than that of the backup: restore into an empty folder")
            with _kept(held, key):
                copying.put(Path(folder) / name, place.data, place.database_url)
    return manifest


@contextmanager
def _kept(held: Path, key: Path) -> Iterator[None]:
    """The key of the backup is there before the database is, and goes again where that fails."""
    if not held.exists() or key.exists():
        yield
        return
    held.replace(key)
    try:
        yield
    except BaseException:
        key.unlink()
        raise


def _copied(place: Place, folder: Path, *, sealed: bool) -> list[Path]:
    database = folder / copying.name_of_copy(place.database_url)
    copying.copy(place.data, place.database_url, database)
    key = place.data / sealing.FILE
    if not sealed or place.secret_key or not key.exists():
        return [database]
    held = folder / sealing.FILE
    held.touch(mode=0o600)
    held.write_bytes(key.read_bytes())
    return [database, held]


def _manifest(copied: list[Path], now: datetime) -> Manifest:
    found = copying.contents(copied[0])
    return Manifest(
        version=_VERSION,
        made_by=__version__,
        made_at=now,
        tables=found.tables,
        newest_check_in=found.newest_check_in,
        files={file.name: digest(file) for file in copied},
    )


def _write(draft: Path, copied: list[Path], manifest: Manifest, passphrase: str) -> None:
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        stream: Any = SealingWriter(target, passphrase) if passphrase else target
        with tarfile.open(mode="w|", fileobj=stream) as archive:
            said = msgspec.json.format(msgspec.json.encode(manifest))
            head = tarfile.TarInfo(MANIFEST)
            head.size, head.mode = len(said), 0o600
            archive.addfile(head, io.BytesIO(said))
            for file in copied:
                archive.add(file, arcname=file.name)
        if stream is not target:
            stream.close()
        target.flush()
        os.fsync(target.fileno())


def _unpacked(file: Path, folder: Path, passphrase: str, newest: UUID | None) -> Manifest:
    """The files of the backup in `folder`, each as the manifest has it."""
    manifest: Manifest | None = None
    with _opened(file, passphrase) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None or (manifest is None) != (member.name == MANIFEST):
                raise Invalid(f"{file} is no backup of Crontopus")
            if manifest is None:
                manifest = _read(content.read(_CHUNK_BYTES))
            elif member.name not in manifest.files or "/" in member.name:
                raise Invalid(f"{file} holds {member.name[:100]!r}, which is not of it")
            else:
                _extract(content, folder / member.name, manifest.files[member.name])
    if manifest is None or not all((folder / name).exists() for name in manifest.files):
        raise Conflict(f"{file} is cut off: something of it is missing")
    _require_whole(folder, manifest, newest)
    return manifest


def _require_whole(folder: Path, manifest: Manifest, newest: UUID | None) -> None:
    names = [name for name in (opening.FILE, copying.DUMP) if name in manifest.files]
    if len(names) != 1:
        raise Invalid("this is no backup of Crontopus: it holds no database, or two")
    database = folder / names[0]
    found = copying.contents(database)
    if found.tables != manifest.tables or found.newest_check_in != manifest.newest_check_in:
        raise Conflict("the copy does not hold what it should")
    if newest is not None and (found.newest_check_in is None or found.newest_check_in < newest):
        raise Conflict("the copy lacks a check-in that was stored before it began")


@contextmanager
def _opened(file: Path, passphrase: str) -> Iterator[tarfile.TarFile]:
    with file.open("rb") as source:
        is_sealed = source.read(len(MAGIC)) == MAGIC
        source.seek(0)
        if is_sealed and not passphrase:
            raise Invalid(f"{file} is sealed: give its passphrase, in a file that --passphrase-file names")
        if passphrase and not is_sealed:
            raise Invalid(f"{file} is not sealed, although a passphrase was given: somebody may have put it there")
        stream: Any = OpeningReader(source, passphrase) if is_sealed else source
        try:
            with closing(tarfile.open(mode="r|", fileobj=stream)) as archive:
                yield archive
        except (tarfile.TarError, EOFError) as error:
            if not is_sealed and not tarfile.is_tarfile(file):
                raise Invalid(f"{file} is no backup of Crontopus, or its beginning is damaged") from error
            raise Conflict(f"{file} is damaged or cut off: {error}") from error


def _extract(content: IO[bytes], target: Path, expected: str) -> None:
    digest = sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != expected:
        raise Conflict(f"{target.name} in the backup is not as it was written")


def _read(said: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(said, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Invalid(f"this is no backup of Crontopus: {error}") from error
    if manifest.version != _VERSION:
        raise Invalid(f"this backup was made by Crontopus {manifest.made_by}: take that or a newer one")
    return manifest


def digest(file: Path) -> str:
    """SHA-256 in hex."""
    digest = sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _drop_all_but(newest: Path, keep: int) -> None:
    """Those of a clock that was ahead are not counted, and stay."""
    if keep:
        known = [file for file in sorted(newest.parent.glob(f"crontopus-*Z{SUFFIX}")) if file.name <= newest.name]
        for old in known[:-keep]:
            old.unlink(missing_ok=True)


@contextmanager
def _told(place: Path) -> Iterator[None]:
    try:
        yield
    except CrontopusError:
        raise
    except OSError as error:
        raise Unavailable(f"{error.filename or place} cannot be used: {error.strerror or error}") from error
