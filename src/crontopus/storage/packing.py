"""The state of a watch as its row holds it: MessagePack, filled up so that the row keeps its length."""

from collections.abc import Sequence

import msgspec

from crontopus.domain.watch import Reason, Status, Watch

_ROOM = 192
"""Bytes for what varies in a row: enough for a job that is down as for one that is up.

SQLite overwrites a row in place where its length stays; one that grows in a full page moves its neighbours, too.
"""
_STEP = 64
"""What needs more room gets so much more at a time."""
_INSTANT = 6
"""Bytes of an instant in a row of SQLite; of NULL there are none."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Watch).decode


def packed(watch: Watch, status: Status, reasons: Sequence[Reason]) -> bytes:
    """The watch, then as many bytes as it takes to fill the room; the last one says how many these are.

    `status` and `reasons` are those of the watch, which stand beside it in its row.
    """
    state = _encode(watch)
    beside = _INSTANT * ((watch.next_expected_at is not None) + (watch.due_at is not None)) + len(status)
    free = _ROOM - len(state) - beside - sum(len(reason) + 3 for reason in reasons)
    if free <= 0:
        free = free % _STEP or _STEP
    return state + bytes(free - 1) + bytes((free,))


def unpacked(state: bytes) -> Watch:
    """Raises msgspec.DecodeError, or ValueError where there is nothing at all."""
    if not state:
        raise ValueError("the stored state of a watch is empty")
    return _decode(memoryview(state)[: -state[-1]])
