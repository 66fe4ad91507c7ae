"""Reports: one check-in as JSON, and where it goes. What is written once is sent, however often, with nothing changed
but when it was sent."""

from __future__ import annotations

import json
import os
import time

from crontopus.cli.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VERSION = 1


class Address(Record):
    """Where reports of a job go: its ping URL, which is a secret, or a server's API and the job's name.

    `creation`: how the job is made where it is missing; empty: not at all.
    """

    url: str
    job: str = ""
    creation: Mapping[str, str] = {}

    @property
    def by_ping(self) -> bool:
        return not self.job


class Report(Record):
    """`made` orders reports of one machine: nanoseconds since 1970."""

    address: Address
    kind: str
    run_id: str
    body: bytes
    made: int


def written(address: Address, kind: str, run_id: str, **said: Any) -> Report:
    """One check-in of `kind` about `run_id` (empty: of none), as of now unless `occurred_at` is said.

    What is None or empty is left out.
    """
    made = time.time_ns()
    check_in = {
        "kind": kind,
        "job": address.job,
        "run_id": run_id,
        "occurred_at": instant(made),
        "host": os.uname().nodename[:200],
        "user": _user(),
        **said,
    }
    told = {name: value for name, value in check_in.items() if value not in (None, "", {}, [])}
    return Report(address, kind, run_id, json.dumps(told, allow_nan=False).encode(), made)


def as_sent(report: Report) -> bytes:
    """Its body, as it goes out now: by `sent_at` the server sees how far the clock of this machine is off."""
    return report.body[:-1] + f', "sent_at": "{instant(time.time_ns())}"}}'.encode()


def instant(nanoseconds: int) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    seconds, milliseconds = divmod(nanoseconds // 1_000_000, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


def packed(report: Report) -> bytes:
    """As a file: a line of JSON on where it goes, and the body as it is."""
    head = {"version": VERSION, "kind": report.kind, "run_id": report.run_id, "made": report.made}
    return json.dumps({**head, **report.address._asdict()}).encode() + b"\n" + report.body


def unpacked(file: bytes) -> Report:
    """Raises ValueError for what is none, or of a later version."""
    head, newline, body = file.partition(b"\n")
    try:
        said = json.loads(head)
        if said["version"] != VERSION or not newline or not body:
            raise ValueError("not a report of this version")
        address = Address(said["url"], said["job"], said["creation"])
        return Report(address, said["kind"], said["run_id"], body, said["made"])
    except (KeyError, TypeError) as error:
        raise ValueError("not a report") from error


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name[:200]
    except KeyError:
        return str(os.getuid())
