from collections.abc import Sequence
from pathlib import Path
from random import Random
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from collector.plan import Companies, Part, Plan, Shard, absent_in_turns
from collector.plan.cell_set import CellSet
from collector.store.comparison import Comparison, compare
from collector.store.newest import NewestLines, Pile
from collector.store.recorded_run import find_runs
from collector.store.scratch import scratch_database
from tests.store.damaged_runs import FORMS, LINES, Lines, sizes, write_run
from tests.store.made_runs import day, line, make_run


def _straightforward(database: Connection, old: Path, new: Path) -> Comparison:
    """Store every line, one run after the other."""
    old_run, new_run = find_runs([old, new])
    lines = NewestLines(database)
    remarks = [*lines.read(old_run, Pile.OLD), *lines.read(new_run, Pile.NEW)]
    return Comparison(old_run, new_run, lines, remarks)


def _all_of(compared: Comparison) -> tuple[Any, ...]:
    cells = compared.restated(), compared.only_new(), compared.gone()
    return (compared.totals, *map(list, cells), compared.remarks, compared.lacks_lines)


def _stored(database: Connection) -> int:
    """Count the lines in the database, all of which are written when cells are iterated."""
    return sum(
        len(msgspec.msgpack.decode(lines))
        for (lines,) in database.execute("SELECT lines FROM lines")
    )


_DAYS = st.sampled_from([(1, 4), (2, 4), (1, 3)])


_runs = st.tuples(LINES, st.sampled_from(FORMS), _DAYS, st.randoms(use_true_random=False))
_Run = tuple[Lines, str, tuple[int, int], Random]


@settings(deadline=None)
@given(_runs, _runs, st.integers(0, 12), st.integers(100, 1500), st.integers(0, 3000))
def test_the_answers_are_those_of_storing_every_line(
    old: _Run, new: _Run, taken_over: int, block: int, waiting: int
) -> None:
    """Totals, cells, remarks, and whether lines are lacking; whatever has become of the runs."""
    lines, form, days, chance = new
    lines = [*old[0][:taken_over], *lines[taken_over:]]
    with TemporaryDirectory() as name, sizes(block=block, waiting=waiting):
        runs = (
            write_run(Path(name) / "old", *old),
            write_run(Path(name) / "new", lines, form, days, chance),
        )
        with scratch_database() as database:
            expected = _all_of(_straightforward(database, *runs))
            rows = _stored(database)
        with scratch_database() as database:
            assert _all_of(compare(database, *runs)) == expected
            event(f"some were left out: {_stored(database) < rows}")


def _answers(plan: Plan) -> list[bytes]:
    """Give the lines of a run in the order in which it requests its cells."""
    cells = absent_in_turns(CellSet(len(plan)), Part(plan, Shard()))
    first = day(1).from_date
    assert first is not None
    return [
        line(cell.company_id, (cell.window.from_date or first).toordinal() - first.toordinal() + 1)
        for cell in cells
    ]


def _plan(ids: Sequence[int], days: range) -> Plan:
    return Plan(Companies(tuple(map(str, ids))), [day(number) for number in days])


def test_runs_stay_in_step(tmp_path: Path) -> None:
    """Though one has other days and new companies, and lacks some lines."""
    before = [company for company in range(1000, 3000) if company % 100]
    old, new = _plan(before, range(1, 6)), _plan(range(1000, 3000), range(2, 7))
    lines = _answers(old), [made for place, made in enumerate(_answers(new)) if place % 50]
    runs = [
        make_run(tmp_path / name, made) for name, made in zip(("old", "new"), lines, strict=True)
    ]
    with scratch_database() as database, sizes(block=10_000, waiting=200_000):
        totals = compare(database, *runs).totals
        assert totals.both == len(set(lines[0]) & set(lines[1])) > 7000
        assert _stored(database) - totals.new - totals.gone < 0.1 * 2 * totals.both


def test_equal_cells_are_not_stored(tmp_path: Path) -> None:
    """Only what differs, is new or is gone takes room on the disk."""
    old = [line("1", 1), line("1", 2), line("1", 3), line("2", 1)]
    new = [line("1", 3, 9), line("1", 2, 9, total=1), line("1", 1, 9), line("é", 1)]
    runs = make_run(tmp_path / "old", old), make_run(tmp_path / "new", new)
    with scratch_database() as database:
        totals = compare(database, *runs).totals
        assert (totals.both, totals.restated, totals.new, totals.gone) == (3, 1, 1, 1)
        assert _stored(database) == 4


@pytest.mark.parametrize("waiting", [0, 10**6])
def test_a_later_line_of_an_equal_cell_counts(tmp_path: Path, waiting: int) -> None:
    """Wherever it stands: then all lines are stored."""
    old = [line("1", 1), line("1", 2), line("1", 3)]
    new = [line("1", 1), line("1", 2), line("1", 3), line("1", 1, 5, total=7)]
    runs = make_run(tmp_path / "old", old), make_run(tmp_path / "new", new)
    with scratch_database() as database, sizes(block=200, waiting=waiting):
        (restated,) = compare(database, *runs).restated()
        assert restated.new.statistics.total == 7
        assert _stored(database) == 7


def test_an_older_line_of_a_cell_that_waits_does_not(tmp_path: Path) -> None:
    """The line that waits is the newer one, and differs from that of the other run."""
    old = [line("1", 1), line("1", 2)]
    new = [line("1", 1, total=3), line("1", 2), line("1", 1, -5)]
    runs = make_run(tmp_path / "old", old), make_run(tmp_path / "new", new)
    with scratch_database() as database, sizes(block=200, waiting=10**6):
        (restated,) = compare(database, *runs).restated()
        assert restated.new.statistics.total == 3
