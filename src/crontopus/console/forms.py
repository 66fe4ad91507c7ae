"""What a person typed: read leniently, turned into wire Structs, and handed back with its faults."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from crontopus.console.visit import Visit
from crontopus.domain.errors import CrontopusError, Fault, Invalid

MOST_FIELDS = 5000
ANYONE_MOST_BYTES = 64 * 1024
"""Of a form that is read before it is known who sends it."""


class Form:
    """The fields of a form in their order; a field that was not sent is empty text."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        return next((value.strip() for key, value in self._pairs if key == name), "")

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)

    def raw(self, name: str) -> str:
        """As it was typed, blanks included: passwords, pasted text."""
        return next((value for key, value in self._pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def words(self, name: str) -> list[str]:
        """Separated by blanks or commas."""
        return self[name].replace(",", " ").split()

    def whole(self, name: str, default: int) -> int:
        """A whole number; `default` where the field is empty. Raises Invalid."""
        text = self[name]
        if not text:
            return default
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return int(text)
        raise Invalid(f"{text!r} is not a whole number", (Fault(f"/{name}", "Give a whole number, such as 1."),))

    def length(self, name: str) -> str | None:
        """A duration as the API reads it, None where the field is empty: `10 m` is `10m`."""
        return "".join(self[name].split()) or None


async def read_form(request: Visit) -> Form:
    """The body of a POST. Bytes that are not UTF-8 come as replacement characters, never as an error."""
    try:
        pairs = parse_qsl(
            (await request.body()).decode("latin-1"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise Invalid(f"A form has at most {MOST_FIELDS:,} fields.") from error
    return Form([(key, value.replace("\x00", "").replace("\r\n", "\n")) for key, value in pairs])


def passkey_of(form: Form) -> dict[str, Any]:
    """What the script put into the form. Raises Invalid where no script did."""
    try:
        return msgspec.json.decode(form.raw("passkey"), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Invalid("A passkey needs JavaScript. A code works without it.") from error


class Faults:
    """Faults by field, for a form that is shown again. `rest` are those that belong to no field of it."""

    def __init__(self, error: CrontopusError | None = None, fields: Mapping[str, str] | None = None) -> None:
        """`fields` maps a pointer to the field that shows it, where they differ; longest pointers first."""
        self.by_field: dict[str, str] = {}
        self.rest: list[str] = []
        self._fields = fields or {}
        if error is not None:
            self._take(error)

    def _take(self, error: CrontopusError) -> None:
        for fault in error.faults:
            if field := self._field(fault.pointer):
                self.by_field.setdefault(field, fault.detail)
            else:
                self.rest.append(fault.detail)
        if not error.faults:
            self.rest.append(str(error) or error.title)

    def _field(self, pointer: str) -> str:
        for beginning, field in self._fields.items():
            if pointer == beginning or pointer.startswith(beginning + "/"):
                return field
        return ""

    def __getitem__(self, field: str) -> str:
        return self.by_field.get(field, "")

    def __bool__(self) -> bool:
        return bool(self.by_field or self.rest)


def same_names(*names: str) -> dict[str, str]:
    """Fields that are called as in the API."""
    return {f"/{name}": name for name in names}


def as_id(text: str, pointer: str) -> UUID:
    """Raises Invalid where it is none."""
    if not is_id(text):
        raise Invalid("", (Fault(pointer, "Choose one of these."),))
    return UUID(text)


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
