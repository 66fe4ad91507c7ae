"""The OpenAPI document, held against the server: nothing of 5xx, and no answer that is not documented."""

import subprocess
import sys
from pathlib import Path

from tests.scale import scaled
from tests.served import Served, set_up

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


def test_every_answer_is_documented_and_none_is_an_error_of_ours(tmp_path: Path, database_url: str) -> None:
    made = set_up(tmp_path / "data", database_url)
    with Served(tmp_path / "data", database_url) as served:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/api/v1/openapi.json"]
        command += [
            "--checks",
            ",".join(CHECKS),
            "--max-examples",
            str(EXAMPLES),
            "--phases",
            "examples,coverage,fuzzing",
        ]
        command += ["--header", f"Authorization: Bearer {made.token}", "--exclude-path", ENDLESS]
        command += ["--generation-deterministic", "--suppress-health-check", "all", "--no-color", "--workers", "2"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:] + served.log()[-2000:]
