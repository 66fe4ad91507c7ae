"""Questions to the person at the terminal; where there is none, an option must have answered."""

import sys

import click


def confirm(question: str, yes: bool) -> None:
    """Returns where the answer is yes. Raises Abort where it is no, UsageError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: add --yes to go ahead")
    click.confirm(question, abort=True, err=True)


yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
