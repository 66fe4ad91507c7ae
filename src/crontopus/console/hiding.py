"""What a silence or a maintenance window would hide, shown beside its form before it is made."""

from msgspec import Struct

from crontopus.client import Client
from crontopus.domain.errors import Invalid
from crontopus.wire.silences import Hidden


class Hides(Struct, frozen=True):
    """What stands in the form hides this, or why nobody knows. `everything`: no word narrows it."""

    hidden: Hidden | None
    everything: bool = False
    fault: str = ""


async def hides(client: Client, matcher: str) -> Hides:
    try:
        return Hides(await client.preview_silence(matcher), everything=not matcher)
    except Invalid as error:
        return Hides(None, fault=" ".join(fault.detail for fault in error.faults) or str(error))
