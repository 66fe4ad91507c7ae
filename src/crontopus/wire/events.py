"""The live stream: what changed, by id and version, never the thing itself."""

from uuid import UUID

from crontopus.wire.common import Instant, Output


class ChangeEvent(Output, frozen=True):
    """The data of one server-sent event. Its `event:` is `noun`, `job` or `run`; its `id:` is for `Last-Event-ID`.

    `position` rises with each transaction; what one transaction changed shares it.
    `id` is the job's or the run's; `job` the job it belongs to. An event named `resync` says that some were lost:
    read again whatever is shown.
    """

    position: int
    noun: str
    id: UUID
    job: UUID | None
    version: int
    at: Instant
