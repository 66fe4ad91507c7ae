"""`crontopus config` shows what a server would run with, and where each setting comes from."""

import json
from pathlib import Path

import pytest

from tests.cli.serving import in_process


def shown(*flags: str, **environment: str) -> dict[str, tuple[object, str]]:
    result = in_process("config", "-o", "json", *flags, environment=environment)
    assert result.exit_code == 0, result.stderr
    return {setting["name"]: (setting["value"], setting["origin"]) for setting in json.loads(result.stdout)}


def test_a_flag_is_stronger_than_the_environment_and_that_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / "crontopus.toml"
    file.write_text('host = "0.0.0.0"\nport = 1\nlog_level = "debug"\n')
    found = shown("--config", str(file), "--port", "3", CRONTOPUS_PORT="2", CRONTOPUS_HOST="::1")
    assert found["port"] == (3, "flag")
    assert found["host"] == ("::1", "environment")
    assert found["log_level"] == ("debug", "file")
    assert found["log_format"] == ("auto", "default")


def test_secrets_are_masked() -> None:
    url = "postgresql://me:swordfish@db/crontopus"
    for form in ("table", "json", "yaml", "csv"):
        result = in_process("config", "-o", form, "--database-url", url)
        assert "database_url" in result.stdout
        assert "swordfish" not in result.output


@pytest.mark.parametrize("command", ["config", "serve"])
def test_a_wrong_setting_is_one_sentence_and_exit_code_1(command: str) -> None:
    result = in_process(command, environment={"CRONTOPUS_PORT": "many"})
    assert result.exit_code == 1
    assert result.stderr == "Error: the setting port (environment) is wrong: write a whole number, not text\n"
