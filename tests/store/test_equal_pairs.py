"""Two runs that are read in step, compared with two that are read one after the other."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.store import equal_pairs
from collector.store.comparison import Comparison
from collector.store.newest import NewestLines, Pile
from collector.store.recorded_run import RecordedRun, find_runs
from collector.store.row_reader import Row, RowReader
from collector.store.scratch import scratch_database
from tests.store.made_runs import AT, line, make_run

_DAY: float = timedelta(days=1).total_seconds()

_companies = st.sampled_from(["1", "2", "3", "é", "9"])
_days = st.sampled_from([None, 1, 2, 3, 7])

_moments = st.sampled_from([0.0, 1.0, -0.5, 6 * _DAY, 8 * _DAY])
_cells = st.tuples(_companies, _days, _moments, st.integers(0, 1))
_forms = st.sampled_from(
    [
        lambda text: text,
        lambda text: text,
        lambda text: text,
        lambda text: text.replace(b'"company_id":"', b'"company_id":"\\u003'),
        lambda text: text.replace(b'":"', b'": "', 1),
        lambda text: text.replace(b"2026-11-23T", b"2026-02-30T").replace(b"2026-12", b"2026-13"),
        lambda text: text.replace(b'"attempts":1', b'"attempts":01'),
        lambda text: text.replace(b'"total":', b'"total":-'),
        lambda text: text[:-9],
        lambda _: b"\xff\n",
    ]
)
_runs = st.lists(st.tuples(_cells, _forms), max_size=12).map(
    lambda drawn: [form(line(a, b, c, total=d)) for (a, b, c, d), form in drawn]
)


def _found(
    lines: NewestLines, old: RecordedRun, new: RecordedRun, remarks: object
) -> dict[str, Any]:
    comparison = Comparison(old, new, lines, [])
    return {
        "remarks": remarks,
        "lacks": lines.lacks_lines,
        "totals": comparison.totals,
        "restated": list(comparison.restated()),
        "new": list(comparison.only_new()),
        "gone": list(comparison.gone()),
    }


def _compared(runs: Sequence[RecordedRun], *, is_in_step: bool) -> dict[str, Any]:
    old, new = runs
    with scratch_database() as database:
        lines = NewestLines(database)
        if is_in_step:
            remarks = lines.read_both(old, new)
        else:
            remarks = lines.read(old, Pile.OLD), lines.read(new, Pile.NEW)
        return _found(lines, old, new, remarks)


_GOOD = line("1", 1)
_NO_DAY = _GOOD.replace(b"2026-11-23T", b"2026-02-30T")
_NO_NUMBER = _GOOD.replace(b'"attempts":1', b'"attempts":01')
_TWICE = [line("1", 1), line("1", 1, 1, total=1)]


@settings(deadline=None)
@given(_runs, _runs, st.sampled_from(["same", "drawn"]), st.sampled_from([0, 700, 10_000]))
@example([line("1", 1)], [line("1", 1, 1), line("1", 1, 2, total=1)], "drawn", 10_000)
@example([line("1", 1), line("1", 1, 2, total=1)], [line("1", 1, 1)], "drawn", 10_000)
@example([_GOOD], [_NO_DAY], "drawn", 10_000)
@example([_GOOD], [_NO_NUMBER], "drawn", 10_000)
@example(_TWICE, _TWICE, "drawn", 10_000)
@example(_TWICE, _TWICE, "drawn", 0)
def test_what_is_found_is_the_same(
    old: list[bytes], new: list[bytes], order: str, waiting: int
) -> None:
    """Whatever the lines are, in whatever order, however few may wait."""
    if order == "same":
        # As two nights of the same plan: nearly all cells are equal.
        new = [each.replace(AT.strftime("T%H:").encode(), b"T05:") for each in old] + new[:1]
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(equal_pairs, "AT_ONCE", waiting)
        patch.setattr(equal_pairs, "_IN_TURN", 2)
        made = make_run(Path(name) / "old", old), make_run(Path(name) / "new", new)
        runs = find_runs(made)
        assert _compared(runs, is_in_step=True) == _compared(runs, is_in_step=False)


def test_equal_cells_are_not_decoded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line of each pair is; the cells that differ are decoded in both runs."""
    decoded: list[bytes] = []
    row = RowReader.row

    def decode(reader: RowReader, one: bytes) -> Row | None:
        decoded.append(one)
        return row(reader, one)

    monkeypatch.setattr(RowReader, "row", decode)
    old = [line("1", day, total=day) for day in (1, 2, 3)]
    new = [line("1", day, 8 * _DAY, total=max(day, 2)) for day in (3, 2, 1)]
    runs = find_runs([make_run(tmp_path / "old", old), make_run(tmp_path / "new", new)])
    found = _compared(runs, is_in_step=True)
    assert (found["totals"].unchanged, found["totals"].restated) == (2, 1)
    assert len(decoded) == 4
