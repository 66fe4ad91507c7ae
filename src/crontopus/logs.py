"""Logs: JSON lines off a terminal, readable ones on it; always on stderr, instants in UTC."""

import logging
import sys
import traceback
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET = ("httpx", "httpcore", "aiosqlite", "asyncio", "sqlalchemy", "alembic")
"""Libraries that would log each request, which we log ourselves where it matters."""
_WITHOUT_LOCALS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Local variables may be somebody's password or session."""


class _Unfailing:
    """A stream whose lines are dropped where they find no room: a log on a full disk must not stop the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class Recent:
    """The newest lines of the log, bare: what happened and where in the program, and nothing that somebody has chosen,
    such as a name, an address or the message of an error. What a library says is not kept, only that it spoke.
    """

    MOST = 500
    _OURS = frozenset({"loop", "cause", "troubles"})
    """Words that stand in the program itself."""

    def __init__(self) -> None:
        self.lines: deque[dict[str, Any]] = deque(maxlen=self.MOST)

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As a processor of structlog."""
        record = event.get("_record")
        line = {"at": event.get("timestamp"), "level": event.get("level")}
        line["event"] = event.get("event") if record is None else f"(a library spoke: {record.name.partition('.')[0]})"
        told = {name: value for name, value in event.items() if self._is_bare(name, value)} if record is None else {}
        fault = _exception(event.get("exc_info") if record is None else record.exc_info)
        self.lines.append(line | told | ({} if fault is None else _bare(fault)))
        return event

    def _is_bare(self, name: str, value: Any) -> bool:
        return name != "exc_info" and (isinstance(value, int | float) or name in self._OURS)


def _exception(told: Any) -> BaseException | None:
    """What `exc_info` means: the exception itself, a triple, or that the current one is meant."""
    if isinstance(told, BaseException):
        return told
    triple = told if isinstance(told, tuple) else sys.exc_info() if told else (None, None, None)
    return cast("tuple[Any, BaseException | None, TracebackType | None]", triple)[1]


def _bare(error: BaseException) -> dict[str, Any]:
    """Its kind and where it came from, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-20:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "places": places}


RECENT = Recent()
"""Of this process."""


def configure(level: str, form: str) -> None:
    """`form` is `json`, `text`, or `auto`: text on a terminal, JSON elsewhere."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        RECENT,
    ]
    structlog.configure(
        processors=[*shared, *_last(as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    _take_over(
        _LEVELS[level], structlog.stdlib.ProcessorFormatter(processors=_foreign(as_json), foreign_pre_chain=shared)
    )


def _last(as_json: bool) -> list[Any]:
    if as_json:
        return [_WITHOUT_LOCALS, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


def _foreign(as_json: bool) -> list[Any]:
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(as_json)]


def _take_over(level: int, formatter: logging.Formatter) -> None:
    """What libraries log takes the same form."""
    handler = logging.StreamHandler(_Unfailing(sys.stderr))
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
