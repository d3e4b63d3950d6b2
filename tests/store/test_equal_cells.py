from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from collector.plan import Companies, Part, Plan, Shard, absent_in_turns
from collector.plan.cell_set import CellSet
from collector.store import newest, repair
from collector.store.comparison import Comparison, compare
from collector.store.newest import NewestLines, Pile
from collector.store.recorded_run import find_runs
from collector.store.scratch import scratch_database
from tests.store.compressed import PACKERS, compress, cut
from tests.store.made_runs import day, line, make_run
from tests.store.split_runs import IDS, split_run, strewn_run

_Damage = Callable[[bytes], bytes]

_DAMAGES: dict[str, _Damage] = {
    "none": lambda made: made,
    "cut": lambda made: made[:-9],
    "changed": lambda made: made.replace(b"total", b"t\x00tal"),
    "torn": lambda made: made[:20] + b"\n" + made[20:],
    "gone": lambda _: b"",
    "doubled": lambda made: made + made,
    "doubled and changed": lambda made: made + made.replace(b'"total": ', b'"total": 4'),
    "spelled otherwise": lambda made: made.replace(b'"attempts":1,', b' "attempts": 2, '),
    "older again at the end": lambda made: made,
    "statistics first": lambda made: b'{"new":{},' + made[1:],
}


def _older(made: bytes) -> bytes:
    """Give another answer of its cell, of an hour before."""
    return made.replace(b"T02:", b"T01:").replace(b'"total": ', b'"total": 5')


_lines = st.lists(
    st.builds(
        lambda company, number, at, total, damage: (
            line(company, number, at, total=total),
            damage,
        ),
        st.sampled_from(IDS),
        st.integers(1, 4),
        st.integers(0, 2),
        st.integers(0, 1),
        st.sampled_from(["none"] * 20 + list(_DAMAGES)),
    ),
    # Most runs have no cell twice, as it is with those of the collector.
    unique_by=lambda made: made[0][:75],
    max_size=12,
)
_Lines = list[tuple[bytes, str]]


def _write(path: Path, made: _Lines, form: str, days: tuple[int, int], chance: Random) -> Path:
    """Make a run whose files are damaged after they were written."""
    lines = [one for one, _ in made]
    if form == "shards":
        split_run(path, lines, 2, days=days)
    elif form == "strewn":
        strewn_run(path, lines, chance)
    else:
        make_run(path, lines, companies=IDS, days=days)
    damages = dict(made)
    for file in path.glob("statistics*.jsonl"):
        own = file.read_bytes().splitlines(keepends=True)
        damaged = [_DAMAGES[damages[one]](one) for one in own]
        damaged += [_older(one) for one in own if damages[one] == "older again at the end"]
        file.write_bytes(b"".join(damaged))
        if (ending := f".{form.removeprefix('cut ')}") in PACKERS:
            packed = compress(file, ending)
            if form.startswith("cut "):
                cut(packed)
    return path


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
    ((count,),) = database.execute("SELECT count(*) FROM lines")
    return int(count)


@contextmanager
def _sizes(*, block: int, waiting: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repair, "_READ_AT_ONCE", block)
        patch.setattr(newest, "_AT_ONCE", waiting)
        yield


_FORMS = ["plain", "shards", "strewn", "gz", "zst", "cut gz", "cut zst"]
_DAYS = st.sampled_from([(1, 4), (2, 4), (1, 3)])


_runs = st.tuples(_lines, st.sampled_from(_FORMS), _DAYS, st.randoms(use_true_random=False))
_Run = tuple[_Lines, str, tuple[int, int], Random]


@settings(deadline=None)
@given(_runs, _runs, st.integers(0, 12), st.integers(100, 1500), st.integers(0, 3000))
def test_the_answers_are_those_of_storing_every_line(
    old: _Run, new: _Run, taken_over: int, block: int, waiting: int
) -> None:
    """Totals, cells, remarks, and whether lines are lacking; whatever has become of the runs."""
    lines, form, days, chance = new
    lines = [*old[0][:taken_over], *lines[taken_over:]]
    with TemporaryDirectory() as name, _sizes(block=block, waiting=waiting):
        runs = (
            _write(Path(name) / "old", *old),
            _write(Path(name) / "new", lines, form, days, chance),
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
    with scratch_database() as database, _sizes(block=10_000, waiting=200_000):
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
    with scratch_database() as database, _sizes(block=200, waiting=waiting):
        (restated,) = compare(database, *runs).restated()
        assert restated.new.statistics.total == 7
        assert _stored(database) == 6


def test_an_older_line_of_a_cell_that_waits_does_not(tmp_path: Path) -> None:
    """The line that waits is the newer one, and differs from that of the other run."""
    old = [line("1", 1), line("1", 2)]
    new = [line("1", 1, total=3), line("1", 2), line("1", 1, -5)]
    runs = make_run(tmp_path / "old", old), make_run(tmp_path / "new", new)
    with scratch_database() as database, _sizes(block=200, waiting=10**6):
        (restated,) = compare(database, *runs).restated()
        assert restated.new.statistics.total == 3
