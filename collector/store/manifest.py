"""The manifest `run.json`: what was to be collected, how it went, and how it ended."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from importlib.metadata import version
from typing import Final

from collector import __version__
from collector.plan import Plan, WindowSize
from collector.quoting import json_text
from collector.settings import RunSettings, option_name
from collector.store.lines import timestamp
from collector.tally import CellState, Tally

__all__ = ["Manifest", "describe_plan", "describe_settings"]

_FORMAT: Final = 1
_LIBRARIES: Final = ("aiohttp", "asyncio-throttle", "orjson", "msgspec")


_PLAIN: Final = (bool, int, float, type(None))
"""What stands in JSON as it is; everything else as its option is written, such as `7d`."""


@dataclass(slots=True)
class Manifest:
    """All that `run.json` says; `plan` and `settings` hold JSON values and no secrets."""

    plan: Mapping[str, object]
    settings: Mapping[str, object]
    started_at: datetime
    ended_at: datetime | None = None
    exit_code: int | None = None
    error: str | None = None
    counts: Mapping[str, object] = field(default_factory=dict)

    def ended(self, at: datetime, exit_code: int, error: str | None, tally: Tally) -> None:
        """Take down how the run ended."""
        self.ended_at = at
        self.exit_code = exit_code
        self.error = error
        self.counts = _counts(tally)

    def as_json(self) -> dict[str, object]:
        """Return the manifest as JSON values, in a fixed order."""
        return {
            "format": _FORMAT,
            "plan": self.plan,
            "settings": self.settings,
            "versions": {
                "collector": __version__,
                "python": platform.python_version(),
                **{library: version(library) for library in _LIBRARIES},
            },
            "attempts": [
                {
                    "started_at": timestamp(self.started_at),
                    "ended_at": None if self.ended_at is None else timestamp(self.ended_at),
                    "exit_code": self.exit_code,
                    "error": self.error,
                    **self.counts,
                }
            ],
        }


def describe_plan(plan: Plan, window: WindowSize) -> dict[str, object]:
    """Return what the manifest says of the plan; the fingerprint covers every id and window."""
    first, last = plan.windows[0], plan.windows[-1]
    return {
        "companies": len(plan.companies),
        "from_date": None if first.from_date is None else first.from_date.isoformat(),
        "until_date": None if last.until_date is None else last.until_date.isoformat(),
        "window": str(window),
        "windows": len(plan.windows),
        "cells": len(plan),
        "fingerprint": plan.fingerprint,
    }


def describe_settings(settings: RunSettings) -> dict[str, object]:
    """Return all settings under the names of their options; there are no secrets among them."""
    values = {option_name(field): getattr(settings, field.name) for field in fields(settings)}
    return {
        name: value if type(value) in _PLAIN else json_text(value) for name, value in values.items()
    }


def _counts(tally: Tally) -> dict[str, object]:
    """Return the counts of a run as JSON values: cells, requests, and the rate reached."""
    return {
        "cells": {
            "planned": tally.planned,
            **{state.value: tally.cells[state] for state in CellState},
            "missing": tally.planned - tally.done,
        },
        "requests": {
            "sent": tally.requests,
            "retried": tally.retries,
            "refused": tally.refused,
            "by_status": {str(status): n for status, n in sorted(tally.statuses.items())},
            "broken": {kind.value: n for kind, n in sorted(tally.broken.items())},
        },
        "failed_by_kind": {kind.value: n for kind, n in sorted(tally.failure_kinds.items())},
        "requests_per_second": round(tally.average_rate(), 3),
    }
