"""The lines of `statistics.jsonl` and `errors.jsonl`, as the contract has them: to and fro."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from collector.models import Answer, Cell, Failure, FailureKind, Window

__all__ = [
    "ErrorLine",
    "ResultLine",
    "error_line",
    "parse_error",
    "parse_result",
    "result_line",
    "timestamp",
]


class ResultLine(NamedTuple):
    """What a line of `statistics.jsonl` says; the dates are ISO, or None."""

    company_id: str
    from_date: str | None
    until_date: str | None
    statistics: dict[str, Any]

    @property
    def is_empty(self) -> bool:
        """Whether every counter and action is zero."""
        counts = self.statistics
        if any(counts[name] for name in _COUNTERS):
            return False
        return not any(counts["actions"].values())


class ErrorLine(NamedTuple):
    """What a line of `errors.jsonl` says of its cell; the dates are ISO, or None."""

    company_id: str
    from_date: str | None
    until_date: str | None
    kind: FailureKind


def timestamp(moment: datetime) -> str:
    """Write a moment in UTC with milliseconds: `2026-11-23T02:00:01.234Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def result_line(cell: Cell, answer: Answer, attempts: int) -> bytes:
    """Return the line of an answered cell; the API's `data` goes in byte for byte."""
    return (b'{"company_id":%b,%b,"fetched_at":"%b","attempts":%d,"statistics":%b}\n') % (
        orjson.dumps(cell.company_id),
        _days(cell.window),
        timestamp(answer.fetched_at).encode(),
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


_COUNTERS: Final = ("total", "sended", "pending", "fails", "campaign")


def parse_result(line: bytes) -> ResultLine | None:
    """Read a line of `statistics.jsonl`, line break included; None when it is damaged.

    Fields that nobody knows yet are let pass, in the line and in its statistics.
    """
    try:
        fields = orjson.loads(line)
        company_id, from_date, until_date = _key(fields)
        statistics = fields["statistics"]
        has_types = (
            type(fields["fetched_at"]) is str
            and type(fields["attempts"]) is int
            and type(statistics["actions"]) is dict
            and all(name in statistics for name in _COUNTERS)
        )
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return None
    if not has_types or not line.endswith(b"\n"):
        return None
    return ResultLine(company_id, from_date, until_date, statistics)


def parse_error(line: bytes) -> ErrorLine | None:
    """Read a line of `errors.jsonl`, line break included; None when it is damaged."""
    try:
        fields = orjson.loads(line)
        key = _key(fields)
        kind = FailureKind(fields["kind"])
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
        return None
    return ErrorLine(*key, kind) if line.endswith(b"\n") else None


def _key(fields: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Return the key of a cell. Raises `LookupError` or `TypeError` when there is none."""
    company_id, from_date, until_date = (
        fields["company_id"],
        fields["from_date"],
        fields["until_date"],
    )
    if type(company_id) is not str or type(from_date) is not type(until_date):
        raise TypeError
    if type(from_date) is not str and from_date is not None:
        raise TypeError
    return company_id, from_date, until_date
