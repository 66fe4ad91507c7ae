"""Alembic, run in-process at start: which revision the database has, and the way up to this program's."""

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from crontopus.domain.errors import Conflict
from crontopus.storage.tables import metadata

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x63726F6E
"""The advisory lock under which one process of several migrates a PostgreSQL."""


def revision_of(connection: Connection) -> str | None:
    """The revision the database is at; None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    revision = _scripts().get_current_head()
    assert revision is not None  # noqa: S101 # a package without migrations cannot have been built
    return revision


def check(found: str | None) -> bool:
    """Whether `found` is this program's revision. Raises Conflict where it is one this program does not know."""
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise Conflict(
            f"the database was written by a newer Crontopus (its version is {found}). Start that program, or restore "
            "the copy it kept before migrating; nothing was changed"
        )
    return found == head()


def upgrade(connection: Connection) -> None:
    """To this program's revision, in one transaction. On PostgreSQL one process does it and the others wait."""
    scripts = _scripts()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    environment = EnvironmentContext(
        Config(), scripts, fn=lambda revision, _: scripts._upgrade_revs(head(), revision), destination_rev=head()
    )
    with environment:
        environment.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        environment.run_migrations()
    connection.commit()


@cache
def _scripts() -> ScriptDirectory:
    """Read once: they are part of the program."""
    return ScriptDirectory(str(_SCRIPTS))
