"""What may become of what is sent."""

from msgspec import Struct


class Delivered(Struct, frozen=True):
    """It is with whoever takes care of it from now on."""


class TryAgain(Struct, frozen=True):
    """Not now: it passes by itself, or whoever runs the installation can mend it."""

    why: str


class GiveUp(Struct, frozen=True):
    """Never: the other side refuses this very thing."""

    why: str


Outcome = Delivered | TryAgain | GiveUp
