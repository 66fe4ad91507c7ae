"""The command line. `run` and `ping` are called without loading what the other commands need."""

import sys

_USAGE = 2
_ON_LINUX = (
    "crontopus {}: this works on Linux only, for now. Elsewhere a script reports by its ping URL, as with curl.\n"
)


def main() -> int:
    """The entry point of the `crontopus` script: the exit code of `run` and `ping`; the others leave by themselves."""
    words = sys.argv[1:]
    if words[:1] in (["run"], ["ping"]) and sys.platform != "linux":
        sys.stderr.write(_ON_LINUX.format(words[0]))
        return _USAGE
    if words[:1] == ["run"]:
        from crontopus.cli.run import main as run

        return run(words[1:])
    if words[:1] == ["ping"]:
        from crontopus.cli.ping import main as ping

        return ping(words[1:])
    from crontopus.cli.commands import root

    root(prog_name="crontopus")
    return 0
