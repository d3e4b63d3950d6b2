"""The lines of `statistics.jsonl` and `errors.jsonl`, as the contract has them: to and fro."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

import msgspec
import orjson

from collector.core.cell import Cell, Window
from collector.core.outcome import Answer, Counters, Failure, FailureKind

__all__ = [
    "ErrorLine",
    "ResultLine",
    "error_line",
    "parse_error",
    "parse_result",
    "result_line",
    "timestamp",
]


class ResultLine(msgspec.Struct, gc=False):
    """A line of `statistics.jsonl`; the dates are ISO, or None for the server's default window."""

    company_id: str
    from_date: str | None
    until_date: str | None
    fetched_at: Annotated[datetime, msgspec.Meta(tz=True)]
    attempts: int
    statistics: Counters


class ErrorLine(msgspec.Struct, gc=False):
    """What a line of `errors.jsonl` says of its cell; the dates are ISO, or None."""

    company_id: str
    from_date: str | None
    until_date: str | None
    kind: FailureKind


_result = msgspec.json.Decoder(ResultLine)
_error = msgspec.json.Decoder(ErrorLine)


def timestamp(moment: datetime) -> str:
    """Write a moment in UTC with milliseconds: `2026-11-23T02:00:01.234Z`."""
    return _timestamp(moment).decode()


def _timestamp(moment: datetime) -> bytes:
    # orjson writes a moment in a quarter of the time that `isoformat` takes: half a microsecond.
    moment = moment.astimezone(UTC)
    second = orjson.dumps(moment, option=orjson.OPT_OMIT_MICROSECONDS)[1:20]
    return b"%b.%03dZ" % (second, moment.microsecond // 1000)


def result_line(cell: Cell, answer: Answer, attempts: int) -> bytes:
    """Return the line of an answered cell; the API's `data` goes in byte for byte."""
    return (b'{"company_id":%b,%b,"fetched_at":"%b","attempts":%d,"statistics":%b}\n') % (
        orjson.dumps(cell.company_id),
        _days(cell.window),
        _timestamp(answer.fetched_at),
        attempts,
        answer.statistics,
    )


def error_line(cell: Cell, failure: Failure, attempts: int) -> bytes:
    """Return the line of a cell that failed for good."""
    return orjson.dumps(
        {
            "company_id": cell.company_id,
            "from_date": cell.window.from_date,
            "until_date": cell.window.until_date,
            "failed_at": timestamp(failure.failed_at),
            "attempts": attempts,
            "kind": failure.kind.value,
            "status": failure.status,
            "message": failure.message,
            "body": failure.body,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


@lru_cache(4096)
def _days(window: Window) -> bytes:
    """Return the members that name a window; the windows of a plan come back all the time."""
    dates = {"from_date": window.from_date, "until_date": window.until_date}
    return orjson.dumps(dates)[1:-1]


def parse_result(line: bytes) -> ResultLine | None:
    """Read a line of `statistics.jsonl`, line break included; None when it is damaged.

    Fields that nobody knows yet are let pass, in the line and in its statistics.
    """
    if not line.endswith(b"\n"):
        return None
    try:
        if b"\\" in line or not line.isascii():
            _check_strings(line)
        return _result.decode(line)
    except _DAMAGE:
        return None


def parse_error(line: bytes) -> ErrorLine | None:
    """Read a line of `errors.jsonl`, line break included; None when it is damaged."""
    if not line.endswith(b"\n"):
        return None
    try:
        _check_strings(line)
        return _error.decode(line)
    except _DAMAGE:
        return None


_DAMAGE: Final = (orjson.JSONDecodeError, msgspec.DecodeError, RecursionError)


def _check_strings(line: bytes) -> None:
    # msgspec does not look into strings of fields that it skips; orjson, which every answer had
    # to pass before it became a line, does. Most lines have neither escapes nor foreign letters.
    orjson.loads(line)
