"""The live stream: what changed, by id and version, never the thing itself."""

from uuid import UUID

from crontopus.wire.common import Instant, Output


class ChangeEvent(Output, frozen=True):
    """The data of one server-sent event. Its `event:` is `noun`: `job`, `run`, `alert` or `notification`; its `id:` is
    for `Last-Event-ID`.

    `position` rises with each transaction; what one transaction changed shares it.
    `id` is that of the thing; `job` the job it belongs to, null for an alert that is of none. `version` is the job's,
    and 0 for alerts and their messages. A message is told of together with its alert. An event named `resync` says that
    some were lost: read again whatever is shown.
    """

    position: int
    noun: str
    id: UUID
    job: UUID | None
    version: int
    at: Instant
