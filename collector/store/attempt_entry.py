"""The entry of one attempt in the manifest: its settings, its end and its counts."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Final

import msgspec

from collector import __version__
from collector.core.cell import CellState
from collector.core.text import json_text
from collector.settings import RunSettings, option_name
from collector.store.lines import timestamp
from collector.telemetry.stats import RunStats

__all__ = ["AttemptEntry", "counts_of", "describe_settings"]

_LIBRARIES: Final = ("aiohttp", "asyncio-throttle", "orjson", "msgspec")

_PLAIN: Final = (bool, int, float, type(None))
"""Types that JSON has; any other value is written as its option is, such as `7d`."""


@dataclass(slots=True)
class AttemptEntry:
    """One attempt at a run, from the start of the command to its end. It holds no secrets.

    `kept` counts the answered cells that were in the run directory already, `remarks` are the
    warnings about what was found there.
    """

    started_at: datetime
    settings: Mapping[str, object]
    kept: Mapping[CellState, int] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    ended_at: datetime | None = None
    exit_code: int | None = None
    error: str | None = None
    counts: Mapping[str, object] = field(default_factory=dict)

    def ended(
        self,
        at: datetime,
        exit_code: int,
        error: str | None,
        stats: RunStats,
        *,
        limit_found: float | None = None,
    ) -> None:
        """Record how the attempt ended; `limit_found` is the server's, in requests per second."""
        self.ended_at = at
        self.exit_code = exit_code
        self.error = error
        self.kept = stats.kept.copy()
        self.counts = counts_of(stats, limit_found)

    def as_json(self) -> dict[str, object]:
        """Return the attempt as JSON values, in a fixed order."""
        return {
            "started_at": timestamp(self.started_at),
            "ended_at": None if self.ended_at is None else timestamp(self.ended_at),
            "exit_code": self.exit_code,
            "error": None if self.error is None else json_text(self.error),
            "remarks": list(self.remarks),
            "kept": {
                state.value: self.kept.get(state, 0) for state in (CellState.DATA, CellState.EMPTY)
            },
            **self.counts,
            "settings": self.settings,
            "versions": dict(_versions()),
        }


def describe_settings(settings: RunSettings) -> dict[str, object]:
    """Return all settings under the names of their options; none of them is a secret."""
    values = {option_name(field): getattr(settings, field.name) for field in fields(settings)}
    return {
        name: value if type(value) in _PLAIN else json_text(value) for name, value in values.items()
    }


@cache
def _versions() -> Mapping[str, str]:
    # Looked up once, when the attempt begins: later there may be no file descriptor left for it, or
    # the libraries may have been upgraded on the disk.
    return {
        "collector": __version__,
        "python": platform.python_version(),
        **{library: version(library) for library in _LIBRARIES},
    }


def counts_of(stats: RunStats, limit_found: float | None) -> dict[str, object]:
    """Return the counts of an attempt as JSON values: cells, requests, latency, rate and limit."""
    latencies = stats.latencies
    return {
        "cells": {"planned": stats.planned, **(_cells(stats) if stats.is_known else {})},
        "requests": {
            "sent": stats.requests,
            "answered": stats.good,
            "refused": stats.refused,
            "failed": stats.failed,
            "retried": stats.retries,
            "resent": stats.resent,
            "by_status": {str(status): n for status, n in sorted(stats.statuses.items())},
            "broken": {kind.value: n for kind, n in sorted(stats.broken.items())},
        },
        "names": msgspec.to_builtins(stats.names.record(stats.drift)),
        "failed_by_kind": {kind.value: n for kind, n in sorted(stats.failure_kinds.items())},
        "latency_seconds": {
            **{f"p{n}": round(latencies.percentile(n / 100), 4) for n in (50, 90, 99)},
            "max": round(latencies.longest, 4),
        },
        "requests_per_second": round(stats.average_rate(), 3),
        "limit_found": None if limit_found is None else round(limit_found, 2),
    }


def _cells(stats: RunStats) -> dict[str, int]:
    counts = {state.value: stats.cells[state] for state in CellState}
    return {**counts, CellState.MISSING.value: stats.missing}
