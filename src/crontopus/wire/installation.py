"""What concerns the whole installation, for those who run it."""

from typing import Any

from crontopus.wire.common import Output


class Setting(Output, frozen=True):
    """One setting in force. `origin`: `flag`, `environment`, `file` or `default`; a secret's value is `(hidden)`."""

    name: str
    value: Any
    origin: str
