import json
import platform
from datetime import UTC, date, datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

import orjson
import pytest

from collector import __version__
from collector.models import FailureKind
from collector.option_values import Days
from collector.plan import WHOLE, Companies, DateRange, Plan, WindowSize, cut_windows
from collector.settings import RunSettings, option_names
from collector.store.manifest import Manifest, describe_plan, describe_settings
from collector.tally import CellState, Tally

_STARTED = datetime(2026, 11, 23, 2, 0, 1, 234_567, tzinfo=UTC)
_ENDED = datetime(2026, 11, 23, 0, 0, 2, tzinfo=timezone(timedelta(hours=-3)))
_RANGE = DateRange(date(2026, 1, 28), date(2026, 2, 10))


class _Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def _tally() -> Tally:
    clock = _Clock()
    tally = Tally(20, clock=clock)
    clock.now += 4.0
    tally.cells.update({CellState.DATA: 5, CellState.EMPTY: 3, CellState.FAILED: 2})
    tally.failure_kinds.update({FailureKind.TIMEOUT: 1, FailureKind.HTTP: 1})
    tally.statuses.update({500: 2, 200: 8, 429: 3})
    tally.broken.update({FailureKind.TIMEOUT: 1})
    tally.requests, tally.retries, tally.refused = 14, 4, 3
    return tally


def test_a_manifest_begins_without_an_end() -> None:
    """A run that was killed can be told from one that ended."""
    manifest = Manifest({"cells": 1}, {"rate": 10.0}, _STARTED).as_json()
    assert list(manifest) == ["format", "plan", "settings", "versions", "attempts"]
    assert manifest["format"] == 1
    assert manifest["plan"] == {"cells": 1}
    assert manifest["settings"] == {"rate": 10.0}
    assert manifest["attempts"] == [
        {
            "started_at": "2026-11-23T02:00:01.234Z",
            "ended_at": None,
            "exit_code": None,
            "error": None,
        }
    ]


def test_a_manifest_names_the_versions() -> None:
    """Of the collector, of Python, and of the libraries that shape the answers."""
    assert Manifest({}, {}, _STARTED).as_json()["versions"] == {
        "collector": __version__,
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "asyncio-throttle": version("asyncio-throttle"),
        "orjson": version("orjson"),
        "msgspec": version("msgspec"),
    }


def test_a_manifest_says_how_the_run_ended() -> None:
    """When, with which code and why, and all the counts; what has no line is missing."""
    manifest = Manifest({}, {}, _STARTED)
    manifest.ended(_ENDED, 4, "out of reach", _tally())
    assert list(manifest.counts) == ["cells", "requests", "failed_by_kind", "requests_per_second"]
    assert b'"by_status":{"200":8,"429":3,"500":2}' in orjson.dumps(manifest.as_json())
    assert manifest.as_json()["attempts"] == [
        {
            "started_at": "2026-11-23T02:00:01.234Z",
            "ended_at": "2026-11-23T03:00:02.000Z",
            "exit_code": 4,
            "error": "out of reach",
            "cells": {"planned": 20, "data": 5, "empty": 3, "failed": 2, "missing": 10},
            "requests": {
                "sent": 14,
                "retried": 4,
                "refused": 3,
                "by_status": {"200": 8, "429": 3, "500": 2},
                "broken": {"timeout": 1},
            },
            "failed_by_kind": {"http": 1, "timeout": 1},
            "requests_per_second": 3.25,
        }
    ]


def test_the_counts_of_a_run_that_did_nothing_are_all_there() -> None:
    """Zeros are written, not left out, and no time at all is no division by zero."""
    manifest = Manifest({}, {}, _STARTED)
    manifest.ended(_ENDED, 0, None, Tally(0, clock=lambda: 1.0))
    (attempt,) = json.loads(orjson.dumps(manifest.as_json()))["attempts"]
    assert attempt["cells"] == {"planned": 0, "data": 0, "empty": 0, "failed": 0, "missing": 0}
    assert attempt["requests"]["by_status"] == {}
    assert attempt["requests_per_second"] == 0.0


@pytest.mark.parametrize("size", ["1d", "week", "month", "whole"])
def test_a_plan_is_described_by_its_range_and_its_fingerprint(size: str) -> None:
    """From the first day to the last, however it is cut."""
    window = WindowSize.parse(size)
    plan = Plan(Companies(("1", "2", "3")), cut_windows(_RANGE, window))
    assert list(describe_plan(plan, window).items()) == [
        ("companies", 3),
        ("from_date", "2026-01-28"),
        ("until_date", "2026-02-10"),
        ("window", size),
        ("windows", {"1d": 14, "week": 3, "month": 2, "whole": 1}[size]),
        ("cells", 3 * {"1d": 14, "week": 3, "month": 2, "whole": 1}[size]),
        ("fingerprint", plan.fingerprint),
    ]


def test_a_plan_without_dates_is_described_with_nulls() -> None:
    """The server's default window has none."""
    described = describe_plan(Plan(Companies(("1",)), cut_windows(None, WHOLE)), WHOLE)
    assert (described["from_date"], described["until_date"]) == (None, None)
    assert described["cells"] == 1


def test_settings_stand_under_the_names_of_their_options() -> None:
    """All of them, as JSON values, so that a run can be repeated from its manifest."""
    described = describe_settings(
        RunSettings(
            from_date=date(2026, 1, 1),
            until_date=date(2026, 1, 31),
            last=Days(7),
            window=WindowSize.parse("7d"),
            output=Path("night"),
            credentials_file=Path("keys.toml"),
            quiet=True,
            rate=0.5,
        )
    )
    assert set(described) == option_names()
    assert json.loads(orjson.dumps(described)) == described
    assert described | {"base-url": 0, "token-url": 0} == {
        "from": "2026-01-01",
        "until": "2026-01-31",
        "last": "7d",
        "timezone": None,
        "window": "7d",
        "rate": 0.5,
        "concurrency": 32,
        "max-attempts": 5,
        "timeout": 30.0,
        "output": "night",
        "log-level": "info",
        "quiet": True,
        "base-url": 0,
        "token-url": 0,
        "credentials-file": "keys.toml",
        "from-param": "from_date",
        "until-param": "until_date",
    }


def test_no_secret_is_in_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from the environment nor out of the file that is named in it."""
    for name in ("TRUST_CLIENT_ID", "TRUST_CLIENT_SECRET", "TRUST_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "hush-hush")
    keys = tmp_path / "keys.toml"
    keys.write_text('access_token = "hush-hush"\n')
    keys.chmod(0o600)
    settings = describe_settings(RunSettings(credentials_file=keys))
    manifest = Manifest({}, settings, _STARTED)
    manifest.ended(_ENDED, 0, None, _tally())
    assert b"hush-hush" not in orjson.dumps(manifest.as_json())
