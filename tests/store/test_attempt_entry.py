import json
import platform
from dataclasses import fields
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector import __version__
from collector.plan import Shard, WindowSize
from collector.settings import RunSettings, option_name
from collector.settings.parsers import Days, Duration, Limit, Rate, parse_rate
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.telemetry.stats import RunStats
from tests.store.made_attempts import ENDED, STARTED, ended_attempt


def test_an_attempt_begins_without_an_end() -> None:
    """One that was killed can be told from one that ended."""
    attempt = AttemptEntry(STARTED, {"rate": "10"}).as_json()
    del attempt["versions"]
    assert list(attempt.items()) == [
        ("started_at", "2026-11-23T02:00:01.234Z"),
        ("ended_at", None),
        ("exit_code", None),
        ("error", None),
        ("remarks", []),
        ("kept", {"data": 0, "empty": 0}),
        ("settings", {"rate": "10"}),
    ]


def test_an_attempt_names_the_versions() -> None:
    """Of the collector, of Python, and of the libraries that shape the answers."""
    assert AttemptEntry(STARTED, {}).as_json()["versions"] == {
        "collector": __version__,
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "asyncio-throttle": version("asyncio-throttle"),
        "orjson": version("orjson"),
        "msgspec": version("msgspec"),
    }


def test_an_attempt_says_how_it_ended() -> None:
    """When, with which code and why, what it found, and all the counts, in a fixed order."""
    attempt = json.loads(orjson.dumps(ended_attempt().as_json()))
    del attempt["settings"], attempt["versions"]
    latency = attempt["latency_seconds"]
    attempt["latency_seconds"] = {
        name: pytest.approx(value, rel=0.025) for name, value in latency.items()
    }
    assert list(attempt.items()) == [
        ("started_at", "2026-11-23T02:00:01.234Z"),
        ("ended_at", "2026-11-23T03:00:02.000Z"),
        ("exit_code", 4),
        ("error", "out of reach"),
        ("remarks", ["odd"]),
        ("kept", {"data": 1, "empty": 2}),
        ("cells", {"planned": 20, "data": 5, "empty": 3, "failed": 2, "missing": 7}),
        (
            "requests",
            {
                "sent": 14,
                "answered": 7,
                "refused": 3,
                "failed": 4,
                "retried": 4,
                "resent": 0,
                "by_status": {"200": 8, "429": 3, "500": 2},
                "broken": {"timeout": 1},
            },
        ),
        (
            "names",
            {
                "answers": 8,
                "with_data": 5,
                "fields": {"late": 8},
                "actions": {"RECEIVED": 5},
                "new": ["late"],
                "gone": ["actions.CLOSED"],
            },
        ),
        ("failed_by_kind", {"http": 1, "timeout": 1}),
        ("latency_seconds", {"p50": 2.1, "p90": 6.1, "p99": 7.1, "max": 7.1}),
        ("requests_per_second", 3.25),
        ("limit_found", 48.06),
    ]
    assert b'"by_status":{"200":8,"429":3,"500":2}' in orjson.dumps(ended_attempt().as_json())


def test_the_counts_of_an_attempt_that_did_nothing_are_all_there() -> None:
    """Zeros are written, not left out, and no time at all is no division by zero."""
    ended = AttemptEntry(STARTED, {})
    ended.ended(ENDED, 0, None, RunStats(0, clock=lambda: 1.0))
    attempt: dict[str, Any] = json.loads(orjson.dumps(ended.as_json()))
    assert attempt["cells"] == {"planned": 0, "data": 0, "empty": 0, "failed": 0, "missing": 0}
    assert attempt["requests"] == {
        "sent": 0,
        "answered": 0,
        "refused": 0,
        "failed": 0,
        "retried": 0,
        "resent": 0,
        "by_status": {},
        "broken": {},
    }
    assert attempt["latency_seconds"] == {"p50": 0.0, "p90": 0.0, "p99": 0.0, "max": 0.0}
    assert attempt["limit_found"] is None
    assert attempt["requests_per_second"] == 0.0


def test_settings_stand_under_the_names_of_their_options() -> None:
    """All of them, as JSON values, so that a run can be repeated from its manifest."""
    described = describe_settings(
        RunSettings(
            from_date=date(2026, 1, 1),
            until_date=date(2026, 1, 31),
            last=Days(7),
            window=WindowSize.parse("7d"),
            output=Path("night"),
            metrics_file=Path("night.prom"),
            credentials_file=Path("keys.toml"),
            quiet=True,
            shard=Shard(3, 16),
            rate=Rate(0.5),
            deadline=Duration(21_600),
            max_outage=Duration(1800),
            max_failed=Limit("5%"),
        )
    )
    assert set(described) == {option_name(field) for field in fields(RunSettings)}
    assert json.loads(orjson.dumps(described)) == described
    assert described | {"base-url": 0, "token-url": 0} == {
        "config": None,
        "id-column": None,
        "name-column": None,
        "verbose": False,
        "from": "2026-01-01",
        "until": "2026-01-31",
        "last": "7d",
        "timezone": None,
        "window": "7d",
        "lookback": None,
        "since-last": False,
        "at-most": "90d",
        "rate": "0.5",
        "concurrency": 32,
        "max-attempts": 5,
        "timeout": 30.0,
        "deadline": "6h",
        "max-outage": "30m",
        "max-failed": "5%",
        "max-empty": None,
        "ping-url": None,
        "output": "night",
        "answers": None,
        "log-level": "info",
        "quiet": True,
        "shard": "3/16",
        "engine": "local",
        "workers": None,
        "scheduler": None,
        "insecure-cluster": False,
        "metrics-file": "night.prom",
        "base-url": 0,
        "token-url": 0,
        "credentials-file": "keys.toml",
        "proxy": None,
        "ca-file": None,
        "from-param": "from_date",
        "until-param": "until_date",
        "date-format": "YYYY-MM-DD",
        "until-exclusive": False,
        "trust-dates": False,
    }


@pytest.mark.parametrize(
    ("rate", "written"),
    [
        *((Rate("inf"), "auto"), (Rate(10), "10"), (Rate(0.001), "0.001")),
        *((Rate(1_000_000), "1000000"), (Rate(1 / 3), "0.3333333333333333")),
    ],
)
def test_a_rate_is_there_as_its_option_is_written(rate: Rate, written: str) -> None:
    """JSON has no infinity, and a rate that was cut would not be the same again."""
    described = describe_settings(RunSettings(rate=rate))
    assert described["rate"] == written
    assert parse_rate(written) == rate
