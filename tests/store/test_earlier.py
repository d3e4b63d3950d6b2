import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from collector.plan import Shard
from collector.settings import RunSettings
from collector.store import earlier
from collector.store.earlier import recorded_drift
from collector.store.files import PartFiles
from collector.telemetry.names import Drift
from tests.store.made_runs import WHOLE_RUN, make_run


def _run(  # noqa: PLR0913 - each has its usual value
    path: Path,
    day: int,
    fields: Mapping[str, int] | None,
    *,
    exit_code: int | None = 0,
    shard: Shard = WHOLE_RUN,
    base_url: str = "https://one.example",
) -> Path:
    """Make a run of 50 answers on a day of November; None makes one of an older collector."""
    make_run(path, shard=shard, settings=RunSettings(base_url=base_url))
    manifest = PartFiles(path, shard).manifest
    content = json.loads(manifest.read_bytes())
    (attempt,) = content["attempts"]
    attempt["started_at"] = f"2026-11-{day:02}T02:00:00.000Z"
    attempt["exit_code"] = exit_code
    if fields is not None:
        attempt["names"] = {"answers": 50, "with_data": 50, "fields": fields, "actions": {}}
    manifest.write_text(json.dumps(content))
    os.utime(path, (day, day))
    return path


def _drift(run: Path) -> Drift | None:
    return recorded_drift(run, is_whole=True)


def test_a_run_is_compared_with_the_finished_ones_beside_it(tmp_path: Path) -> None:
    """Of the same service, that began before it; not with one that was stopped or is running."""
    now = _run(tmp_path / "now", 10, {"late": 50})
    assert _drift(now) is None
    others: dict[str, Any] = {
        "stopped": {"exit_code": 4},
        "running": {"exit_code": None},
        "elsewhere": {"base_url": "https://two.example"},
    }
    for name, how in others.items():
        _run(tmp_path / name, 9, {}, **how)
    _run(tmp_path / "later", 11, {})
    _run(tmp_path / "older version", 9, None)
    (tmp_path / "README").write_text("runs")
    (tmp_path / "no run").mkdir()
    assert _drift(now) is None
    _run(tmp_path / "failed", 8, {"other": 50}, exit_code=1)
    assert _drift(now) == Drift(("late",), ("other",))
    _run(tmp_path / "before", 7, {"late": 50})
    assert _drift(now) == Drift((), ())


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """The run has ended well, and its exit code is its own."""
    now = _run(tmp_path / "now", 10, {"late": 50})
    _run(tmp_path / "before", 7, {})
    for number, text in enumerate(("{", "[]", '{"format": 9}', "")):
        broken = _run(tmp_path / f"broken-{number}", 9, {"late": 50})
        (broken / "run.json").write_text(text)
    strange = _run(tmp_path / "strange", 9, {"late": 50})
    manifest = json.loads((strange / "run.json").read_bytes())
    manifest["attempts"][0]["names"] = {"fields": "late"}
    (strange / "run.json").write_text(json.dumps(manifest))
    (tmp_path / "link").symlink_to(now)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert _drift(now) == Drift(("late",), ())
    (now / "run.json").write_text("{")
    assert _drift(now) is None


def test_shards_are_one_run(tmp_path: Path) -> None:
    """Their names are added up, of this run and of an earlier one."""
    for number, field in enumerate(("a", "b")):
        _run(tmp_path / "now", 10, {field: 50}, shard=Shard(number, 2))
        _run(tmp_path / "before", 9, {"b": 50} if number else {}, shard=Shard(number, 2))
    assert _drift(tmp_path / "now") == Drift(("a",), ())


def test_few_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many directories there are: the newest ones count, and of shards the first."""
    monkeypatch.setattr(earlier, "_MOST_DIRECTORIES", 4)
    monkeypatch.setattr(earlier, "_MOST_RUNS", 2)
    monkeypatch.setattr(earlier, "_MOST_SHARDS", 3)
    now = _run(tmp_path / "now", 30, {"late": 50})
    _run(tmp_path / "oldest", 1, {"late": 50})
    for day in range(2, 9):
        _run(tmp_path / f"{day}", day, {"late": 50} if day < 7 else {})
    assert _drift(now) == Drift(("late",), ())
    for number in range(8):
        _run(tmp_path / "shards", 20, {"late": 50} if number > 2 else {}, shard=Shard(number, 8))
    assert _drift(now) == Drift(("late",), ())
    monkeypatch.setattr(earlier, "_MOST_SHARDS", 4)
    os.utime(tmp_path / "shards", (20, 20))
    assert _drift(now) == Drift((), ())
