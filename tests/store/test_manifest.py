import json
import platform
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector import __version__
from collector.core.cell import CellState
from collector.core.errors import ExitCode, InputError
from collector.core.outcome import FailureKind
from collector.plan import WHOLE, Companies, DateRange, Plan, Shard, WindowSize, cut_windows
from collector.settings import RunSettings, option_name
from collector.settings.parsers import Days, Duration, Rate, parse_rate
from collector.store.manifest import (
    Attempt,
    DatesRecord,
    Manifest,
    describe_plan,
    describe_service,
    describe_settings,
    gravest_record,
)
from collector.telemetry.stats import RunStats

_STARTED = datetime(2026, 11, 23, 2, 0, 1, 234_567, tzinfo=UTC)
_ENDED = datetime(2026, 11, 23, 0, 0, 2, tzinfo=timezone(timedelta(hours=-3)))
_RANGE = DateRange(date(2026, 1, 28), date(2026, 2, 10))
_PLAN = Plan(Companies(("1", "2", "3")), cut_windows(_RANGE, WHOLE))
_SERVICE = {"base-url": "https://one.example", "from-param": "from", "until-param": "until"}


class _Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def _stats() -> RunStats:
    clock = _Clock()
    stats = RunStats(20, clock=clock)
    clock.now += 4.0
    stats.kept.update({CellState.DATA: 1, CellState.EMPTY: 2})
    stats.cells.update({CellState.DATA: 5, CellState.EMPTY: 3, CellState.FAILED: 2})
    stats.failure_kinds.update({FailureKind.TIMEOUT: 1, FailureKind.HTTP: 1})
    for status, count in {500: 2, 200: 8, 429: 3}.items():
        for number in range(count):
            stats.answered(status, 0.1 + number)
    stats.broken.update({FailureKind.TIMEOUT: 1})
    stats.requests, stats.retries, stats.refused = 14, 4, 3
    return stats


def _manifest(*attempts: Attempt) -> Manifest:
    return Manifest(
        plan=describe_plan(_PLAN, WHOLE),
        service=_SERVICE,
        attempts=[attempt.as_json() for attempt in attempts],
    )


def _ended(error: str | None = "out of reach") -> Attempt:
    kept = {CellState.DATA: 1, CellState.EMPTY: 2}
    attempt = Attempt(_STARTED, describe_settings(RunSettings()), kept, ("odd",))
    attempt.ended(_ENDED, ExitCode.STOPPED_EARLY, error, _stats(), limit_found=48.0567)
    return attempt


def test_an_attempt_begins_without_an_end() -> None:
    """One that was killed can be told from one that ended."""
    attempt = Attempt(_STARTED, {"rate": "10"}).as_json()
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
    assert Attempt(_STARTED, {}).as_json()["versions"] == {
        "collector": __version__,
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "asyncio-throttle": version("asyncio-throttle"),
        "orjson": version("orjson"),
        "msgspec": version("msgspec"),
    }


def test_an_attempt_says_how_it_ended() -> None:
    """When, with which code and why, what it found, and all the counts, in a fixed order."""
    attempt = json.loads(orjson.dumps(_ended().as_json()))
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
                "accepted": 10,
                "refused": 3,
                "retried": 4,
                "resent": 0,
                "by_status": {"200": 8, "429": 3, "500": 2},
                "broken": {"timeout": 1},
            },
        ),
        ("failed_by_kind", {"http": 1, "timeout": 1}),
        ("latency_seconds", {"p50": 2.1, "p90": 6.1, "p99": 7.1, "max": 7.1}),
        ("requests_per_second", 3.25),
        ("limit_found", 48.06),
    ]
    assert b'"by_status":{"200":8,"429":3,"500":2}' in orjson.dumps(_ended().as_json())


def test_the_counts_of_an_attempt_that_did_nothing_are_all_there() -> None:
    """Zeros are written, not left out, and no time at all is no division by zero."""
    ended = Attempt(_STARTED, {})
    ended.ended(_ENDED, 0, None, RunStats(0, clock=lambda: 1.0))
    attempt: dict[str, Any] = json.loads(orjson.dumps(ended.as_json()))
    assert attempt["cells"] == {"planned": 0, "data": 0, "empty": 0, "failed": 0, "missing": 0}
    assert attempt["requests"] == {
        "sent": 0,
        "accepted": 0,
        "refused": 0,
        "retried": 0,
        "resent": 0,
        "by_status": {},
        "broken": {},
    }
    assert attempt["latency_seconds"] == {"p50": 0.0, "p90": 0.0, "p99": 0.0, "max": 0.0}
    assert attempt["limit_found"] is None
    assert attempt["requests_per_second"] == 0.0


def test_a_manifest_is_readable_json(tmp_path: Path) -> None:
    """For people too: indented, in a fixed order, with a line break at the end."""
    path = tmp_path / "run.json"
    manifest = Manifest(plan=describe_plan(_PLAN, WHOLE), service={"ñ": "ñ"}, attempts=[{"z": 1}])
    manifest.write(path)
    assert path.read_text(encoding="utf-8") == (
        '{\n  "format": 1,\n  "plan": {\n    "companies": 3,\n    "from_date": "2026-01-28",\n'
        '    "until_date": "2026-02-10",\n    "window": "whole",\n    "windows": 1,\n'
        f'    "cells": 3,\n    "fingerprint": "{_PLAN.fingerprint}"\n  }},\n'
        '  "service": {\n    "ñ": "ñ"\n  },\n  "dates": null,\n'
        '  "attempts": [\n    {\n      "z": 1\n    }\n  ]\n}\n'
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With every attempt, the one that never ended too, so that the next one can add its own."""
    path = tmp_path / "run.json"
    manifest = _manifest(
        _ended(), Attempt(_STARTED, describe_settings(RunSettings(rate=Rate(0.5))))
    )
    manifest.write(path)
    read = Manifest.read(path)
    assert read == manifest
    assert read is not None
    read.write(path)
    assert Manifest.read(path) == manifest


def test_a_plan_without_dates_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Its range is null."""
    path = tmp_path / "run.json"
    plan = Plan(Companies(("1",)), cut_windows(None, WHOLE))
    manifest = Manifest(plan=describe_plan(plan, WHOLE), service={}, attempts=[])
    manifest.write(path)
    assert Manifest.read(path) == manifest


def test_there_may_be_no_manifest(tmp_path: Path) -> None:
    """In a new directory, or in none."""
    assert Manifest.read(tmp_path / "run.json") is None
    assert Manifest.read(tmp_path / "nowhere" / "run.json") is None


_RECORD = {
    "companies": 3,
    "from_date": "2026-01-28",
    "until_date": "2026-02-10",
    "window": "whole",
    "windows": 1,
    "cells": 3,
    "fingerprint": _PLAN.fingerprint,
}


def _text(**fields: object) -> bytes:
    good = {"format": 1, "plan": _RECORD, "service": _SERVICE, "attempts": []}
    return orjson.dumps({**good, **fields})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 600,
        b"{",
        b"null",
        b"[]",
        b"{}",
        _text()[:-1],
        _text() + b"\0",
        _text().replace(b"one.example", b"\xff"),
        b"[" * 100_000,
        b'{"format":1,"plan":' + b"[" * 100_000,
        _text(format="1"),
        _text(format=None),
        _text(plan=None),
        _text(plan={}),
        _text(service=None),
        _text(service={"base-url": 1}),
        _text(attempts=None),
        _text(attempts=[1]),
        _text(plan={**_RECORD, "cells": "3"}),
    ],
)
def test_a_damaged_manifest_is_told_from_none(tmp_path: Path, text: bytes) -> None:
    """Torn, zeroed, or of another shape; the caller decides what that means."""
    path = tmp_path / "run.json"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r"."):
        Manifest.read(path)


@pytest.mark.parametrize("text", [_text(format=2), b'{"format":17,"other":"shape"}'])
def test_a_manifest_of_a_newer_collector_is_refused(tmp_path: Path, text: bytes) -> None:
    """Whatever its shape: what it means cannot be known. The text says what to do."""
    path = tmp_path / "run.json"
    path.write_bytes(text)
    with pytest.raises(InputError, match=f"^{path}: has format .*; use the newer collector"):
        Manifest.read(path)


def test_fields_that_nobody_knows_are_let_pass(tmp_path: Path) -> None:
    """A later collector may write more under the same format."""
    path = tmp_path / "run.json"
    path.write_bytes(_text(shard=7))
    read = Manifest.read(path)
    assert read is not None
    assert read.service == _SERVICE


@pytest.mark.parametrize("size", ["1d", "week", "month", "whole"])
def test_a_plan_is_described_by_its_range_and_its_fingerprint(size: str) -> None:
    """From the first day to the last, however it is cut."""
    window = WindowSize.parse(size)
    plan = Plan(Companies(("1", "2", "3")), cut_windows(_RANGE, window))
    described = describe_plan(plan, window)
    assert (described.companies, described.window) == (3, size)
    assert (described.from_date, described.until_date) == ("2026-01-28", "2026-02-10")
    assert described.windows == {"1d": 14, "week": 3, "month": 2, "whole": 1}[size]
    assert described.cells == 3 * described.windows
    assert described.fingerprint == plan.fingerprint


def test_a_plan_without_dates_is_described_with_nulls() -> None:
    """The server's default window has none."""
    described = describe_plan(Plan(Companies(("1",)), cut_windows(None, WHOLE)), WHOLE)
    assert (described.from_date, described.until_date) == (None, None)
    assert described.cells == 1


def test_a_service_is_what_the_answers_depend_on() -> None:
    """Its address and how its dates are called; how to get in does not matter."""
    settings = RunSettings(
        base_url="https://one.example/api",
        token_url="https://two.example/token",  # noqa: S106 - an address
        credentials_file=Path("keys.toml"),
        from_param="since",
    )
    described = describe_service(settings)
    assert described == {
        "base-url": "https://one.example/api",
        "from-param": "since",
        "until-param": "until_date",
        "date-format": "YYYY-MM-DD",
    }
    other = replace(settings, token_url="https://three.example", credentials_file=None)  # noqa: S106 - likewise
    assert describe_service(other) == described


def test_a_slash_at_the_end_of_an_address_makes_no_other_service() -> None:
    """The same requests are sent."""
    first, second = (RunSettings(base_url=f"https://one.example{end}") for end in ("", "/"))
    assert describe_service(first) == describe_service(second)


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
        )
    )
    assert set(described) == {option_name(field) for field in fields(RunSettings)}
    assert json.loads(orjson.dumps(described)) == described
    assert described | {"base-url": 0, "token-url": 0} == {
        "from": "2026-01-01",
        "until": "2026-01-31",
        "last": "7d",
        "timezone": None,
        "window": "7d",
        "lookback": None,
        "rate": "0.5",
        "concurrency": 32,
        "max-attempts": 5,
        "timeout": 30.0,
        "deadline": "6h",
        "max-outage": "30m",
        "output": "night",
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
def test_a_rate_stands_there_as_its_option_is_written(rate: Rate, written: str) -> None:
    """JSON has no infinity, and a rate that was cut would not be the same again."""
    described = describe_settings(RunSettings(rate=rate))
    assert described["rate"] == written
    assert parse_rate(written) == rate


def test_a_manifest_with_rates_as_numbers_is_read(tmp_path: Path) -> None:
    """As an earlier collector has written them."""
    path = tmp_path / "run.json"
    attempt = {**_ended().as_json(), "settings": {"rate": 7.5, "timeout": 30.0}}
    path.write_bytes(_text(attempts=[attempt]))
    read = Manifest.read(path)
    assert read is not None
    assert read.attempts[0]["settings"]["rate"] == 7.5


def test_an_error_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    """It may name a file whose name is no UTF-8; the story of the run is written all the same."""
    path = tmp_path / "run.json"
    manifest = _manifest(_ended(error="ni\udcf1o/statistics.jsonl cannot be written"))
    manifest.write(path)
    read = Manifest.read(path)
    assert read is not None
    assert read.attempts[0]["error"].endswith("o/statistics.jsonl cannot be written")


def test_no_secret_is_in_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from the environment nor out of the file that is named in it."""
    for name in ("TRUST_CLIENT_ID", "TRUST_CLIENT_SECRET", "TRUST_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "hush-hush")
    keys = tmp_path / "keys.toml"
    keys.write_text('access_token = "hush-hush"\n')
    keys.chmod(0o600)
    settings = RunSettings(credentials_file=keys)
    attempt = Attempt(_STARTED, describe_settings(settings))
    attempt.ended(_ENDED, 0, None, _stats())
    path = tmp_path / "run.json"
    Manifest(
        plan=describe_plan(_PLAN, WHOLE),
        service=describe_service(settings),
        attempts=[attempt.as_json()],
    ).write(path)
    assert b"hush-hush" not in path.read_bytes()
    assert str(keys).encode() in path.read_bytes()


@pytest.mark.parametrize(
    ("verdicts", "known"),
    [
        ("", None),
        ("honoured", "honoured"),
        ("inconclusive honoured", "inconclusive"),
        ("honoured doubted inconclusive", "doubted"),
        ("doubted honoured", "honoured"),
        ("doubted inconclusive", "doubted"),
        ("doubted honoured doubted", "doubted"),
        ("ignored doubted honoured", "ignored"),
    ],
)
def test_a_doubt_lasts_until_a_later_proof(verdicts: str, known: str | None) -> None:
    """And that dates are ignored lasts for ever; what several shards say is ordered by no name."""
    records = [
        DatesRecord(
            verdict=verdict,
            until="included",
            until_exclusive=False,
            checked_at=f"2026-11-28T02:00:0{second}.000Z",
        )
        for second, verdict in enumerate(verdicts.split())
    ]
    gravest = gravest_record(records)
    assert (None if gravest is None else gravest.verdict) == known
