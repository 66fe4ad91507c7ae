"""Settings of channels as what is typed into a form, and what was typed as settings again. Pure."""

from collections.abc import Collection
from typing import Any

from crontopus.console.channel_kinds import WAYS, Field, Shape, Way
from crontopus.console.forms import Form
from crontopus.domain.errors import Fault, Invalid
from crontopus.wire.alerts import Channel


def places(way: Way) -> dict[str, str]:
    """Which field of the form shows the fault at which pointer."""
    return {one.pointer: one.key for one in (*way.fields, *way.templates)}


def goes_to(channel: Channel) -> str:
    """Where it goes, as far as that may be shown."""
    way = WAYS.get(channel.kind)
    fields = [one.name for one in way.fields if not one.secret] if way else []
    return next((str(channel.settings[name]) for name in fields if channel.settings.get(name)), "")


def stored(way: Way, channel: Channel) -> list[tuple[str, str]]:
    """The settings and templates as they stand in the form; what is hidden stands there empty."""
    known = {"settings": channel.settings, "templates": channel.templates}
    fields = [one for one in (*way.fields, *way.templates) if one.name in known[one.of]]
    return [(one.key, _typed(one.shape, known[one.of][one.name])) for one in fields]


def templates(way: Way, form: Form) -> dict[str, str | None]:
    """What was typed; what is empty is not there any more."""
    return {one.name: form[one.key] or None for one in way.templates}


def settings(way: Way, form: Form, kept: Collection[str] = ()) -> dict[str, Any]:
    """What was typed. Of a channel that is there `kept` names what is hidden, and stays where nothing is written.

    Raises Invalid, with a fault for each field that must be filled in and is not.
    """
    faults = [
        Fault(f"/settings/{one.name}", "Fill this in.")
        for one in way.fields
        if not form[one.key] and one.shape is not Shape.CHECK and not one.optional and one.name not in kept
    ]
    if faults:
        raise Invalid("", tuple(faults))
    given = {one.name: _read(one, form) for one in way.fields}
    return {name: value for name, value in given.items() if value is not None and (value or name not in kept)}


def _typed(shape: Shape, value: Any) -> str:
    match shape:
        case Shape.CHECK:
            return "yes" if value else ""
        case Shape.PAIRS:
            return "\n".join(f"{name}: {each}" for name, each in value.items())
        case _:
            return str(value)


def _read(field: Field, form: Form) -> Any:
    """None: it is left to its default."""
    text = form[field.key]
    match field.shape:
        case Shape.CHECK:
            return text == "yes"
        case Shape.NUMBER:
            return _number(field, text) if text else None
        case Shape.PAIRS:
            return dict(_pair(field, line) for line in text.splitlines() if line.strip())
        case Shape.CHOICE:
            return text or None
        case Shape.TEXT | Shape.LINES:
            return text


def _number(field: Field, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    raise Invalid("", (Fault(f"/settings/{field.name}", "Give a whole number, such as 1."),))


def _pair(field: Field, line: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in line.partition(":"))
    if name and colon:
        return name, value
    raise Invalid("", (Fault(f"/settings/{field.name}", f"“{line.strip()[:100]}” is not of the form: name: value."),))
