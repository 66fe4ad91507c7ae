"""A channel that the other side refuses for good: its owners hear of it by a way that is not the channel."""

from crontopus.domain import letters
from crontopus.engine.mail import Mail
from crontopus.storage import members
from crontopus.storage.channels import Channel
from crontopus.storage.database import Tx


class Broken:
    """`public_url`: where the link leads."""

    def __init__(self, mail: Mail, public_url: str) -> None:
        self._mail = mail
        self._url = public_url

    async def tell(self, tx: Tx, tenant: str, channel: Channel, why: str) -> None:
        """Every owner of the tenant, by e-mail, where any is sent."""
        for owner in await members.addresses_of_owners(tx):
            link = f"{self._url}/channels/{channel.id}"
            await self._mail.put(tx, letters.channel_broken(owner, tenant, channel.name, why, link, tx.now), channel.id)
