"""The OpenAPI document, held against the server: nothing of 5xx, and no answer that is not documented."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.scale import LONG, scaled
from tests.served import Served, SetUp, set_up

EXAMPLES = scaled(100)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
ENDLESS = "/api/v1/events"
"""Held to the document by tests/api/test_events.py."""


@pytest.mark.parametrize("names", ["there", *(["made up"] if LONG else [])])
def test_every_answer_is_documented_and_none_is_an_error_of_ours(tmp_path: Path, database_url: str, names: str) -> None:
    made = set_up(tmp_path / "data", database_url)
    with Served(tmp_path / "data", database_url) as served:
        if names == "there":
            (tmp_path / "schemathesis.toml").write_text(_names_of_what_is_there(served, made))
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/api/v1/openapi.json"]
        command += ["--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES)]
        command += ["--phases", "examples,coverage,fuzzing", "--exclude-path", ENDLESS]
        command += ["--header", f"Authorization: Bearer {made.token}"]
        command += ["--generation-deterministic", "--suppress-health-check", "all", "--no-color", "--workers", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:] + served.log()[-2000:]


def _names_of_what_is_there(served: Served, made: SetUp) -> str:
    """So that requests do what they say. What takes a thing away or renames it gets one of its own."""
    base, bearer = f"{served.url}/api/v1", {"Authorization": f"Bearer {made.token}"}
    with httpx.Client(base_url=base, headers=bearer) as acme:

        def post(path: str, body: object) -> dict[str, str]:
            answer: dict[str, str] = acme.post(path, json=body).raise_for_status().json()
            return answer

        job, spare = (post("/jobs", {"slug": slug, "schedule": {"every": 60}})["id"] for slug in ("backup", "spare"))
        run = post("/check-ins", {"kind": "start", "job": job})["run"]
        post("/namespaces", {"slug": "spare"})
        token = post("/tokens", {"name": "spare"})["id"]
    return f"""
[parameters]
"path.job" = "{job}"
"path.run" = "{run}"
"path.slug" = "default"
"path.token" = "{token}"

[[operations]]
include-operation-id = ["delete_job"]
parameters = {{ "path.job" = "{spare}" }}

[[operations]]
include-operation-id = ["edit_namespace", "delete_namespace"]
parameters = {{ "path.slug" = "spare" }}
"""
