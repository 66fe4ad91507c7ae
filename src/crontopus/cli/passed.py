"""`run` and `ping` for the help and completion of the root; by name they are dispatched before click is loaded."""

from importlib import import_module

import click

_AS_TYPED = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def _passed(name: str) -> click.Command:
    @click.command(name, context_settings=_AS_TYPED, add_help_option=False)
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    @click.pass_context
    def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
        ctx.exit(import_module(f"crontopus.cli.{name}").main(list(arguments)))

    return command


run = _passed("run")
ping = _passed("ping")
