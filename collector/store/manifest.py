"""The manifest `run.json`: what is to be collected from where, and the story of every attempt."""

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from collector import __version__
from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.core.text import json_text
from collector.plan import Plan, WindowSize
from collector.plan.date_params import MOMENTS
from collector.settings import RunSettings, Service, option_name
from collector.store.atomic import replace_file
from collector.store.lines import timestamp
from collector.telemetry.stats import RunStats

__all__ = [
    "LOCAL",
    "Attempt",
    "DatesRecord",
    "Manifest",
    "PlanRecord",
    "describe_plan",
    "describe_service",
    "describe_settings",
    "gravest_record",
]

_FORMAT: Final = 1
_LIBRARIES: Final = ("aiohttp", "asyncio-throttle", "orjson", "msgspec")


_PLAIN: Final = (bool, int, float, type(None))
"""What stands in JSON as it is; everything else as its option is written, such as `7d`."""

LOCAL: Final = "local "
"""Before the names of a time zone that was not given, but is the machine's."""

_NOT_OF_THE_SERVICE: Final = frozenset({"token-url", "credentials-file", "until-exclusive"})
"""Options of the service that say how to get in, not what the answers mean; what is true of
`until` stands in `dates`."""


class _Format(msgspec.Struct):
    format: int


class PlanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifest says of the plan; the ids are in `run-companies.txt` beside it."""

    companies: int
    from_date: str | None
    until_date: str | None
    window: str
    windows: int
    cells: int
    fingerprint: str


class _AttemptShape(msgspec.Struct):
    """What must be in an entry of `attempts`; the rest of it is passed on as it is."""

    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    error: str | None
    settings: dict[str, bool | int | float | str | None]


class DatesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the meaning of dates, for the service that the manifest names.

    `verdict` is honoured, ignored, doubted, inconclusive or trusted, `until` included, excluded,
    inconclusive or trusted. With `until_exclusive` the last day of a window is sent as the day
    after it. `requests` is what the proof has cost.
    """

    verdict: str
    until: str
    until_exclusive: bool
    checked_at: str | None = None
    requests: int = 0
    evidence: list[str] = []

    @property
    def is_ignored(self) -> bool:
        """Whether the lines of the run are of other days than they say."""
        return self.verdict == "ignored"

    @property
    def is_honoured(self) -> bool:
        """Whether it was proved, and need not be proved again."""
        return self.verdict == "honoured"

    @property
    def is_doubted(self) -> bool:
        """Whether it was proved once, and has to be proved again even if no cell is missing."""
        return self.verdict == "doubted"


def gravest_record(records: Sequence[DatesRecord]) -> DatesRecord | None:
    """Return what is known of dates if several know: that they are ignored, or in doubt, or any.

    A doubt lasts until a later proof, whoever made it.
    """
    ignored = [record for record in records if record.is_ignored]
    if not ignored and any(record.is_doubted for record in records):
        proofs = [record for record in records if record.is_doubted or record.is_honoured]
        return max(proofs, key=lambda record: record.checked_at or "")
    return next(iter([*ignored, *records]), None)


class Manifest(msgspec.Struct, kw_only=True):
    """All that `run.json` says. `service` is what the answers depend on beside the plan.

    `dates` is None when none are sent, and in manifests of before they were proved.

    An attempt that never ended (it was killed, or the disk was full) has nulls for its end.
    """

    format: int = _FORMAT
    plan: PlanRecord
    service: dict[str, str]
    dates: DatesRecord | None = None
    attempts: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "Manifest | None":
        """Read a manifest; None when there is none.

        Raises `OSError`, `InputError` when a newer collector wrote it, and `ValueError` when it is
        damaged.
        """
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            form = msgspec.json.decode(text, type=_Format).format
            if form > _FORMAT:
                raise InputError(
                    f"{path}: has format {form}, and this collector knows {_FORMAT} at most; "
                    "use the newer collector that wrote it"
                )
            manifest = msgspec.json.decode(text, type=cls)
            msgspec.convert(manifest.attempts, list[_AttemptShape])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        return manifest

    def write(self, path: Path) -> None:
        """Replace the file atomically. Raises `OSError`."""
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        replace_file(path, [orjson.dumps(msgspec.to_builtins(self), option=options)])


@dataclass(slots=True)
class Attempt:
    """One attempt at a run: from the start of a process to its end. No secrets are in it.

    `kept` are the answered cells that were found in the run directory, `remarks` what was odd
    there.
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
        """Take down how the attempt ended; `limit_found` is the server's, in requests a second."""
        self.ended_at = at
        self.exit_code = exit_code
        self.error = error
        self.counts = _counts(stats, limit_found)

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


def describe_plan(plan: Plan, window: WindowSize) -> PlanRecord:
    """Return what the manifest says of the plan; the fingerprint covers every id and window."""
    first, last = plan.windows[0], plan.windows[-1]
    return PlanRecord(
        companies=len(plan.companies),
        from_date=None if first.from_date is None else first.from_date.isoformat(),
        until_date=None if last.until_date is None else last.until_date.isoformat(),
        window=str(window),
        windows=len(plan.windows),
        cells=len(plan),
        fingerprint=plan.fingerprint,
    )


def describe_service(settings: RunSettings) -> dict[str, str]:
    """Return what the answers depend on beside the plan, under the names of the options."""
    names = {option_name(field): field.name for field in fields(Service)}
    described = {
        name: str(getattr(settings, attribute)).rstrip("/")
        for name, attribute in names.items()
        if name not in _NOT_OF_THE_SERVICE
    }
    if settings.date_format in MOMENTS:
        described["timezone"] = settings.timezone or f"{LOCAL}{'/'.join(time.tzname)}"
    return described


def describe_settings(settings: RunSettings) -> dict[str, object]:
    """Return all settings under the names of their options; there are no secrets among them."""
    values = {option_name(field): getattr(settings, field.name) for field in fields(settings)}
    return {
        name: value if type(value) in _PLAIN else json_text(value) for name, value in values.items()
    }


@cache
def _versions() -> Mapping[str, str]:
    # Asked for once, when the attempt begins: later there may be no file descriptor left for it,
    # or the libraries may have been upgraded on the disk.
    return {
        "collector": __version__,
        "python": platform.python_version(),
        **{library: version(library) for library in _LIBRARIES},
    }


def _counts(stats: RunStats, limit_found: float | None) -> dict[str, object]:
    """Return the counts of an attempt as JSON values: cells, requests, latency, rate and limit."""
    latencies = stats.latencies
    return {
        "cells": {
            "planned": stats.planned,
            **{state.value: stats.cells[state] for state in CellState},
            CellState.MISSING.value: stats.missing,
        },
        "requests": {
            "sent": stats.requests,
            "accepted": stats.accepted,
            "refused": stats.refused,
            "retried": stats.retries,
            "resent": stats.resent,
            "by_status": {str(status): n for status, n in sorted(stats.statuses.items())},
            "broken": {kind.value: n for kind, n in sorted(stats.broken.items())},
        },
        "failed_by_kind": {kind.value: n for kind, n in sorted(stats.failure_kinds.items())},
        "latency_seconds": {
            **{f"p{n}": round(latencies.percentile(n / 100), 4) for n in (50, 90, 99)},
            "max": round(latencies.longest, 4),
        },
        "requests_per_second": round(stats.average_rate(), 3),
        "limit_found": None if limit_found is None else round(limit_found, 2),
    }
