"""Structured events: one JSON line each in `log.jsonl`, one readable line each on a console."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor, WrappedLogger

from collector.core.text import counted, json_text, terminal_safe
from collector.settings import LogLevel

__all__ = ["EventLog", "console_logger"]

_LEVELS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


_LOGFMT: Final = structlog.processors.LogfmtRenderer()

_GRAVE: Final = frozenset({"warning", "error", "critical"})

_MOST_EARLY: Final = 1000

_TOO_LONG: Final = 2**63
"""Integers from here on become text: most parsers of JSON cannot read them."""


class EventLog:
    """The event log of a run: JSON lines with `at`, `level`, `event`, then the event's fields.

    It accepts events before its file exists: they stay in memory, and are written once there is
    a file. If there never is one, `unwritten` returns them.
    """

    def __init__(self, level: LogLevel, redact: Callable[[str], str]) -> None:
        self._sink = _Sink()
        self.logger = _logger(
            self._sink,
            level,
            [
                structlog.processors.format_exc_info,
                _redactor(redact),
                _in_order,
                structlog.processors.JSONRenderer(serializer=_json_line),
            ],
        )

    @contextmanager
    def into(self, append: Callable[[bytes], None]) -> Iterator[None]:
        """Pass every line to `append`, earlier ones first."""
        self._sink.attach(append)
        try:
            yield
        finally:
            self._sink.detach()

    @property
    def loss(self) -> str | None:
        """What the user should know of events that are not in the file; None if all are there."""
        return self._sink.loss

    def unwritten(self) -> list[str]:
        """Return warnings and errors as `key=value` lines, if the events never had a file.

        They are the last ones: `_MOST_EARLY` events are kept.
        """
        if self._sink.had_file:
            return []
        events = [orjson.loads(line) for line in self._sink.early]
        return [str(_LOGFMT(None, "", event)) for event in events if event["level"] in _GRAVE]


def console_logger(stream: TextIO) -> FilteringBoundLogger:
    """Return a logger that writes `key=value` lines, for cron mails and the system's journal."""
    return _logger(structlog.WriteLogger(stream), "info", [_in_order, _LOGFMT])


def _logger(sink: object, level: LogLevel, processors: list[Processor]) -> FilteringBoundLogger:
    logger: FilteringBoundLogger = structlog.wrap_logger(
        sink,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            *processors,
        ],
        cache_logger_on_first_use=True,
    )
    return logger


class _Sink:
    """The sink of structlog: it writes a line at once, or keeps it until there is a file.

    A log that cannot be written must not end the run, but the user is told; see `loss`.
    """

    def __init__(self) -> None:
        self._append: Callable[[bytes], None] | None = None
        self.early: deque[bytes] = deque(maxlen=_MOST_EARLY)
        """Lines from before there was a file; an issuer that is down for days must not fill up the
        memory."""
        self.had_file = False
        self._dropped = 0
        self._failed = 0
        self._error: str | None = None

    @property
    def loss(self) -> str | None:
        texts = []
        if self._failed:
            texts.append(f"{counted(self._failed, 'event')} could not be written ({self._error})")
        if self._dropped:
            events = counted(self._dropped, "event was", "events were")
            texts.append(f"{events} dropped: there was no log yet")
        return "; ".join(texts) or None

    def attach(self, append: Callable[[bytes], None]) -> None:
        self._append = append
        self.had_file = True
        while self.early:
            self.msg(self.early.popleft())

    def detach(self) -> None:
        self._append = None

    def msg(self, line: bytes) -> None:
        if self._append is None:
            self._dropped += len(self.early) == _MOST_EARLY
            self.early.append(line)
            return
        try:
            self._append(line)
        except OSError as error:
            self._failed += 1
            self._error = self._error or error.strerror

    debug = info = warning = error = critical = exception = msg


def _json_line(event: object, **_: object) -> bytes:
    return terminal_safe(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))


def _in_order(
    _logger: WrappedLogger, _name: str, event: MutableMapping[str, Any]
) -> dict[str, Any]:
    first = ("at", "level", "event")
    return {key: event[key] for key in first} | {
        key: value for key, value in event.items() if key not in first
    }


def _redactor(redact: Callable[[str], str]) -> Processor:
    def clean(value: object) -> object:
        """Redact secrets in a value of any shape; what JSON does not know becomes text."""
        if value is None or isinstance(value, float):
            return value
        if isinstance(value, int) and abs(value) < _TOO_LONG:
            return value
        if isinstance(value, Mapping):
            return {redact(json_text(key)): clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [clean(item) for item in value]
        return redact(json_text(value))

    def process(
        _logger: WrappedLogger, _name: str, event: MutableMapping[str, Any]
    ) -> dict[str, Any]:
        return {key: clean(value) for key, value in event.items()}

    return process
