"""The undamaged lines of a file, written to another in a form that any reader of JSON accepts."""

from datetime import date
from pathlib import Path

import orjson

from collector.core.outcome import COUNTERS
from collector.store.lines import ResultLine, parse_result
from collector.store.repair import ByteRange, damaged_spans
from collector.tables.engine import scratch_refuses
from collector.tables.plain import MOST_SMALL

__all__ = ["salvage"]


def salvage(source: Path, target: Path) -> tuple[int, list[ByteRange]]:
    """Write the undamaged lines of a file of results; return the largest count, and the damage.

    Invalid days are damage as well, because no column can hold them. Counts are written as texts,
    because readers differ about large numbers. Raises `OSError` when the source cannot be read,
    `StorageError` when the target cannot be written.
    """
    largest = 0
    is_writing = True

    def take(line: bytes) -> bool:
        nonlocal largest, is_writing
        result = parse_result(line)
        if result is None or not _is_window(result.from_date, result.until_date):
            return False
        largest = max(largest, _largest(result))
        is_writing = True
        stream.write(_as_text(result))
        is_writing = False
        return True

    try:
        with target.open("wb") as stream:
            is_writing = False
            damaged = damaged_spans(source, take)
            is_writing = True
    except OSError as error:
        if not is_writing:
            raise
        raise scratch_refuses(error) from error
    return largest, damaged


def _is_window(first: str | None, last: str | None) -> bool:
    """Tell whether both are days in the collector's spelling, or both are None."""
    if first is None or last is None:
        return first is last
    return _is_day(first) and _is_day(last)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _largest(result: ResultLine) -> int:
    counts = result.statistics
    return max(*counts.numbers(), *counts.actions.values())


def _as_text(result: ResultLine) -> bytes:
    counts = result.statistics
    numbers = map(str, counts.numbers())
    statistics: dict[str, object] = dict(zip(COUNTERS, numbers, strict=True))
    statistics["actions"] = {name: str(count) for name, count in counts.actions.items()}
    line = {
        "company_id": result.company_id,
        "from_date": result.from_date,
        "until_date": result.until_date,
        "fetched_at": result.fetched_at,
        # No run sends so many, but the column must be able to hold what a line says.
        "attempts": max(-MOST_SMALL, min(result.requests, MOST_SMALL)),
        "statistics": statistics,
    }
    return orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
