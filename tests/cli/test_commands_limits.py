"""A server that is asked too often: reads wait and are sent again, writes say what to do."""

from pathlib import Path

import httpx
import pytest

from tests.cli.serving import Person, serving


def _use_up(server: Person) -> None:
    headers = {"Authorization": f"Bearer {server.made.token}"}
    with httpx.Client(base_url=server.url, headers=headers) as http:
        assert any(http.get("/api/v1/me").status_code == 429 for _ in range(100))


def test_a_read_waits_as_long_as_the_server_says_and_a_write_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRONTOPUS_TOKEN_REQUESTS_PER_MINUTE", "12")
    with serving(tmp_path) as server:
        _use_up(server)
        read = server.call("namespaces", "list")
        assert read.exit_code == 0, read.output
        assert "Too many requests: trying again in " in read.stderr
        _use_up(server)
        written = server.call("namespaces", "create", "late")
        assert written.exit_code == 1
        assert "more than 12 requests a minute of this token: try again in " in written.stderr
