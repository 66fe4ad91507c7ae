"""The root knows every command, and starts fast."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from crontopus.cli import commands
from crontopus.cli.commands import PLACES, root
from crontopus.client import Client
from crontopus.client.http import Http
from tests.cli.serving import in_process


def tree(command: click.Command, name: str = "crontopus") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from tree(found, f"{name} {child}")


EVERY = dict(tree(root))


def test_help_lists_every_command_with_its_summary() -> None:
    shown = in_process("--help").stdout
    for name, place in PLACES.items():
        assert re.search(rf"\n  {name}\s", shown)
        assert place.summary in shown


@pytest.mark.parametrize("name", sorted(PLACES))
def test_the_summary_in_the_root_is_that_of_the_command(name: str) -> None:
    command = EVERY[f"crontopus {name}"]
    assert command.get_short_help_str(200) == PLACES[name].summary or name in ("run", "ping")


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_command_and_option_says_what_it_does(name: str) -> None:
    command = EVERY[name]
    assert command.help or name in ("crontopus run", "crontopus ping")
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, option.name


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_choice_is_typed_as_it_is_written_in_the_api(name: str) -> None:
    """Of an enumeration click would ask for the names of its members."""
    for option in EVERY[name].params:
        if isinstance(option.type, click.Choice):
            assert {type(choice) for choice in option.type.choices} == {str}, option.name


def test_every_route_is_reachable_from_the_command_line() -> None:
    sources = "".join(file.read_text() for file in Path(commands.__file__).parent.rglob("*.py"))
    routes = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not hasattr(Http, name)}
    unreachable = {name for name in routes if not re.search(rf"\bclient\.{name}\b", sources)}
    assert unreachable == {
        "ask_for_password",  # whoever has lost theirs is at the console's door
        "open_password_reset",
        "use_password_reset",
        "check_in",  # `run` and `ping` check in without loading this client
        "check_ins",  # likewise `spool flush`
        # Behind the links in mail: whoever reads it needs no account, and the code stands in the link.
        "open_unsubscribe",
        "unsubscribe",
        "open_alert_link",
        "acknowledge_by_link",
        "silence_by_link",
        # What a person does with an account of their own, in a browser; the command line comes with a token.
        "accept_invitation",
        "change_password",
        "confirm",
        "decide_device",
        "edit_me",
        "end_session",
        "finish_provider_sign_in",
        "sign_in_by_proxy",
        "visit_provider",
        "open_device",
        "open_invitation",
        "sessions",
        "switch_tenant",
        # Looking as another is of a session, and needs a password that was just given.
        "impersonate",
        "raise_impersonation",
        # Second factors are set up where they are: passkeys need a browser, and what is shown once belongs on no
        # terminal that is recorded. `me factors` shows which there are.
        "add_passkey",
        "add_recovery_codes",
        "confirm_authenticator",
        "edit_passkey",
        "enrol_authenticator",
        "new_passkey_options",
        "passkey_options",
        "passkey_sign_in_options",
        "remove_authenticator",
        "remove_passkey",
        "sign_in_with_passkey",
    }


def test_the_roots_help_loads_no_command_and_no_network() -> None:
    program = (
        "import sys; from crontopus.cli.commands import root\n"
        "root(['--help'], standalone_mode=False)\n"
        "print([m for m in ('httpx', 'msgspec', 'yaml', 'asyncio', 'crontopus.cli.jobs') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("\n[]\n")


def test_a_commands_help_loads_no_http_client_and_no_server() -> None:
    program = (
        "import sys; from crontopus.cli.commands import root\n"
        "root(['jobs', 'list', '--help'], standalone_mode=False)\n"
        "print([m for m in ('httpx', 'litestar', 'sqlalchemy', 'granian') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("\n[]\n")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["job", "list"], "'jobs'"),
        (["namespace"], "'namespaces'"),
        (["jobs", "lst"], "'list'"),
        (["jobs", "list", "--lmit", "3"], "'--limit'"),
        (["whoamy"], "'whoami'"),
    ],
)
def test_a_slip_of_the_finger_is_a_usage_error_that_names_what_was_meant(typed: list[str], meant: str) -> None:
    result = in_process(*typed)
    assert result.exit_code == 2
    assert "Did you mean" in result.stderr or "did you mean" in result.stderr.lower()
    assert meant in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    script = in_process("completion", shell).stdout
    assert "_CRONTOPUS_COMPLETE" in script
    assert f"{shell}_complete" in script


def completed(words: str) -> set[str]:
    environment = {
        "_CRONTOPUS_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    result = in_process(environment=environment)
    return {line.partition(",")[2] for line in result.stdout.splitlines()}


def test_commands_and_options_are_completed() -> None:
    assert {"jobs"} <= completed("crontopus jo")
    assert {"pause", "resume"} <= completed("crontopus jobs ")
    assert {"--output"} <= completed("crontopus jobs list --out")
    assert {"json", "yaml"} <= completed("crontopus jobs list -o ")


def test_bash_accepts_its_script() -> None:
    script = in_process("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
