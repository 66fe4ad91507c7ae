"""What check-ins are about: read once, and then known as each check-in leaves it."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from crontopus.domain.watch import Gaps, Run
from crontopus.engine.report import Report
from crontopus.storage.gaps import REMEMBERED
from crontopus.storage.ledger import Address, LedgerTx
from crontopus.storage.watches import Placed

Key = tuple[UUID, UUID]
"""A job, and an agent or a run id."""


class Known:
    """The watches at some addresses, the newest runs of some run ids, and the gaps.

    What `earlier` knows is believed before what is read: it may not have been written yet.
    """

    def __init__(self, earlier: "Known | None" = None) -> None:
        self.gaps: Gaps = () if earlier is None else earlier.gaps
        self._is_new = earlier is None
        self.placed: dict[Address, Placed] = {}
        self.priors: dict[Key, Run] = {}
        self._watches: dict[Key, Placed] = {}
        self._earlier: tuple[Mapping[Address, Placed], Mapping[Key, Run], Mapping[Key, Placed]] = ({}, {}, {})
        if earlier is not None:
            self._earlier = (earlier.placed, earlier.priors, earlier._watches)

    async def read(self, tx: LedgerTx, reports: Sequence[Report]) -> None:
        """Read what more reports are about."""
        if self._is_new:
            self.gaps = await tx.gaps(min(report.received_at for report in reports) - REMEMBERED)
            self._is_new = False
        await self._place(tx, {report.address for report in reports if report.address not in self.placed})
        named = {(self.placed[r.address].job, r.rid) for r in reports if r.rid is not None and r.address in self.placed}
        if named:
            await self._read_priors(tx, [key for key in named if key not in self.priors])

    async def _place(self, tx: LedgerTx, addresses: Collection[Address]) -> None:
        placed, _, watches = self._earlier
        known = {address: found for address in addresses if (found := placed.get(address)) is not None}
        read = await tx.found([address for address in addresses if address not in known] if known else addresses)
        for address, found in (*known.items(), *read.items()):
            key = (found.job, found.agent)
            self.placed[address] = self._watches.setdefault(key, watches.get(key, found))

    def add(self, address: Address, placed: Placed) -> None:
        self.placed[address] = self._watches[placed.job, placed.agent] = placed

    async def _read_priors(self, tx: LedgerTx, named: Collection[Key]) -> None:
        _, priors, _ = self._earlier
        self.priors.update({key: priors[key] for key in named if key in priors})
        self.priors.update(await tx.priors([key for key in named if key not in self.priors]))
