"""What a person names by its name or id, found among all that there are."""

from collections.abc import Iterable
from typing import Protocol, TypeVar
from uuid import UUID

from crontopus.domain.errors import Conflict, NotFound


class Named(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def named(which: str, known: Iterable[T], noun: str) -> T:
    """By its id, else by its name. `noun`: what each is, `channel`, whose list is that of `crontopus channels list`.

    Raises NotFound, and Conflict where several have that name.
    """
    each = list(known)
    found = [one for one in each if str(one.id) == which.lower()] or [one for one in each if one.name == which]
    if not found:
        command = f"{noun}s".replace(" ", "-")
        raise NotFound(f"there is no {noun} {which!r}: `crontopus {command} list` shows which there are")
    if len(found) > 1:
        ids = ", ".join(str(one.id) for one in found)
        raise Conflict(f"{len(found)} {noun}s are called {which!r}: name one by its id: {ids}")
    return found[0]
