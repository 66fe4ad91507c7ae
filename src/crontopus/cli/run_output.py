"""What the command prints: passed on byte for byte as it comes, its head and tail kept for the report."""

from __future__ import annotations

import os
import select
import time
from collections import deque
from contextlib import suppress
from threading import Lock, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Protocol

    class Sink(Protocol):
        """Where output goes. Raises OSError where it cannot go there."""

        def write(self, chunk: bytes) -> None: ...


HEAD_BYTES, TAIL_BYTES = 16 * 1024, 64 * 1024
CHUNK_BYTES = 64 * 1024
LINE_BYTES = 64 * 1024
HELD_BYTES = 1024 * 1024
STRAGGLERS_SECONDS = 2.0
"""So long after its end the command's output is waited for: a daemon it left behind may hold the pipe for ever."""


class Kept:
    """The first and the last of all output, of both streams in order of arrival. In memory bounded, as is each line."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._dropped = 0
        self._lock = Lock()

    def add(self, chunk: bytes) -> None:
        with self._lock:
            room = HEAD_BYTES - len(self._head)
            self._head += chunk[:room]
            if rest := chunk[room:]:
                self._tail.append(rest)
                self._tail_bytes += len(rest)
            while self._tail_bytes - len(self._tail[0] if self._tail else b"") >= TAIL_BYTES:
                gone = len(self._tail.popleft())
                self._tail_bytes -= gone
                self._dropped += gone

    def taken(self) -> tuple[bytes, bytes, int]:
        """Head, tail, and the number of bytes dropped between. What is cut is cut between lines, so that a secret is
        whole or not there when it is looked for."""
        with self._lock:
            head, tail = bytes(self._head), b"".join(self._tail)
        excess = max(0, len(tail) - TAIL_BYTES)
        if not self._dropped and not excess:
            return head, tail, 0
        kept = tail[excess:]
        kept = kept[kept.find(b"\n") + 1 :]
        whole = head[: head.rfind(b"\n") + 1] or head
        return whole, kept, self._dropped + len(head) - len(whole) + len(tail) - len(kept)


class Through:
    """Straight to one of our own streams, even where somebody made it non-blocking."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                select.select([], [self._fd], [])


class Held:
    """Held back on disk until it is known whether anybody is to see it. What the disk does not take is passed on."""

    def __init__(self, through: Through) -> None:
        from tempfile import SpooledTemporaryFile

        self._through = through
        self._file: IO[bytes] | None = SpooledTemporaryFile(HELD_BYTES)  # noqa: SIM115 - lives as long as the command
        self._lock = Lock()

    def write(self, chunk: bytes) -> None:
        with self._lock:
            if self._file is not None:
                try:
                    self._file.write(chunk)
                    return
                except OSError:
                    self._pass_on(self._file)
            self._through.write(chunk)

    def release(self) -> None:
        """Passes on what was held, and what still comes."""
        with self._lock:
            if self._file is not None:
                self._pass_on(self._file)

    def _pass_on(self, file: IO[bytes]) -> None:
        self._file = None
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            self._through.write(chunk)


class Lines:
    """Tells of each line whether `found` likes it, however it was cut into chunks; a very long one in pieces."""

    def __init__(self, found: Callable[[bytes], object]) -> None:
        self._found = found
        self._rest = b""
        self.seen = False

    def add(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_BYTES:
            whole, self._rest = [*whole, self._rest], b""
        self.seen = self.seen or any(self._found(line) for line in whole)

    def end(self) -> None:
        self.seen = self.seen or bool(self._rest and self._found(self._rest))


class Pump(Thread):
    """Carries one stream of the command from its pipe to `sink`, and shows every chunk to `witnesses`."""

    def __init__(self, pipe: int, sink: Sink, witnesses: tuple[Callable[[bytes], None], ...]) -> None:
        super().__init__(daemon=True)
        self._pipe, self._sink, self._witnesses = pipe, sink, witnesses
        self.trouble: OSError | None = None

    def run(self) -> None:
        while chunk := os.read(self._pipe, CHUNK_BYTES):
            for witness in self._witnesses:
                witness(chunk)
            try:
                if self.trouble is None:
                    self._sink.write(chunk)
            except BrokenPipeError:
                break  # whoever read is gone: so shall the command find it
            except OSError as error:
                self.trouble = error
        os.close(self._pipe)


class Output:
    """All that the command prints, in all its attempts. `quiet`: passed on only when released."""

    def __init__(self, quiet: bool, pattern: str) -> None:
        self.kept = Kept()
        self._held = {fd: Held(Through(fd)) for fd in (1, 2)} if quiet else {}
        self._lines: list[Lines] = []
        self._pattern = pattern
        self._pumps: list[Pump] = []

    def carry(self, pipes: list[tuple[int, int]]) -> None:
        """Each pipe to one of our own streams, in the background."""
        self._lines = []
        self._pumps = [Pump(pipe, self._held.get(fd) or Through(fd), self._witnesses()) for pipe, fd in pipes]
        for pump in self._pumps:
            pump.start()

    def settle(self) -> None:
        """Waits for the rest, for a bounded time: see STRAGGLERS_SECONDS."""
        until = time.monotonic() + STRAGGLERS_SECONDS
        for pump in self._pumps:
            pump.join(max(0.0, until - time.monotonic()))
            if pump.trouble is not None:
                self.note(f"its output could not be passed on: {pump.trouble.strerror}")
        for lines in self._lines:
            lines.end()

    @property
    def matched(self) -> bool:
        """Whether a line of this attempt is like the pattern."""
        return any(lines.seen for lines in self._lines)

    def release(self) -> None:
        for held in self._held.values():
            with suppress(OSError):
                held.release()

    def note(self, text: str) -> None:
        """A sentence of our own, on stderr and in the report."""
        line = f"crontopus: {text}\n".encode(errors="replace")
        self.kept.add(line)
        with suppress(OSError):
            (self._held.get(2) or Through(2)).write(line)

    def _witnesses(self) -> tuple[Callable[[bytes], None], ...]:
        if not self._pattern:
            return (self.kept.add,)
        import re

        lines = Lines(re.compile(self._pattern.encode(errors="surrogateescape")).search)
        self._lines.append(lines)
        return self.kept.add, lines.add
