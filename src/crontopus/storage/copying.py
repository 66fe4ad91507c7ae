"""Copies of the whole database: taken while it is used, looked into, and put where there is none.

SQLite's is the file itself; of PostgreSQL it is what pg_dump writes in its custom format.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

from msgspec import Struct
from sqlalchemy.engine import URL

from crontopus.domain.errors import Conflict, Invalid, Unavailable
from crontopus.storage.opening import FILE, url_of
from crontopus.storage.tables import metadata

DUMP = "crontopus.dump"
_COPY = re.compile(rb"COPY public\.(\w+) \(([^)]*)\) FROM stdin;\n")


class Contents(Struct, frozen=True):
    """What a copy holds: rows by table, and the newest check-in."""

    tables: dict[str, int]
    newest_check_in: UUID | None


def name_of_copy(database_url: str) -> str:
    return DUMP if database_url else FILE


def newest_check_in(data: Path, database_url: str) -> UUID | None:
    """Of the database in use, as it is now. Raises Unavailable."""
    if database_url:
        said = _psql(url_of(data, database_url), "SELECT id FROM check_ins ORDER BY id DESC LIMIT 1")
        return UUID(said) if said else None
    with _sqlite(_existing(data)) as connection:
        return _newest(connection)


def copy(data: Path, database_url: str, target: Path) -> None:
    """The database as it is at one instant, into `target`. Nobody who writes meanwhile waits. Raises Unavailable."""
    if database_url:
        _run(url_of(data, database_url), "pg_dump", "--format=custom", "--no-owner", f"--file={target}")
    else:
        with _sqlite(_existing(data)) as source, _sqlite(target, create=True) as made:
            source.backup(made)
            made.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself
    target.chmod(0o600)


def contents(file: Path) -> Contents:
    """Reads the whole copy. Raises Conflict where it is not whole."""
    return _contents_of_dump(file) if file.name == DUMP else _contents_of_file(file)


def put(file: Path, data: Path, database_url: str) -> None:
    """The copy becomes the database. Raises Conflict where there is one already, and then changes nothing."""
    if database_url:
        url = url_of(data, database_url)
        if _psql(url, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") != "0":
            raise Conflict("this PostgreSQL database is not empty: restore into a new one")
        _run(
            url, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={url.database}", file
        )
        return
    target = data / FILE
    for left in (target, *(data / f"{FILE}{end}" for end in ("-wal", "-shm", "-journal"))):
        if left.exists():  # a log that was left would be played into the copy
            raise Conflict(f"{left} is there already: restore into an empty folder")
    draft = target.with_name(f".{FILE}.restored")
    shutil.copyfile(file, draft)
    draft.chmod(0o600)
    with draft.open("rb") as copied:
        os.fsync(copied.fileno())
    os.link(draft, target)  # which fails where another one has just appeared
    draft.unlink()


def _existing(data: Path) -> Path:
    if not (data / FILE).exists():
        raise Invalid(f"there is no database in {data}: name its folder with --data")
    return data / FILE


@contextmanager
def _sqlite(file: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    mode = "rwc" if create else "rw"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise Conflict(f"{file} cannot be read: {error}") from error


def _contents_of_file(file: Path) -> Contents:
    with _sqlite(file) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise Conflict(f"the copy is damaged: {verdict}")
        counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in _tables()}  # noqa: S608 - our own names
        return Contents(counts, _newest(connection))


def _newest(connection: sqlite3.Connection) -> UUID | None:
    row = connection.execute("SELECT id FROM check_ins ORDER BY id DESC LIMIT 1").fetchone()
    return UUID(bytes=row[0]) if row else None


def _tables() -> list[str]:
    return sorted(table.name for table in metadata.sorted_tables)


def _contents_of_dump(file: Path) -> Contents:
    """By what it would restore, line by line."""
    counts, newest = dict.fromkeys(_tables(), 0), ""
    with subprocess.Popen(  # noqa: S603 - our own words
        [_program("pg_restore"), "--file=-", "--data-only", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reading:
        assert reading.stdout is not None and reading.stderr is not None  # noqa: S101, PT018 - asked for above
        table, place = "", 0
        for line in reading.stdout:
            if table and line == b"\\.\n":
                table = ""
            elif table:
                counts[table] = counts.get(table, 0) + 1
                newest = max(newest, line.split(b"\t")[place].decode()) if table == "check_ins" else newest
            elif found := _COPY.fullmatch(line):
                table, place = (
                    found[1].decode(),
                    found[2].split(b", ").index(b"id") if b"id" in found[2].split(b", ") else 0,
                )
        said = reading.stderr.read().decode(errors="replace")
    if reading.returncode:
        raise Conflict(f"the copy is damaged: {said.strip().partition(chr(10))[0]}")
    return Contents(counts, UUID(newest) if newest else None)


def _psql(url: URL, query: str) -> str:
    return _run(url, "psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--command={query}").strip()


def _run(url: URL, program: str, *words: str | Path) -> str:
    """The password goes by the environment, which other users of the machine do not see."""
    where = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    environment = {**_environment(), **{name: str(value) for name, value in where.items() if value is not None}}
    environment["PGDATABASE"] = url.database or ""
    asked = {name: str(value) for name, value in url.query.items()}
    if mode := asked.pop("ssl", asked.pop("sslmode", "")):
        environment["PGSSLMODE"] = {"true": "require", "false": "disable"}.get(mode, mode)
    if asked:
        raise Invalid(
            f"the database URL says {min(asked)!r}, which PostgreSQL's programs cannot be told: leave it out here"
        )
    command = [_program(program), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise Unavailable(f"{program} failed: {done.stderr.strip().partition(chr(10))[0]}")
    return done.stdout


def _environment() -> Mapping[str, str]:
    """How this machine reaches PostgreSQL is handed on to its programs."""
    wanted = ("PATH", "HOME", "LANG", "PGPASSFILE")
    return {name: value for name, value in os.environ.items() if name in wanted or name.startswith("PGSSL")}  # noqa: TID251 - handed on


def _program(name: str) -> str:
    """On the path, else the newest of those that Debian installs beside each other. Raises Invalid."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        raise Invalid(f"{name} is missing: install PostgreSQL's client programs, of the server's version or newer")
    return found
