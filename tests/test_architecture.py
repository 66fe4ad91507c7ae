"""What keeps the house in shape, and imports alone cannot say; and that the import contracts really hold."""

import ast
import asyncio
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from crontopus.storage.opening import FILE, open_database, url_of
from crontopus.storage.tables import metadata
from tests.postgres import Postgres
from tools.parts import modules

ROOT = Path(__file__).parents[1]
STORAGE = ROOT / "src/crontopus/storage"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

OPENS_THE_DATABASE = {"database", "opening", "migrating", "checkpoints"}
"""Modules of storage that are no noun: what is below a transaction."""
OF_PEOPLE = {"authenticators", "challenges", "dismissals", "passkeys", "recovery_codes", "resets", "users"}
OF_THE_INSTALLATION = {"announcements", "backups", "gaps", "heartbeats", "settings", "tenants", "tiers"} | OF_PEOPLE
"""Tables that belong to no one tenant."""
ASKS_FOR_NO_TENANT = {
    "gaps.listed": "gaps are the installation's",
    "jobs.add": "the row it stores has its tenant",
    "jobs.slug_taken": "its namespace was found by tenant",
    "letters.add": "the row it stores has its tenant",
    "namespaces.sizes": "its namespaces were found by tenant",
}


# ---- storage


def _functions() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    """Every public function of a noun of storage that speaks to the database, as `noun.function`."""
    for module in sorted(STORAGE.glob("*.py")):
        if module.stem not in OPENS_THE_DATABASE:
            for found in ast.parse(module.read_text()).body:
                if isinstance(found, ast.AsyncFunctionDef) and not found.name.startswith("_"):
                    yield f"{module.stem}.{found.name}", found


def _first(function: ast.AsyncFunctionDef) -> str:
    arguments = function.args.args
    return ast.unparse(arguments[0].annotation) if arguments and arguments[0].annotation else ""


def _hands_on(function: ast.AsyncFunctionDef) -> bool:
    """Whether it gives its transaction to another function."""
    calls = (call for call in ast.walk(function) if isinstance(call, ast.Call))
    return any(isinstance(given, ast.Name) and given.id == "tx" for call in calls for given in call.args)


def test_storage_speaks_to_the_database_in_a_transaction_only() -> None:
    found = dict(_functions())
    assert len(found) > 50
    wrong = [name for name, function in found.items() if not set(_first(function).split(" | ")) <= {"Tx", "SystemTx"}]
    assert wrong == []


def test_whoever_has_one_tenants_transaction_asks_for_that_tenant() -> None:
    of_tenant = {name: function for name, function in _functions() if _first(function) == "Tx"}
    careless = {
        name
        for name, function in of_tenant.items()
        if "tx.tenant" not in ast.unparse(function) and not _hands_on(function)
    }
    assert careless == ASKS_FOR_NO_TENANT.keys()


def test_every_table_but_those_of_the_installation_has_a_tenant() -> None:
    without = {table.name for table in metadata.sorted_tables if "tenant_id" not in table.c}
    assert without == OF_THE_INSTALLATION
    assert all(not table.c.tenant_id.nullable for table in metadata.sorted_tables if "tenant_id" in table.c)


# ---- the tables are what the migrations make


async def _migrated(data: Path, database_url: str) -> None:
    async with open_database(data, database_url, lambda: datetime.now(UTC)):
        pass


async def _created(url: URL) -> None:
    """From `tables.py` alone."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()


def _sqlite_schema(data: Path) -> set[str]:
    with closing(sqlite3.connect(data / FILE)) as connection:
        told = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'")
        return {_in_order(sql) for (sql,) in told}


def _in_order(statement: str) -> str:
    """Without line breaks; of a table, its columns and constraints in alphabetical order."""
    head, _, body = " ".join(statement.split()).partition(" (")
    parts = re.split(r", (?![^(]*[)])", body.removesuffix(")"))
    return f"{head} ({', '.join(sorted(part.strip() for part in parts))})"


POSTGRES_SCHEMA = """
    SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
        || coalesce(column_default, '') || ' ' || is_identity
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""


def test_migrations_make_the_tables_on_sqlite(tmp_path: Path) -> None:
    migrated, created = tmp_path / "migrated", tmp_path / "created"
    created.mkdir()
    asyncio.run(_migrated(migrated, ""))
    asyncio.run(_created(url_of(created, "")))
    assert _sqlite_schema(migrated) == _sqlite_schema(created)


def test_migrations_make_the_tables_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    migrated, created = postgres.fresh_database(), postgres.fresh_database()
    asyncio.run(_migrated(tmp_path, migrated))
    asyncio.run(_created(url_of(tmp_path, created)))
    schemas = [set(postgres.ask(url, POSTGRES_SCHEMA).splitlines()) for url in (migrated, created)]
    assert {line for line in schemas[0] if "alembic" not in line} == schemas[1]
    for url in (migrated, created):
        postgres.drop(url)


# ---- words


def test_every_module_opens_with_a_docstring() -> None:
    own = [path for folder in ("tests", "tools", "packaging") for path in (ROOT / folder).rglob("*.py")]
    own = [path for path in own if "node_modules" not in path.parts]
    silent = [str(path) for path in [*modules(), *own] if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_every_runtime_dependency_is_named_with_what_stops_without_it() -> None:
    named = {re.split(r"[\[<>=~]", wanted)[0] for wanted in PROJECT["project"]["dependencies"]}
    page = (ROOT / "docs/architecture.md").read_text().partition("## What it is built with")[2]
    told = set(re.findall(r"^\| ([a-z0-9-]+) \| (?!without)", page, re.MULTILINE))
    assert told == named


# ---- import contracts

BREAKS = {
    "Each floor stands only on those below it": ("storage/jobs.py", "import crontopus.engine.jobs"),
    "The ground is pure": ("domain/ids.py", "import time"),
    "Console knows the API only through the client": ("console/jobs.py", "import crontopus.storage.types"),
    "SQL stays in storage": ("engine/jobs.py", "import sqlalchemy"),
    "Tables are private to storage": ("engine/jobs.py", "import crontopus.storage.tables"),
}
"""One line that each contract forbids, and where."""


def _verdicts(root: Path) -> dict[str, str]:
    """KEPT or BROKEN of each contract, for the tree at `root`; each run has its own process and no memory."""
    linter = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [linter, "--no-logo", "--no-cache"], cwd=root, env=environment, capture_output=True, text=True, timeout=120
    )
    found = dict(re.findall(r"^(\S.*?)(?: \(.*\))? (KEPT|BROKEN)", done.stdout, re.MULTILINE))
    assert found, done.stdout + done.stderr
    return found


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_import_contracts_hold(copied: Path) -> None:
    assert _verdicts(copied) == dict.fromkeys(BREAKS, "KEPT")


@pytest.mark.parametrize("contract", BREAKS)
def test_a_contract_that_is_broken_on_purpose_is_named(contract: str, copied: Path) -> None:
    module, line = BREAKS[contract]
    file = copied / "src/crontopus" / module
    file.write_text(f"{file.read_text()}\n\n{line}\n")
    assert _verdicts(copied)[contract] == "BROKEN"


def test_every_contract_is_broken_on_purpose() -> None:
    assert [contract["name"] for contract in PROJECT["tool"]["importlinter"]["contracts"]] == list(BREAKS)
