"""How long the server waits for what clients send: each has its time, and little is left once the server stops."""

import asyncio
from types import TracebackType

MOST_WAITS = 2048
LEAST_SECONDS = 2.0
"""Where more are still sending, who has taken longest has this time and no more: enough for a crowd at midnight."""
MOST_BYTES = 128 * 1024 * 1024
"""Where more is held of what they sent, who has taken longest is cut at once."""
AT_A_STOP_SECONDS = 0.5
"""What is on its way when the server stops has so long to arrive."""
LOOK_SECONDS = 0.25
"""So often it is looked whose time is over: a timer of its own for each would cost a ping a tenth of its time."""


class Patience:
    """With all who are still sending. `most` and `most_bytes` bound what they may take together."""

    def __init__(
        self, most: int = MOST_WAITS, most_bytes: int = MOST_BYTES, least_seconds: float = LEAST_SECONDS
    ) -> None:
        self.is_over = False
        self._most = most
        self._most_bytes = most_bytes
        self._least_seconds = least_seconds
        self._held_bytes = 0
        self._waits: dict[Wait, None] = {}
        self._hurried: dict[Wait, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float) -> "Wait":
        """`async with` it: raises TimeoutError where that takes longer, or others need the room."""
        return Wait(self, min(seconds, AT_A_STOP_SECONDS) if self.is_over else seconds)

    def end(self) -> None:
        """The server stops: nobody has much time left, and nobody who comes later gets more."""
        self.is_over = True
        at = asyncio.get_running_loop().time() + AT_A_STOP_SECONDS
        for wait in (*self._waits, *self._hurried):
            wait.ends_at = min(wait.ends_at, at)

    def _begin(self, wait: "Wait") -> None:
        self._waits[wait] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        if len(self._waits) > self._most:
            self._hurry(next(iter(self._waits)))

    def _hurry(self, wait: "Wait") -> None:
        del self._waits[wait]
        self._hurried[wait] = None
        wait.ends_at = min(wait.ends_at, wait.began_at + self._least_seconds)

    def _grow(self, wait: "Wait", held_bytes: int) -> None:
        self._held_bytes += held_bytes - wait.held_bytes
        wait.held_bytes = held_bytes
        while self._held_bytes > self._most_bytes:
            next(iter(self._hurried or self._waits)).expire()

    def _leave(self, wait: "Wait") -> None:
        self._waits.pop(wait, None)
        self._hurried.pop(wait, None)
        self._held_bytes -= wait.held_bytes
        wait.held_bytes = 0

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for wait in [wait for waits in (self._waits, self._hurried) for wait in waits if wait.ends_at <= now]:
            wait.expire()
        left = self._waits or self._hurried
        self._timer = loop.call_later(LOOK_SECONDS, self._look) if left else None


class Wait:
    """One client's time. As asyncio.timeout, but that all look at one clock."""

    __slots__ = ("_cancelling", "_is_over", "_patience", "_task", "began_at", "ends_at", "held_bytes")

    def __init__(self, patience: Patience, seconds: float) -> None:
        self.began_at = 0.0
        self.ends_at = seconds
        self.held_bytes = 0
        self._patience = patience
        self._is_over = False

    def holds(self, held_bytes: int) -> None:
        """Say how much is held of what came until now."""
        if not self._is_over:
            self._patience._grow(self, held_bytes)

    def expire(self) -> None:
        self._patience._leave(self)
        self._is_over = True
        self._task.cancel()

    async def __aenter__(self) -> "Wait":
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 # a coroutine runs in a task
        self._task = task
        self._cancelling = task.cancelling()
        self.began_at = asyncio.get_running_loop().time()
        self.ends_at += self.began_at
        self._patience._begin(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patience._leave(self)
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
