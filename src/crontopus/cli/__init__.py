"""The command line. `run` and `ping` are called without loading what the other commands need."""

import sys


def main() -> int:
    """The entry point of the `crontopus` script: the exit code of `run` and `ping`; the others leave by themselves."""
    words = sys.argv[1:]
    if words[:1] == ["run"]:
        from crontopus.cli.run import main as run

        return run(words[1:])
    if words[:1] == ["ping"]:
        from crontopus.cli.ping import main as ping

        return ping(words[1:])
    from crontopus.cli.commands import root

    root(prog_name="crontopus")
    return 0
