"""What check-ins are about: read once, and then known as each check-in leaves it, for as long as nobody else writes."""

from collections.abc import Collection, Sequence
from uuid import UUID

from crontopus.domain.watch import Gaps, Run
from crontopus.engine.report import Report
from crontopus.storage.gaps import REMEMBERED
from crontopus.storage.ledger import Address, LedgerTx
from crontopus.storage.watches import Placed

MOST = 20_000
"""Addresses that are remembered: some 30 MB."""

Key = tuple[UUID, UUID]
"""A job, and an agent or a run id."""


class Known:
    """The watches at some addresses, the newest runs of some run ids, and the gaps.

    It is ahead of the database by what the newest batch has changed and not yet stored.
    """

    def __init__(self) -> None:
        self.gaps: Gaps = ()
        self.placed: dict[Address, Placed] = {}
        self.priors: dict[Key, Run] = {}
        self._watches: dict[Key, Placed] = {}
        self._is_new = True

    async def read(self, tx: LedgerTx, reports: Sequence[Report]) -> None:
        """Read what these are about, as far as it is not known."""
        if self._is_new:
            self.gaps = await tx.gaps(min(report.received_at for report in reports) - REMEMBERED)
            self._is_new = False
        addresses = {report.address for report in reports} - self.placed.keys()
        if addresses:
            for address, placed in (await tx.found(addresses)).items():
                self.add(address, self._watches.get((placed.job, placed.agent)) or placed)
        named = {(self.placed[r.address].job, r.rid) for r in reports if r.rid is not None and r.address in self.placed}
        if named:
            self.priors.update(await tx.priors(named - self.priors.keys()))

    def add(self, address: Address, placed: Placed) -> None:
        self.placed[address] = self._watches[placed.job, placed.agent] = placed

    def forget_all_but(self, addresses: Collection[Address]) -> None:
        """Where much is known. The newest batch must be kept."""
        if len(self.placed) + len(self.priors) <= MOST:
            return
        kept = {address: self.placed[address] for address in addresses if address in self.placed}
        self.placed, self._watches = kept, {(placed.job, placed.agent): placed for placed in kept.values()}
        jobs = {placed.job for placed in kept.values()}
        self.priors = {key: run for key, run in self.priors.items() if key[0] in jobs}
