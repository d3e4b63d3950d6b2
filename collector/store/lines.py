"""The lines of `statistics.jsonl` and `errors.jsonl`: writing and reading.

orjson writes the lines, in a fraction of the time of others; msgspec decodes them into types.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

import msgspec
import orjson

from collector.core.cell import Cell, Window
from collector.core.outcome import Answer, Counters, Failure, FailureKind
from collector.core.text import terminal_safe

__all__ = [
    "LONGEST_LINE",
    "ErrorLine",
    "ResultLine",
    "answer_at",
    "error_line",
    "parse_error",
    "parse_result",
    "parse_results",
    "result_line",
    "timestamp",
]


LONGEST_LINE: Final = 4 * 1024 * 1024
"""Bytes. An answer has 1 MiB at most, so longer text is damage; it is read in pieces."""


class ResultLine(msgspec.Struct, gc=False):
    """A line of `statistics.jsonl`; the dates are ISO, or None for the server's default window."""

    company_id: str
    from_date: str | None
    until_date: str | None
    fetched_at: Annotated[datetime, msgspec.Meta(tz=True)]
    requests: int = msgspec.field(name="attempts")
    statistics: Counters


class ErrorLine(msgspec.Struct, gc=False):
    """The cell of a line of `errors.jsonl`, and its failure; the dates are ISO, or None."""

    company_id: str
    from_date: str | None
    until_date: str | None
    kind: FailureKind


_result = msgspec.json.Decoder(ResultLine)
_error = msgspec.json.Decoder(ErrorLine)


def timestamp(moment: datetime) -> str:
    """Return a moment in UTC with milliseconds: `2026-11-23T02:00:01.234Z`."""
    return _timestamp(moment).decode()


def _timestamp(moment: datetime) -> bytes:
    # orjson takes half a microsecond, a quarter of the time of `isoformat`.
    moment = moment.astimezone(UTC)
    second = orjson.dumps(moment, option=orjson.OPT_OMIT_MICROSECONDS)[1:20]
    return b"%b.%03dZ" % (second, moment.microsecond // 1000)


def result_line(cell: Cell, answer: Answer, requests: int) -> bytes:
    """Return the line of an answered cell; the API's `data` is in it byte for byte."""
    return (b'{"company_id":%b,%b,"fetched_at":"%b","attempts":%d,"statistics":%b}\n') % (
        orjson.dumps(cell.company_id),
        _days(cell.window),
        _timestamp(answer.fetched_at),
        requests,
        answer.statistics,
    )


def error_line(cell: Cell, failure: Failure, requests: int) -> bytes:
    """Return the line of a cell that failed for good; its texts cannot control a terminal."""
    line = orjson.dumps(
        {
            "company_id": cell.company_id,
            "from_date": cell.window.from_date,
            "until_date": cell.window.until_date,
            "failed_at": timestamp(failure.failed_at),
            "attempts": requests,
            "kind": failure.kind.value,
            "status": failure.status,
            "message": failure.message,
            "body": failure.body,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )
    return terminal_safe(line)


@lru_cache(4096)
def _days(window: Window) -> bytes:
    """Return the members that name a window; cached, for a plan has few windows."""
    dates = {"from_date": window.from_date, "until_date": window.until_date}
    return orjson.dumps(dates)[1:-1]


def parse_result(line: bytes) -> ResultLine | None:
    """Read a line of `statistics.jsonl`, line break included; return None if it is damaged.

    Unknown fields are ignored, in the line and in its statistics.
    """
    if not line.endswith(b"\n"):
        return None
    try:
        if b"\\" in line or not line.isascii():
            _check_strings(line)
        return _result.decode(line)
    except _DAMAGE:
        return None


_Results = Sequence[ResultLine | None]


def parse_results(lines: Sequence[bytes]) -> Iterator[tuple[Sequence[bytes], _Results]]:
    """Do as `parse_result` for each of many lines, in two thirds of the time.

    Yields some lines at a time and their results, which stay in the processor's cache if they are
    dropped before the next.
    """
    for first in range(0, len(lines), _TOGETHER):
        some = lines[first : first + _TOGETHER]
        yield some, _parse_together(some) or list(map(parse_result, some))


_TOGETHER: Final = 256

_BETWEEN: Final = b'}\n{"company_id":'
"""What is between two lines that are decoded at once. No value contains it, not even a text, for
`}` and `{` do not follow each other, and a text has no line break."""


def _parse_together(lines: Sequence[bytes]) -> Sequence[ResultLine]:
    """Decode lines at once; return nothing if one is damaged, or spelled otherwise."""
    block = b"".join(lines)
    is_usual = block[:1] == b"{" and block[-2:] == b"}\n"
    if not is_usual or block.count(_BETWEEN) != len(lines) - 1:
        return ()
    try:
        if b"\\" in block or not block.isascii():
            for line in lines:
                _check_strings(line)
        results = _result.decode_lines(block)
    except _DAMAGE:
        return ()
    # Each line has a value at least, so that as many values are one of each.
    return results if len(results) == len(lines) else ()


def parse_error(line: bytes) -> ErrorLine | None:
    """Read a line of `errors.jsonl`, line break included; return None if it is damaged."""
    if not line.endswith(b"\n"):
        return None
    try:
        _check_strings(line)
        return _error.decode(line)
    except _DAMAGE:
        return None


def answer_at(line: bytes) -> int:
    """Return the place from which on equal bytes of two good lines are equal answers.

    In a line as the collector writes it `statistics` begin there; in others it may be 0.
    """
    # The answer is an object. Where no object begins earlier, this is its name, and no text: in a
    # text the quote would be escaped.
    place = line.find(b',"statistics":')
    return 0 if place < 0 or line.find(b"{", 1, place) > 0 else place


_DAMAGE: Final = (orjson.JSONDecodeError, msgspec.DecodeError, RecursionError)


def _check_strings(line: bytes) -> None:
    # msgspec does not check the strings of fields that it skips; orjson does, and every answer has
    # passed it. Most lines have neither escapes nor non-ASCII letters, and need no check.
    orjson.loads(line)
