"""The generated parts of pages that are written by hand, each from what it describes."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
from prometheus_client.metrics import MetricWrapperBase

from crontopus.cli import ping, run_options
from crontopus.cli.commands import root
from crontopus.cli.options import help_text
from crontopus.config import Config
from crontopus.domain import duration
from crontopus.engine import exposition
from crontopus.metrics import Metrics

_PART = re.compile(r"(<!-- generated: (?P<name>[\w ]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
_WIDTH = 110
PACKAGE = Path(__file__).parents[1] / "src/crontopus"
_BY_HAND: Mapping[str, Callable[[], str]] = {
    "run": run_options.usage,
    "ping": lambda: help_text("crontopus ping [OPTIONS]", ping._ABOUT, ping.OPTIONS, ping._EPILOG),
}
"""Commands that read their options themselves, and print their help so."""


def filled(page: str) -> str:
    """`page` with each of its generated parts written anew."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]()}\n", page)


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command by its whole name, as `jobs create`, in the order of the help."""
    context = root.make_context("crontopus", [], resilient_parsing=True)
    context.terminal_width = context.max_content_width = _WIDTH
    return _below(root, context)


def _below(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None  # noqa: S101 # it is listed
        own = command.make_context(name, [], parent=context, resilient_parsing=True)
        if isinstance(command, click.Group):
            yield from _below(command, own)
        else:
            yield own.command_path.partition(" ")[2], command, own


def _settings() -> str:
    fields = msgspec.structs.fields(Config)
    return _table(
        ("setting", "default", "meaning"), ([f"`{one.name}`", _default(one), _meaning(one)] for one in fields)
    )


def _default(field: Any) -> str:
    match getattr(Config(), field.name):
        case "" | []:
            return ""
        case timedelta() as span:
            return duration.brief(span)
        case bool() as yes:
            return str(yes).lower()
        case int() as number if number >= 10_000:
            return f"{number:,}"
        case other:
            return str(other)


def _meaning(field: Any) -> str:
    return next(str(meta.description) for meta in field.type.__metadata__ if meta.description)


def _job_metrics() -> str:
    families = [
        [f"`{family.name}`", ", ".join(f"`{label}`" for label in family.labels), family.help]
        for family in exposition.FAMILIES
    ]
    of_channels = [[f"`{one.name}`", "has `channel` and `kind` alone", one.help] for one in exposition.OF_CHANNELS]
    truncated = [f"`{exposition.TRUNCATED}`", "has no labels", exposition.TRUNCATED_HELP]
    return _table(("series (gauges)", "other labels", "says"), [*families, *of_channels, truncated])


def _process_metrics() -> str:
    return _table(("series", "type", "labels", "says"), map(_instrument, instruments()))


def instruments() -> list[MetricWrapperBase]:
    return [one for one in vars(Metrics()).values() if isinstance(one, MetricWrapperBase)]


def _instrument(one: MetricWrapperBase) -> list[str]:
    name = f"{one._name}_total" if one._type == "counter" else one._name
    return [f"`{name}`", str(one._type), ", ".join(f"`{label}`" for label in one._labelnames), one._documentation]


def _commands() -> str:
    return "\n".join(_command(*found) for found in commands())


def _command(name: str, command: click.Command, context: click.Context) -> str:
    text = _BY_HAND[name]() if name in _BY_HAND else command.get_help(context) + "\n"
    return f"### crontopus {name}\n\n```text\n{text}```\n"


def _tree() -> str:
    folders = sorted({module.parent for module in modules()})
    return "\n".join(f"```text\n{''.join(_folder(folder))}```\n" for folder in folders)


def modules() -> list[Path]:
    """Every module but the migrations, which only Alembic reads."""
    return sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)


def _folder(folder: Path) -> Iterator[str]:
    inside = sorted(module for module in modules() if module.parent == folder)
    width = max(len(module.name) for module in inside)
    yield f"{folder.relative_to(PACKAGE.parent)}/\n"
    for module in inside:
        yield f"  {module.name:{width}}  {_sentence(module)}\n"


def _sentence(module: Path) -> str:
    """The first of its docstring."""
    text = " ".join((ast.get_docstring(ast.parse(module.read_text())) or "").split())
    return text.partition(". ")[0].rstrip(".")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


PARTS = {
    "settings": _settings,
    "job metrics": _job_metrics,
    "process metrics": _process_metrics,
    "commands": _commands,
    "tree": _tree,
}
"""What can stand between `<!-- generated: NAME -->` and `<!-- end -->` of a page."""
