"""Reads runs that tests make, and writes the lines that such runs lack."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collector.report.report import Report, read_report
from collector.store.recorded_run import find_runs
from tests.store.made_runs import AT, day
from tests.tables.databases import empty_database

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def read(*runs: Path) -> Report:
    """Read runs as the command does."""
    with empty_database() as database:
        return read_report(database, find_runs(runs), NOW)


def error(company: str, number: int | None) -> bytes:
    """Write the line of a cell that failed for good."""
    window = day(number)
    fields = {
        "company_id": company,
        "from_date": None if window.from_date is None else str(window.from_date),
        "until_date": None if window.until_date is None else str(window.until_date),
        "failed_at": "2026-11-23T02:00:01.234Z",
        "attempts": 5,
        "kind": "http",
        "status": 500,
        "message": "HTTP 500",
        "body": None,
    }
    return json.dumps(fields).encode() + b"\n"


def log_sample(number: int, **changes: Any) -> bytes:  # noqa: ANN401 - values of any type
    """Write a sample, ten seconds after the previous one."""
    at = (AT + timedelta(seconds=10 * number)).isoformat().replace("+00:00", "Z")
    fields = {
        "at": at,
        "level": "info",
        "event": "sample",
        "seconds": 10.0,
        "sent": 100,
        "answered": 90,
        "refused": 10,
        "retried": 5,
        "in_flight": 3,
        "allowed": 12.5,
        "latency_p50": 0.1,
        "latency_p90": 0.2,
        "latency_p99": 0.4,
        "done": 0,
    }
    return json.dumps(fields | changes, separators=(",", ":")).encode() + b"\n"
