from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from collector.core.errors import InputError
from collector.plan import WHOLE, Companies, DateRange, Plan, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.settings.parsers import Rate
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.identity import describe_service
from collector.store.manifest import (
    DatesRecord,
    Manifest,
    ManifestHead,
    answers_recorded,
    describe_plan,
    gravest_record,
)
from tests.store.made_attempts import ENDED, STARTED, ended_attempt, run_stats

_RANGE = DateRange(date(2026, 1, 28), date(2026, 2, 10))
_PLAN = Plan(Companies(("1", "2", "3")), cut_windows(_RANGE, WHOLE))
_SERVICE = {"base-url": "https://one.example", "from-param": "from", "until-param": "until"}


def _manifest(*attempts: AttemptEntry) -> Manifest:
    return Manifest(
        plan=describe_plan(_PLAN, WHOLE),
        service=_SERVICE,
        attempts=[attempt.as_json() for attempt in attempts],
    )


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
        '  "attempts": [\n    {\n      "z": 1\n    }\n  ],\n  "digests": null,\n'
        '  "sha256": "SHA256"\n}\n'
    ).replace("SHA256", sha256(path.read_bytes().rpartition(b'  "sha256"')[0]).hexdigest())
    assert list(tmp_path.iterdir()) == [path]


def test_the_head_of_a_manifest_is_what_the_whole_says(tmp_path: Path) -> None:
    """The newest answer is of an attempt with answers, or of one that never ended."""
    path = tmp_path / "run.json"
    unended = AttemptEntry(STARTED, describe_settings(RunSettings()))
    for attempts, newest in (
        ([], None),
        ([unended], "started_at"),
        ([unended, ended_attempt()], "ended_at"),
    ):
        manifest = _manifest(*attempts)
        manifest.write(path)
        head = ManifestHead.read(path)
        assert head is not None
        assert (head.plan, head.service) == (manifest.plan, _SERVICE)
        expected = newest and datetime.fromisoformat(manifest.attempts[-1][newest])
        assert head.newest == expected
    assert ManifestHead.read(tmp_path / "nothing") is None
    for text in (b"{", b"\xff", b"[" * 100_000, path.read_bytes()[:-9]):
        path.write_bytes(text)
        with pytest.raises(ValueError, match=r"."):
            ManifestHead.read(path)
    path.write_bytes(b'{"format": 3, "plan": 7}')
    with pytest.raises(InputError, match="has format 3"):
        ManifestHead.read(path)


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With every attempt, the one that never ended too, so that the next one can add its own."""
    path = tmp_path / "run.json"
    manifest = _manifest(
        ended_attempt(), AttemptEntry(STARTED, describe_settings(RunSettings(rate=Rate(0.5))))
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


_EDITED: list[dict[str, object]] = [
    {"remarks": 5},
    {"remarks": [5]},
    {"requests": 5},
    {"requests": {"sent": "x"}},
    {"requests": {"refused": []}},
    {"requests": {"retried": None}},
    {"latency_seconds": 5},
    {"latency_seconds": {"p50": "x"}},
    {"latency_seconds": {"p99": []}},
    {"requests_per_second": "x"},
    {"limit_found": "x"},
    {"shards": 5},
    {"shards": {"begun": 1}},
]


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
        _text(plan={**_RECORD, "cells": 3}).replace(b'"cells":3', b'"cells":1' + b"0" * 20),
        _text(plan={**_RECORD, "from_date": "x"}),
        _text(plan={**_RECORD, "until_date": "2026-02-30"}),
        *(_text(attempts=[{**ended_attempt().as_json(), **fields}]) for fields in _EDITED),
        _text(attempts=[{**ended_attempt().as_json(), "exit_code": 123456789}]).replace(
            b"123456789", b"1" + b"0" * 20
        ),
    ],
)
def test_a_damaged_manifest_is_told_from_none(tmp_path: Path, text: bytes) -> None:
    """Torn, zeroed, of another shape, or edited by hand; the caller decides what that means."""
    path = tmp_path / "run.json"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r"."):
        Manifest.read(path)


@pytest.mark.parametrize("text", [_text(format=3), b'{"format":17,"other":"shape"}'])
def test_a_manifest_of_a_newer_collector_is_refused(tmp_path: Path, text: bytes) -> None:
    """Whatever its shape: what it means cannot be known. The text says what to do."""
    path = tmp_path / "run.json"
    path.write_bytes(text)
    with pytest.raises(InputError, match=f"^{path}: has format .*; use the newer collector"):
        Manifest.read(path)


def test_unknown_fields_are_accepted(tmp_path: Path) -> None:
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


def test_a_manifest_with_rates_as_numbers_is_read(tmp_path: Path) -> None:
    """As an earlier collector has written them."""
    path = tmp_path / "run.json"
    attempt = {**ended_attempt().as_json(), "settings": {"rate": 7.5, "timeout": 30.0}}
    path.write_bytes(_text(attempts=[attempt]))
    read = Manifest.read(path)
    assert read is not None
    assert read.attempts[0]["settings"]["rate"] == 7.5


def test_an_error_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    """It may name a file whose name is no UTF-8; the record of the run is written all the same."""
    path = tmp_path / "run.json"
    manifest = _manifest(ended_attempt(error="ni\udcf1o/statistics.jsonl cannot be written"))
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
    attempt = AttemptEntry(STARTED, describe_settings(settings))
    attempt.ended(ENDED, 0, None, run_stats())
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


@pytest.mark.parametrize(
    ("counts", "answers"),
    [
        ({"planned": 9, "data": 2, "empty": 3, "failed": 4, "missing": 0}, 5),
        ({"planned": 9}, 0),
        ({"data": "2", "empty": 3}, 3),
        ({"data": None, "empty": [3]}, 0),
        ([2, 3], 0),
        (None, 0),
    ],
)
def test_what_is_no_count_counts_nothing(counts: object, answers: int) -> None:
    """These fields are not checked: an edited manifest must not end a run as a bug."""
    assert answers_recorded({"cells": counts}, "cells") == answers
    assert answers_recorded({"kept": counts}, "cells") == 0
