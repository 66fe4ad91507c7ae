"""What may become of what is sent."""

from datetime import timedelta

from msgspec import Struct


class Delivered(Struct, frozen=True):
    """It is with whoever takes care of it from now on. `reference`: by what it can be changed or answered there."""

    reference: str = ""


class TryAgain(Struct, frozen=True):
    """Not now: it passes by itself, or whoever runs the installation can mend it.

    `after`: the other side asks for so long. `arrived`: it may have arrived all the same, since only the answer is
    missing.
    """

    why: str
    after: timedelta | None = None
    arrived: bool = False


class GiveUp(Struct, frozen=True):
    """Never: the other side refuses this very thing. `broken`: it would refuse everything on this channel."""

    why: str
    broken: bool = False


Outcome = Delivered | TryAgain | GiveUp
