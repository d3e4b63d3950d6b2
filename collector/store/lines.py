"""The lines of `statistics.jsonl` and `errors.jsonl`, as the contract has them."""

from datetime import UTC, datetime
from functools import lru_cache

import orjson

from collector.models import Answer, Cell, Failure, Window

__all__ = ["error_line", "result_line", "timestamp"]


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
