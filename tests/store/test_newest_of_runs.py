from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from collector.store import rows
from collector.store.lines import parse_result
from collector.store.newest import newest_lines, overlapping
from collector.store.recorded_run import find_runs
from collector.store.repair import damaged_spans, left_out
from tests.store.damaged_runs import FORMS, LINES, Lines, sizes, write_run
from tests.store.made_runs import line, make_run

_Key = tuple[bytes, str, str]


def _plainly(runs: Sequence[Path]) -> tuple[list[bytes], list[str]]:
    """Return the newest line of each cell, and what is said of lines that are left out."""
    newest: dict[_Key, tuple[datetime, bytes]] = {}
    remarks = []

    def take(line: bytes) -> bool:
        if (result := parse_result(line)) is None:
            return False
        company, days = result.company_id.encode(), (result.from_date, result.until_date)
        key = (company, days[0] or "", days[1] or "")
        if key not in newest or result.fetched_at >= newest[key][0]:
            newest[key] = result.fetched_at, line
        return True

    for run in find_runs(runs):
        damages = [(path, damaged_spans(path, take)) for path in run.statistics()]
        remarks += [text for path, damage in damages for text in left_out(path, damage)]
    return [newest[key][1] for key in sorted(newest)], remarks


_run = st.tuples(LINES, st.sampled_from(FORMS), st.sampled_from([(1, 4), (2, 4), (1, 2)]))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(_run, min_size=1, max_size=4),
    st.integers(0, 1),
    st.integers(100, 1500),
    st.integers(0, 3000),
    st.randoms(use_true_random=False),
)
def test_the_newest_are_those_of_all_lines_in_turn(
    made: list[tuple[Lines, str, tuple[int, int]]],
    later: int,
    block: int,
    waiting: int,
    chance: Random,
) -> None:
    """Whatever has become of the runs, of which some are fetched at the same time."""
    with TemporaryDirectory() as name, sizes(block=block, waiting=waiting):
        runs = [
            write_run(Path(name) / str(night), _later(lines, night * later), form, days, chance)
            for night, (lines, form, days) in enumerate(made)
        ]
        told: list[str] = []
        with newest_lines(runs, told.append) as newest:
            assert overlapping(newest.windows()) is None
            expected, remarks = _plainly(runs)
            assert list(newest.lines()) == expected
        assert [text for text in told if "older run" not in text] == remarks
        assert newest.lacks_lines == any("damaged" in remark for remark in remarks)
        event(f"some are left out: {bool(remarks)}")


def _later(lines: Lines, tens: int) -> Lines:
    """Give the lines of a night that begins so many times 10 seconds later."""
    return [(line.replace(b"02:00:0", b"02:00:%d" % tens), damage) for line, damage in lines]


def test_windows_are_not_gone_through_for_each_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where new ones have come: with many windows that would be quadratic."""
    listed = 0

    def iterate(windows: dict[object, int]) -> Iterator[object]:
        nonlocal listed
        listed += 1
        return dict.__iter__(windows)

    ids = [str(company) for company in range(100, 140)]
    lines = [line(company, number) for company in ids for number in range(1, 5)]
    old = make_run(tmp_path / "old", lines, companies=ids)
    new = make_run(tmp_path / "new", lines[:1], companies=ids)
    told: list[str] = []
    monkeypatch.setattr(type(rows.Cells().windows), "__iter__", iterate, raising=False)
    with sizes(block=100, waiting=10**6), newest_lines([old, new], told.append) as newest:
        assert listed < 10
        assert len(list(newest.lines())) == len(lines)
    assert told[0].startswith(f"{len(lines) - 1} cells are from an older run")
