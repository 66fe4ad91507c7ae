"""The server that tests rely on is itself what they think it is."""

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from tests.postgres import Postgres


def test_writes_are_synchronous_unless_they_need_not_be(postgres: Postgres, postgres_url: str) -> None:
    with Postgres() as own:
        assert own.ask(own.url("postgres"), "SHOW fsync") == "on"
        assert own.ask(own.url("postgres"), "SHOW synchronous_commit") == "on"
    assert postgres.ask(postgres_url, "SHOW fsync") == "off"


def test_each_database_is_empty(postgres: Postgres) -> None:
    urls = [postgres.fresh_database(), postgres.fresh_database()]
    for url in urls:
        postgres.ask(url, "CREATE TABLE mine ()")
    for url in urls:
        postgres.drop(url)


def test_a_prepared_database_is_a_copy_of_one_made_once(postgres: Postgres) -> None:
    def prepare(url: str) -> None:
        postgres.ask(url, "CREATE TABLE prepared ()")
        prepared.append(url)

    prepared: list[str] = []
    urls = [postgres.fresh_database(prepare), postgres.fresh_database(prepare)]
    assert len(prepared) == 1
    assert len({*prepared, *urls}) == 3
    assert [postgres.ask(url, "SELECT count(*) FROM prepared") for url in urls] == ["0", "0"]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_was_stopped_comes_back_with_what_was_committed(mode: Literal["fast", "immediate"]) -> None:
    with Postgres() as server:
        url = server.fresh_database()
        server.ask(url, "CREATE TABLE kept ()")
        server.stop(mode)
        with pytest.raises(RuntimeError, match="Connection refused"):
            server.ask(url, "SELECT 1")
        server.start()
        assert server.ask(url, "SELECT count(*) FROM kept") == "0"


OWNER_OF_A_SERVER = """
from tests.postgres import Postgres
server = Postgres().__enter__()
print(server._server.pid, server._folder, flush=True)
input()
"""


def test_a_server_ends_with_the_program_that_started_it() -> None:
    command = [sys.executable, "-c", OWNER_OF_A_SERVER]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as owner:
        assert owner.stdout is not None
        server, folder = owner.stdout.readline().split()
        watched = os.pidfd_open(int(server))
        owner.send_signal(signal.SIGKILL)
    try:
        ended, _, _ = select.select([watched], [], [], 30)
        assert ended, "the server outlived its owner by 30 s"
    finally:
        os.close(watched)
        shutil.rmtree(folder)
