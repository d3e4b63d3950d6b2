"""Lines on disk, compared with what was counted."""

from pathlib import Path
from typing import Any

import pytest

from collector.core.cell import Cell, CellState
from collector.core.outcome import Failure, FailureKind
from collector.plan import CellSet, Companies, Part, Plan, Shard
from collector.store.files import PartFiles
from collector.store.lines import error_line
from collector.store.recount import recount, vanished
from tests.store.made_runs import AT, day, line

_PLAN = Plan(Companies(("1", "2", "3")), (day(1), day(2)))


def _failed(company: str, number: int) -> bytes:
    failure = Failure(FailureKind.TIMEOUT, None, "slow", None, AT, requests=1)
    return error_line(Cell(company, day(number)), failure, 1)


def _before(*indexes: int) -> bytes:
    cells = CellSet(len(_PLAN))
    for index in indexes:
        cells.add(index)
    return cells.packed()


def test_cells_are_counted_by_their_lines(tmp_path: Path) -> None:
    """Once each, those from before apart; torn, unplanned and foreign lines do not count."""
    files = PartFiles(tmp_path)
    other = PartFiles(tmp_path, Shard(1, 2))
    lines = [line("1", 1, total=1), line("1", 2), line("1", 1), line("9", 1), line("2", 1)[:-9]]
    files.statistics.write_bytes(b"".join(lines))
    other.statistics.write_bytes(line("3", 2, total=2))
    errors = [_failed("2", 1), _failed("1", 1), _failed("2", 1), _failed("9", 1), b"{}\n"]
    files.errors.write_bytes(b"".join(errors))
    found = recount(files, Part(_PLAN), _before(0, 3))
    assert found.kept == {CellState.DATA: 1}
    assert found.cells == {CellState.DATA: 1, CellState.EMPTY: 1, CellState.FAILED: 1}
    assert found.failure_kinds == {FailureKind.TIMEOUT: 1}


def test_a_shard_counts_its_own_cells(tmp_path: Path) -> None:
    """Whatever else is in the files."""
    lines = [line(company, number) for company in "123" for number in (1, 2)]
    counts = []
    for number in range(2):
        files = PartFiles(tmp_path, Shard(number, 2))
        files.statistics.write_bytes(b"".join(lines))
        files.errors.write_bytes(b"")
        part = Part(_PLAN, files.shard)
        found = recount(files, part, _before())
        assert found.cells.total() == len(part)
        counts.append(found.cells.total())
        files.statistics.unlink()
    assert sum(counts) == len(_PLAN)


def test_no_files_have_no_lines(tmp_path: Path) -> None:
    """Neither has a directory that is gone."""
    for directory in (tmp_path, tmp_path / "gone"):
        assert recount(PartFiles(directory), Part(_PLAN), _before(1)) == ({}, {}, {})


_LAST: dict[str, Any] = {"kept": {"data": 2, "empty": 1}, "cells": {"data": 3, "failed": 9}}


@pytest.mark.parametrize(
    ("attempts", "kept", "is_told"),
    [
        ([_LAST], 5, True),
        ([_LAST], 6, False),
        ([_LAST], 7, False),
        ([_LAST, {"kept": {"data": 4, "empty": 0}}], 4, False),
        ([_LAST, {"kept": {"data": 4, "empty": 0}}], 3, True),
        ([{"kept": None, "cells": {"planned": 10}}], 0, False),
        ([{"kept": {"data": "2", "empty": None}, "cells": [1]}], 0, False),
        ([{}], 0, False),
        ([], 0, False),
    ],
)
def test_lines_that_vanished_are_told(
    attempts: list[dict[str, Any]], kept: int, *, is_told: bool
) -> None:
    """By what the last attempt has recorded, at its end or, if it was killed, at its start."""
    text = vanished(attempts, kept)
    assert (text is not None) == is_told
    if text is not None:
        assert f"and {kept} have a line now" in text
