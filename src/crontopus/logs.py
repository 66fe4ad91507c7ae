"""Logs: JSON lines off a terminal, readable ones on it; always on stderr, instants in UTC."""

import logging
import sys
from contextlib import suppress
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


def configure(level: str, form: str) -> None:
    """`form` is `json`, `text`, or `auto`: text on a terminal, JSON elsewhere."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
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
