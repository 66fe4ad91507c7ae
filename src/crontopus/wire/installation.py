"""What concerns the whole installation, for those who run it."""

from enum import StrEnum
from typing import Any

from crontopus.wire.common import Instant, Output


class Condition(StrEnum):
    """How a part of the installation is; the worst last."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Vital(Output, frozen=True):
    """One thing that was looked at: how it is, in words, and what to do where it is not well. An error while looking is
    `bad`, and says so: never is it taken for nothing.
    """

    area: str
    name: str
    condition: Condition
    told: str
    advice: str


class Vitals(Output, frozen=True):
    """How the installation is, as the process that answers sees it; `condition` is the worst of all."""

    at: Instant
    condition: Condition
    items: list[Vital]


class Setting(Output, frozen=True):
    """One setting in force. `origin`: `flag`, `environment`, `file` or `default`; a secret's value is `(hidden)`."""

    name: str
    value: Any
    origin: str
