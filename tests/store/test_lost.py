"""Lines that are gone, by what a run has recorded: its manifests, and its logs if it was killed."""

import json
from pathlib import Path
from typing import Any

import pytest

from collector.plan import Shard
from collector.store.coverage import read_coverage
from collector.store.data_file import salvage_command
from collector.store.newest import NewestLines, Pile
from collector.store.recorded_run import find_run
from collector.store.scratch import scratch_database
from tests.store.compressed import PACKERS, compress
from tests.store.made_runs import at_work, line, make_run

_LINES = [line("1", 1), line("1", 2), line("2", 1)]


def _record(path: Path, *, ended: bool = True, **counts: int) -> None:
    """Write down that the last attempt of a manifest has ended, or what it kept and collected."""
    record = json.loads(path.read_bytes())
    last: dict[str, Any] = record["attempts"][-1]
    last["ended_at"] = last["started_at"] if ended else None
    for name, count in counts.items():
        last[name] = {"data": count, "empty": 0}
    path.write_text(json.dumps(record))


def _log(path: Path, *events: dict[str, object]) -> None:
    path.write_text("".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events))


def _sample(done: int, at: str = "2026-11-23T02:00:11Z") -> dict[str, object]:
    return {"at": at, "level": "info", "event": "sample", "done": done}


def _remarks(run: Path, *lines: int) -> list[str]:
    return find_run(run).lost(lines)


def test_an_attempt_that_ended_has_counted_its_lines(tmp_path: Path) -> None:
    """What it kept, and what it collected."""
    run = make_run(tmp_path / "a", _LINES)
    _record(run / "run.json", kept=1, cells=2)
    assert _remarks(run, 3) == []
    assert _remarks(run, 2) == [
        (
            f"{run}: 1 line is gone: 3 cells had an answer, and 2 have a line now; collector run "
            "requests the others again"
        )
    ]
    assert _remarks(run, 1)[0].startswith(f"{run}: 2 lines are gone: 3 cells had an answer, and 1 ")


def test_nothing_is_missing_where_nothing_was_answered(tmp_path: Path) -> None:
    """Though the file is gone; the attempt has ended."""
    run = make_run(tmp_path / "a")
    _record(run / "run.json", kept=0, cells=0)
    (run / "statistics.jsonl").unlink()
    assert _remarks(run, 0) == []


def test_a_killed_attempt_without_its_file_is_told_of(tmp_path: Path) -> None:
    """It has counted nothing; its file may have had any number of lines."""
    run = make_run(tmp_path / "a")
    assert _remarks(run, 0) == []
    (run / "statistics.jsonl").unlink()
    with at_work(run):
        assert _remarks(run, 0) == []
    assert _remarks(run, 0) == [
        (
            f"{run}: statistics.jsonl is missing, and the attempt was killed: how many lines there "
            "were is not known; collector run requests what has no line"
        )
    ]


def test_what_a_killed_attempt_has_kept_is_known(tmp_path: Path) -> None:
    """It wrote it down as it began."""
    run = make_run(tmp_path / "a", _LINES)
    _record(run / "run.json", ended=False, kept=3)
    assert _remarks(run, 3) == []
    assert "1 line is gone" in _remarks(run, 2)[0]


@pytest.mark.parametrize("ending", ["", *PACKERS])
def test_the_log_of_a_killed_attempt_tells_what_it_had(tmp_path: Path, ending: str) -> None:
    """Up to its last sample, failed cells left out: a file that was emptied is found by that."""
    run = make_run(tmp_path / "a", _LINES)
    _log(run / "log.jsonl", _sample(2), _sample(4), {"event": "remark", "done": 9})
    (run / "errors.jsonl").write_bytes(b"{}\n")
    if ending:
        for name in ("log", "errors", "statistics"):
            compress(run / f"{name}.jsonl", ending)
    assert _remarks(run, 3) == []
    plain, way_out = run / "statistics.jsonl", ""
    if ending:
        way_out = (
            ", but from plain files only; what can be read of a damaged compressed one becomes "
            f"plain with: {salvage_command(plain.with_name(plain.name + ending))}"
        )
    assert _remarks(run, 0) == [
        (
            f"{run}: 3 lines are gone: 3 cells had an answer, and 0 have a line now; collector run "
            f"requests the others again{way_out}"
        )
    ]


def test_the_log_of_an_earlier_attempt_does_not_count(tmp_path: Path) -> None:
    """The errors that it counted are in another file by now, and its lines may be moved away."""
    run = make_run(tmp_path / "a", _LINES)
    _log(run / "log.jsonl", _sample(9, at="2026-11-23T02:00:00Z"))
    assert _remarks(run, 1) == []


@pytest.mark.parametrize("content", [b"", b"\0\0", b'{"event":"sample","done":"x"}\n', b"[1]\n"])
def test_a_log_that_tells_nothing_is_no_error(tmp_path: Path, content: bytes) -> None:
    """It may be damaged, or of another version."""
    run = make_run(tmp_path / "a", _LINES)
    (run / "log.jsonl").write_bytes(content)
    assert _remarks(run, 0) == []
    (run / "log.jsonl").unlink()
    (run / "log.jsonl").mkdir()
    assert _remarks(run, 0) == []


def test_each_shard_has_counted_its_own_lines(tmp_path: Path) -> None:
    """A shard that was killed has more than it has recorded; that hides no line of another."""
    run = make_run(tmp_path / "a", _LINES, shard=Shard(0, 2))
    make_run(run, _LINES[:1], shard=Shard(1, 2))
    _record(run / "run-00001-of-00002.json", cells=1)
    assert _remarks(run, 3, 1) == []
    assert "1 line is gone: 4 cells had an answer, and 3 have" in _remarks(run, 3, 0)[0]


def test_the_file_of_a_killed_shard_may_be_gone(tmp_path: Path) -> None:
    """It is named; of several the first."""
    run = make_run(tmp_path / "a", shard=Shard(0, 3))
    make_run(run, shard=Shard(1, 3))
    make_run(run, shard=Shard(2, 3))
    _record(run / "run-00000-of-00003.json", cells=0)
    (run / "statistics-00001-of-00003.jsonl").unlink()
    (one,) = _remarks(run, 0, 0, 0)
    assert one.startswith(f"{run}: statistics-00001-of-00003.jsonl is missing, and the attempt was")
    (run / "statistics-00002-of-00003.jsonl").unlink()
    (both,) = _remarks(run, 0, 0, 0)
    assert "statistics-00001-of-00003.jsonl and 1 more file are missing" in both


def test_other_divisions_may_have_what_a_shard_has_kept(tmp_path: Path) -> None:
    """Lines of a run without shards stay in its file when shards continue it."""
    run = make_run(tmp_path / "a", _LINES)
    _record(run / "run.json", cells=3)
    make_run(tmp_path / "a", _LINES[:1], shard=Shard(0, 2))
    _record(run / "run-00000-of-00002.json", kept=3, cells=1)
    assert _remarks(run, 3, 1) == []
    # What the shard itself has collected is in its own file.
    assert len(_remarks(run, 4, 0)) == 1
    assert len(_remarks(run, 2, 1)) == 1


def _began(path: Path, minute: int) -> None:
    record = json.loads(path.read_bytes())
    record["attempts"][-1]["started_at"] = f"2026-11-23T03:{minute:02}:00.000Z"
    path.write_text(json.dumps(record))


def test_what_a_later_division_has_collected_again_is_not_gone(tmp_path: Path) -> None:
    """A shard has lost lines; the run without shards has them now, and every line counts."""
    run = make_run(tmp_path / "a", _LINES)
    _record(run / "run.json", kept=1, cells=2)
    _began(run / "run.json", 30)
    make_run(tmp_path / "a", _LINES, shard=Shard(0, 2))
    _record(run / "run-00000-of-00002.json", cells=3)
    _began(run / "run-00000-of-00002.json", 20)
    assert _remarks(run, 2, 1) == []
    assert "1 line is gone: 3 cells" in _remarks(run, 2, 0)[0]
    # Also if it was killed, and its whole file is gone.
    _record(run / "run-00000-of-00002.json", ended=False)
    (run / "statistics-00000-of-00002.jsonl").unlink()
    assert _remarks(run, 3, 0) == []
    _record(run / "run-00000-of-00002.json")
    # One that began later has counted its own lines only.
    _began(run / "run-00000-of-00002.json", 40)
    assert "2 lines are gone" in _remarks(run, 2, 1)[0]


@pytest.mark.parametrize("shard", [Shard(), Shard(1, 2)])
def test_a_doubled_line_is_in_place_of_no_other(tmp_path: Path, shard: Shard) -> None:
    """Also in another file: the lines are as many as were recorded, and a cell has none."""
    run = make_run(tmp_path / "a", _LINES[:2])
    _record(run / "run.json", cells=3)
    path = run / f"statistics{shard.in_names}.jsonl"
    path.write_bytes((path.read_bytes() if path.exists() else b"") + _LINES[1])
    told = f"{run}: 1 line is gone: 3 cells had an answer, and 2 have a line now"
    assert read_coverage(run).remarks[-1].startswith(told)
    with scratch_database() as database:
        newest = NewestLines(database)
        newest.read(find_run(make_run(tmp_path / "b", _LINES)), Pile.NEW)
        assert [text.partition(";")[0] for text in newest.read(find_run(run), Pile.NEW)] == [told]
        assert newest.lacks_lines
