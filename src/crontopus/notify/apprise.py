"""Whatever Apprise knows, by its URLs: where its package is installed, and whoever runs the installation allows it.

What Apprise fetches goes by no guarded client: its URLs may name any host, also one that is not public. It runs in a
program of its own, `apprise_run`, which can be stopped whatever it waits for. A message cannot be changed, and nothing
is known of why one failed, so each is tried again.
"""

import re
import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import anyio
import msgspec
from msgspec import Meta, Struct

from crontopus.domain.text import on_one_line
from crontopus.notify import markup, words
from crontopus.notify.contract import Parcel
from crontopus.notify.masking import Mask
from crontopus.notify.outcome import Delivered, GiveUp, Outcome, TryAgain
from crontopus.notify.words import Tone

TITLE = "Apprise"
KEEPS = False
SECRETS = frozenset({"urls"})
PACKAGE = "apprise"
NOT_INSTALLED = (
    "Apprise is not installed here: whoever runs this installation can add it by `pip install 'crontopus[apprise]'`; "
    "the program that is one file has no room for it"
)
AT_ONCE = 2
"""Programs: each takes some 50 MB, and half a second before it tells anything."""

_PROGRAM = "crontopus.notify.apprise_run"
_NOT_ALLOWED = "Apprise is switched off here: whoever runs this installation can allow it by the setting allow_apprise"
_WITHIN, _SERVICE = 30, 10
"""Seconds for all of it, and for each service."""
_MESSAGE, _TITLE, _REASON = 3000, 200, 200
_TYPES = {
    Tone.GOOD: "success",
    Tone.QUIET: "info",
    Tone.INFO: "info",
    Tone.WARNING: "warning",
    Tone.BAD: "failure",
}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """One or several services, as Apprise writes them."""

    urls: Annotated[
        str,
        Meta(
            max_length=4000,
            pattern=r"^[A-Za-z0-9+.-]{1,30}://\S+(\s+[A-Za-z0-9+.-]{1,30}://\S+)*$(?!\n)",
            description="URLs of Apprise, such as `discord://…`, with blanks between.",
        ),
    ]


class _Untold(Struct):
    """`is_late`: it was not done in time, so that it may have told it all the same."""

    name: str
    why: str
    is_late: bool


class _Said(Struct):
    """`refused`: why a URL can never be used; then nothing was told to anybody."""

    refused: list[str] = []
    told: int = 0
    untold: list[_Untold] = []


def is_installed() -> bool:
    return find_spec(PACKAGE) is not None


async def send(settings: Settings, parcel: Parcel, turns: anyio.CapacityLimiter | None) -> Outcome:
    """`turns`: so many programs at once; None: whoever runs the installation allows none."""
    if turns is None:
        return GiveUp(_NOT_ALLOWED, broken=True)
    if not is_installed():
        return GiveUp(NOT_INSTALLED, broken=True)
    try:
        with anyio.fail_after(_WITHIN):
            async with turns:
                said = await _run(_order(settings, parcel))
    except TimeoutError:
        return TryAgain(f"Apprise was not done within {_WITHIN} seconds", arrived=True)
    return _judged(settings, said)


def _order(settings: Settings, parcel: Parcel) -> bytes:
    return msgspec.json.encode(
        {
            "urls": settings.urls.split(),
            "title": words.cut(words.title(parcel), _TITLE),
            "body": markup.body(parcel, markup.PLAIN, _MESSAGE) or words.title(parcel),
            "type": _TYPES[words.tone(parcel)],
            "seconds": _SERVICE,
        }
    )


async def _run(order: bytes) -> _Said | None:
    """None: it broke down. Nothing of where we stand is imported (`-P`)."""
    command = [sys.executable, "-P", "-m", _PROGRAM]
    done = await anyio.run_process(command, input=order, stderr=subprocess.DEVNULL, check=False, start_new_session=True)
    try:
        return msgspec.json.decode(done.stdout, type=_Said) if done.returncode == 0 else None
    except msgspec.DecodeError:
        return None


def _judged(settings: Settings, said: _Said | None) -> Outcome:
    """Who was told is told again with the next try if another was not: Apprise gives nothing to know a message by."""
    if said is None:
        return TryAgain("Apprise broke down", arrived=True)
    if said.refused:
        return GiveUp(f"Apprise can use none of this: {'; '.join(said.refused)}", broken=True)
    if not said.untold:
        return Delivered() if said.told else TryAgain("Apprise told nobody, and does not say why")
    why = "; ".join(f"{each.name}: {each.why}" for each in said.untold)
    shown = words.cut(" ".join(on_one_line(Mask(_opening(settings.urls))(why)).split()), _REASON)
    everybody = said.told + len(said.untold)
    may_have_arrived = said.told > 0 or any(each.is_late for each in said.untold)
    return TryAgain(f"Apprise could not tell {len(said.untold)} of {everybody}: {shown}", arrived=may_have_arrived)


def _opening(urls: str) -> list[str]:
    """Whatever stands in a URL behind its scheme may open something."""
    return re.findall(r"[^\s/:@?&=#,]{3,}", re.sub(r"(?<!\S)[^\s:]+://", " ", urls))
