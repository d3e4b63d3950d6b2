"""Readers of a run find the same in the files of its shards as in a single one."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.plan import Shard
from collector.store.comparison import compare
from collector.store.coverage import Coverage, read_coverage
from collector.store.files import PartFiles, next_errors
from collector.store.lost import was_begun
from collector.store.manifest import Manifest
from collector.store.newest import NewestLines, Pile
from collector.store.recorded_run import find_run
from collector.store.run_directory import RunDirectory
from collector.store.scratch import scratch_database
from collector.store.shard_lock import lock_for
from tests.store.made_runs import line, make_run
from tests.store.on_disk import errors_of
from tests.store.split_runs import LINES, owner, split_run, strewn_run

_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
_DAMAGE = b'{"company_id":"1"\n'
_LINES = [line(company, day, total=day) for company in ("1", "2") for day in (1, 2, 3, 4)]


def _facts(coverage: Coverage) -> Any:  # noqa: ANN401 - compared as a whole
    return (
        coverage.counts(),
        coverage.failed_by_kind(),
        list(coverage.gaps()),
        coverage.incomplete_companies(),
        coverage.empty_everywhere,
        coverage.same_everywhere,
        coverage.is_intact,
    )


def _newest(run: Path) -> tuple[list[bytes], list[str]]:
    with scratch_database() as database:
        lines = NewestLines(database)
        remarks = lines.read(find_run(run), Pile.NEW)
        return list(lines.lines()), remarks


def _error(company: str, number: int, kind: str) -> bytes:
    day = f"2026-11-{number:02}"
    fields = {"company_id": company, "from_date": day, "until_date": day, "attempts": 5}
    more = {"failed_at": "2026-11-23T02:00:01.234Z", "kind": kind, "status": None, "message": ""}
    return json.dumps({**fields, **more, "body": None}).encode() + b"\n"


@given(LINES, st.integers(2, 5))
@settings(max_examples=25, deadline=None, suppress_health_check=_CHECKS)
def test_the_newest_lines_are_those_of_one_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], total: int
) -> None:
    """Byte for byte, and in the same order."""
    root = tmp_path_factory.mktemp("runs")
    one = make_run(root / "one", lines)
    many = split_run(root / "many", lines, total)
    strewn = strewn_run(root / "strewn", lines, random.Random(total))  # noqa: S311 - no secret
    assert _newest(many) == _newest(strewn) == _newest(one)


@given(LINES, st.integers(2, 5))
@settings(max_examples=25, deadline=None, suppress_health_check=_CHECKS)
def test_coverage_is_that_of_one_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], total: int
) -> None:
    """States, gaps and doubts; lines of one cell come in the order of time in each."""
    root = tmp_path_factory.mktemp("runs")
    one = read_coverage(make_run(root / "one", lines))
    many = read_coverage(split_run(root / "many", lines, total))
    assert _facts(many) == _facts(one)
    assert [text.partition(";")[0] for text in many.remarks] == [
        text.partition(";")[0] for text in one.remarks
    ]


@given(LINES, LINES, st.integers(2, 4))
@settings(max_examples=20, deadline=None, suppress_health_check=_CHECKS)
def test_a_comparison_is_that_of_one_file(
    tmp_path_factory: pytest.TempPathFactory, old: list[bytes], new: list[bytes], total: int
) -> None:
    """Whichever of the two runs has shards."""
    root = tmp_path_factory.mktemp("runs")
    olds = make_run(root / "old", old), split_run(root / "olds", old, total)
    news = make_run(root / "new", new), split_run(root / "news", new, total)
    told = []
    for first in olds:
        for second in news:
            with scratch_database() as database:
                comparison = compare(database, first, second)
                cells = list(comparison.restated()), list(comparison.only_new())
                told.append((comparison.totals, cells, list(comparison.gone())))
    assert told == [told[0]] * 4


def test_nothing_differs_between_a_run_and_its_shards(tmp_path: Path) -> None:
    """The same lines, dealt out."""
    one, many = make_run(tmp_path / "one", _LINES), split_run(tmp_path / "many", _LINES, 3)
    with scratch_database() as database:
        totals = compare(database, one, many).totals
        assert (totals.both, totals.unchanged, totals.new, totals.gone) == (8, 8, 0, 0)


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    """What is whole in it and in the others is read."""
    run = split_run(tmp_path / "run", _LINES, 2)
    files = PartFiles(run, Shard(1, 2))
    with files.statistics.open("ab") as stream:
        stream.write(_DAMAGE)
    files.errors.write_bytes(_DAMAGE * 2)
    size = len(_DAMAGE)
    found, remarks = _newest(run)
    assert sorted(found) == sorted(_LINES)
    assert remarks == [f"{files.statistics}: {size} bytes are damaged, and were left out"]
    coverage = read_coverage(run)
    assert coverage.counts()[CellState.DATA] == 8
    assert coverage.remarks == [
        f"statistics-00001-of-00002.jsonl: {size} bytes are damaged",
        f"errors-00001-of-00002.jsonl: {2 * size} bytes are damaged",
    ]


def test_while_a_shard_works_a_torn_line_is_no_damage(tmp_path: Path) -> None:
    """And who works on it is said."""
    run = split_run(tmp_path / "run", _LINES, 2)
    files = PartFiles(run, Shard(1, 2))
    with files.statistics.open("ab") as stream:
        stream.write(_LINES[0][:-9])
    lock, _ = lock_for(files)
    try:
        coverage = read_coverage(run)
        assert (coverage.held_by or "").startswith("process ")
        assert coverage.remarks == []
        assert _newest(run)[1] == []
    finally:
        lock.release()
    assert read_coverage(run).held_by is None
    assert read_coverage(run).remarks != []


def test_a_cell_that_failed_in_one_part_may_be_answered_in_another(tmp_path: Path) -> None:
    """By a run without shards, say; and the last failure of a cell counts."""
    run = split_run(tmp_path / "run", _LINES[:2], 2)
    for number in range(2):
        files = PartFiles(run, Shard(number, 2))
        files.errors.write_bytes(_error("1", 1, "http") + _error("2", 4, "timeout"))
        next_errors(errors_of(files)).write_bytes(_error("2", 4, "http"))
    coverage = read_coverage(run)
    counts = coverage.counts()
    assert (counts[CellState.DATA], counts[CellState.FAILED]) == (2, 1)
    assert {kind.value: n for kind, n in coverage.failed_by_kind().items()} == {"timeout": 1}
    make_again = PartFiles(run).statistics
    make_again.write_bytes(line("2", 4, total=4))
    assert read_coverage(run).failed_by_kind() == {}


def test_what_failed_in_shards_stays_told_when_another_attempt_begins(tmp_path: Path) -> None:
    """Even if killed right after: its own file of errors is empty, and the cell is still failed."""
    run = split_run(tmp_path / "run", _LINES[:2], 2)
    shard = PartFiles(run, owner(line("2", 4), 2))
    shard.errors.write_bytes(_error("2", 4, "timeout"))
    manifest = Manifest.read(shard.manifest)
    assert manifest is not None
    with RunDirectory.open(PartFiles(run)) as directory:
        directory.begin(find_run(run).plan().plan.companies, manifest)
    assert not shard.errors.exists()
    assert PartFiles(run).errors.read_bytes() == b""
    assert {kind.value: n for kind, n in read_coverage(run).failed_by_kind().items()} == {
        "timeout": 1
    }
    with PartFiles(run).statistics.open("ab") as statistics:
        statistics.write(line("2", 4, total=4))
    assert read_coverage(run).failed_by_kind() == {}


def test_a_part_without_a_manifest_is_read_beside_others(tmp_path: Path) -> None:
    """The lines are there, and another shard's manifest says what they are of."""
    run = split_run(tmp_path / "run", _LINES, 2)
    PartFiles(run, Shard(0, 2)).manifest.unlink()
    assert sorted(_newest(run)[0]) == sorted(_LINES)
    assert [files.shard for files in find_run(run).parts] == [Shard(0, 2), Shard(1, 2)]
    PartFiles(run, Shard(1, 2)).manifest.unlink()
    with pytest.raises(InputError, match=r"there is no run\.json in it"):
        find_run(run)


def test_a_damaged_manifest_of_a_part_is_named(tmp_path: Path) -> None:
    """The shard that made it repairs it."""
    run = split_run(tmp_path / "run", _LINES, 2)
    PartFiles(run, Shard(1, 2)).manifest.write_bytes(b"{")
    with pytest.raises(InputError, match=r"run-00001-of-00002\.json: is damaged"):
        find_run(run)


def test_shards_are_one_run(tmp_path: Path) -> None:
    """It has one story, one plan, and one identity; parts that wrote nothing are none of it."""
    run = split_run(tmp_path / "run", _LINES, 3)
    PartFiles(run, Shard(4, 5)).lock.touch()
    found = find_run(run)
    assert [files.shard for files in found.parts] == [Shard(n, 3) for n in range(3)]
    assert len(found.manifest.attempts) == 1
    assert found.manifest.plan.cells == 12
    assert [path.name for path in found.statistics()] == [
        f"statistics-{n:05}-of-00003.jsonl" for n in range(3)
    ]
    assert [path.name for path in found.logs()] == [f"log-{n:05}-of-00003.jsonl" for n in range(3)]


def test_locks_alone_are_no_run(tmp_path: Path) -> None:
    """Shards that were killed before their first cell leave that."""
    lock_for(PartFiles(tmp_path, Shard(0, 2)))[0].release()
    assert not was_begun(tmp_path)
    PartFiles(tmp_path, Shard(1, 2)).manifest.touch()
    assert was_begun(tmp_path)
