"""The undamaged lines of a file, written to another in a form that any reader of JSON accepts."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import orjson

from collector.core.outcome import COUNTERS, Counters
from collector.store.lines import ResultLine, parse_result
from collector.store.repair import ByteRange, damaged_spans
from collector.tables.engine import scratch_refuses
from collector.tables.plain import MOST_SMALL

__all__ = ["salvage"]


class _Fields(msgspec.Struct):
    statistics: dict[str, msgspec.Raw]


_fields: Final = msgspec.json.Decoder(_Fields)
_DOCUMENTED: Final = frozenset(Counters.__struct_fields__)


def salvage(source: Path, target: Path, *, with_unknown: bool = False) -> list[ByteRange]:
    """Write the undamaged lines of a file of results; return the damage.

    Invalid days are damage as well, because no column can hold them. Counters are written as texts,
    because readers differ about large numbers. A count that does not fit into a BIGINT becomes
    null; `left_out` of its line then names it, or is null. `unknown_fields` is the text of a JSON
    object with the fields of `statistics` that are not documented, their values as they came; it is
    null if there are none, or if they are not wanted. Raises `OSError` when the source cannot be
    read, `StorageError` when the target cannot be written.
    """
    is_writing = True

    def take(line: bytes) -> bool:
        nonlocal is_writing
        result = parse_result(line)
        if result is None or not _is_window(result.from_date, result.until_date):
            return False
        is_writing = True
        stream.write(_as_text(result, _unknown_of(line) if with_unknown else None))
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
    return damaged


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


def _unknown_of(line: bytes) -> str | None:
    fields = _fields.decode(line).statistics
    if fields.keys() <= _DOCUMENTED:
        return None
    unknown = {name: value for name, value in fields.items() if name not in _DOCUMENTED}
    return msgspec.json.encode(unknown).decode()


def _as_text(result: ResultLine, unknown: str | None) -> bytes:
    counters = dict(zip(COUNTERS, result.statistics.numbers(), strict=True))
    actions = result.statistics.actions
    left_out = [*_too_large(counters), *(f"actions.{name}" for name in _too_large(actions))]
    line = {
        "company_id": result.company_id,
        "from_date": result.from_date,
        "until_date": result.until_date,
        "fetched_at": result.fetched_at,
        # No run sends so many, but the column must be able to hold what a line says.
        "attempts": max(-MOST_SMALL, min(result.requests, MOST_SMALL)),
        "statistics": {**_texts(counters), "actions": _small(actions)},
        "left_out": ", ".join(left_out) or None,
        "unknown_fields": unknown,
    }
    return orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _too_large(counts: Mapping[str, int]) -> Iterable[str]:
    return (name for name, count in counts.items() if count > MOST_SMALL)


def _small(counts: Mapping[str, int]) -> dict[str, int | None]:
    return {name: None if count > MOST_SMALL else count for name, count in counts.items()}


def _texts(counts: Mapping[str, int]) -> dict[str, str | None]:
    return {name: None if n is None else str(n) for name, n in _small(counts).items()}
