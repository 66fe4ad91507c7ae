"""What a job depends on: while an alert of that is open, its own alerts are held."""

from collections.abc import Sequence
from uuid import UUID

from crontopus.domain.access import Reach
from crontopus.domain.errors import Fault, Invalid
from crontopus.storage import dependencies, jobs
from crontopus.storage.database import Tx


async def depend(tx: Tx, reach: Reach, job: UUID, names: Sequence[str]) -> None:
    """From now on `job` depends on these, each named by its id or as namespace/slug; what it depends on out of reach
    stays. Raises Invalid where there is no such job, and where it would come back to itself.
    """
    await dependencies.hold(tx)
    before = (await dependencies.parents(tx, [job]))[job]
    if not names and not before:
        return
    found = await jobs.ids_of(tx, reach, names)
    reached = await jobs.reached(tx, reach, before)
    wanted = {*found.values(), *(parent for parent in before if parent not in reached)}
    above = await dependencies.ancestors(tx, wanted)
    faults = []
    for place, name in enumerate(names):
        parent = found.get(name)
        if parent is None:
            faults.append(Fault(f"/depends_on/{place}", f"there is no job {name!r}: make it first"))
        elif parent == job or job in above[parent]:
            faults.append(Fault(f"/depends_on/{place}", f"{name!r} is this job, or depends on it: that is a circle"))
    if faults:
        raise Invalid("; ".join(fault.detail for fault in faults), tuple(faults))
    await dependencies.replace(tx, job, wanted)
