import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.core.outcome import Counters
from collector.plan import Companies, DateRange
from collector.settings import RunSettings
from collector.store.answered_days import AnsweredDays
from collector.store.changes import changes_between, fingerprint
from collector.store.comparison import compare
from collector.store.nights import Night, Nights, read_nights
from collector.store.recorded_run import find_run
from collector.store.scratch import scratch_database
from tests.counted_calls import calls_of
from tests.store.made_runs import FIRST, day, line, make_run

_COMPANIES = ("1", "2", "é")


def _make(
    root: Path, number: int, lines: list[bytes], days: tuple[int, int], **more: object
) -> Path:
    """Make the run of a night, `number` nights after the first."""
    run = make_run(root / f"night-{number}", lines, days=days, **more)  # type: ignore[arg-type]
    manifest = json.loads((run / "run.json").read_text())
    manifest["attempts"][0]["started_at"] = f"2026-11-{number:02}T02:00:00.000Z"
    (run / "run.json").write_text(json.dumps(manifest))
    return run


def _full(number: int, days: tuple[int, int], total: int = 1) -> list[bytes]:
    """Give an answer for each company and day, fetched in a night."""
    at = 86_400 * number
    return [
        line(company, each, at, total=total)
        for company in _COMPANIES
        for each in range(days[0], days[1] + 1)
    ]


_LATER = datetime(2026, 12, 31, tzinfo=UTC)


def _read(*runs: Path, now: datetime = _LATER) -> Nights:
    return read_nights([find_run(run) for run in runs], now)


def _days(nights: Nights) -> list[tuple[str, int, int]]:
    """Give the gaps: company, day of the month, days."""
    return [(gap.company_id, gap.days.from_date.day, gap.days.days) for gap in nights.gaps()]


def test_a_week_without_a_run_is_a_gap_of_each_company(tmp_path: Path) -> None:
    """And of no night: none has planned these days."""
    before = _make(tmp_path, 3, _full(3, (1, 2)), (1, 2))
    after = _make(tmp_path, 11, _full(11, (10, 10)), (10, 10))
    nights = _read(after, before)
    assert [night.run.directory for night in nights.nights] == [before, after]
    assert nights.days == DateRange(FIRST, FIRST + timedelta(9))
    assert _days(nights) == [(company, 3, 7) for company in _COMPANIES]
    assert nights.gap_days() == 21
    assert [nights.gap_days(night) for night in nights.nights] == [0, 0]


def _with_gaps(gaps: Sequence[int]) -> Nights:
    """Give what nights leave open; `gaps` are the companies without an answer, for each day."""
    answered = AnsweredDays([str(number) for number in range(8)], ZoneInfo("UTC"))
    days = DateRange(FIRST, FIRST + timedelta(len(gaps) - 1))
    for number, missing in enumerate(gaps):
        one = FIRST + timedelta(number)
        for place in range(missing, 8):
            answered.cover(place, DateRange(one, one))
    return Nights([], Companies(()), 0, days, list(answered.uncovered(days)))


def _night(first: int, last: int) -> Night:
    begin = FIRST + timedelta(first - 1)
    return Night(None, DateRange(begin, FIRST + timedelta(last - 1)), {}, 0, (), is_intact=True)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 8), min_size=1, max_size=20), st.data())
def test_the_gaps_of_a_night_are_those_of_its_days(missing: list[int], data: st.DataObject) -> None:
    """The sum over its days, whatever gaps are before and after them."""
    first = data.draw(st.integers(1, 20))
    last = data.draw(st.integers(first, 25))
    nights = _with_gaps(missing)
    assert nights.gap_days(_night(first, last)) == sum(missing[first - 1 : last])
    assert nights.gap_days() == sum(missing)


def test_gaps_on_other_days_take_no_time() -> None:
    """Each night of hundreds has few of their days."""

    def work(days: int) -> int:
        nights = _with_gaps([1, 2] * (days // 2))
        return calls_of(lambda: nights.gap_days(_night(3, 7)))

    assert work(2000) < work(20) + 50


def test_a_failed_cell_is_a_gap_until_any_run_has_its_answer(tmp_path: Path) -> None:
    """The days of a company count: only those without an answer are left."""
    lines = [each for each in _full(3, (1, 2)) if each != line("2", 2, 3 * 86_400, total=1)]
    before = _make(tmp_path, 3, lines, (1, 2))
    failing = _make(tmp_path, 4, _full(4, (3, 3))[:1], (2, 3))
    nights = _read(before, failing)
    assert _days(nights) == [("2", 2, 2), ("é", 3, 1)]
    assert [nights.gap_days(night) for night in nights.nights] == [1, 3]
    counts = nights.nights[1].counts
    assert (counts[CellState.DATA], counts[CellState.MISSING]) == (1, 5)
    later = _make(tmp_path, 5, [line("2", 2, 0, total=1), line("2", 3, 0)], (2, 3))
    assert _days(_read(before, failing, later)) == [("é", 3, 1)]


def test_the_days_of_a_company_begin_with_its_first(tmp_path: Path) -> None:
    """One that has come needs no day before it; one that has left needs none after its last."""
    before = _make(tmp_path, 3, [line("1", 1), line("2", 1)], (1, 1), companies=("1", "2", "gone"))
    after = _make(tmp_path, 4, [line("1", 2), line("new", 2)], (2, 2), companies=("1", "new"))
    nights = _read(before, after)
    assert _days(nights) == [("gone", 1, 1)]
    assert (nights.companies.ids, nights.left) == (("1", "new", "2", "gone"), 2)
    # The newest run expects its companies until the last day of all runs.
    short = _make(tmp_path, 5, [line("new", 1)], (1, 1), companies=("new", "2"))
    assert _days(_read(before, after, short)) == [("2", 2, 1), ("gone", 1, 1)]


def test_first_days_of_its_own_are_those_of_a_company(tmp_path: Path) -> None:
    """A company that begins later than the others of a run lacks nothing before that."""
    lines = [line("1", 1), line("1", 2), line("2", 2)]
    run = _make(tmp_path, 3, lines, (1, 2), companies=("1", "2"), firsts=(0, 1))
    assert _read(run).gap_days() == 0
    other = _make(tmp_path, 4, [], (1, 1), companies=("1", "2"))
    assert _days(_read(run, other)) == [("2", 1, 1)]


def test_a_small_newest_run_hides_no_gap(tmp_path: Path) -> None:
    """The companies that it does not have keep the days between their first and last."""
    one = _make(tmp_path, 3, _full(3, (1, 2)), (1, 2))
    two = _make(tmp_path, 9, _full(9, (6, 6)), (6, 6))
    lines = [line("é", each) for each in range(1, 9)]
    small = _make(tmp_path, 10, lines, (1, 8), companies=("é",))
    nights = _read(one, two, small)
    assert _days(nights) == [("1", 3, 3), ("2", 3, 3)]
    assert nights.left == 2


def test_windows_of_several_days_cover_each_of_them(tmp_path: Path) -> None:
    """However a run has cut its range; a night without dates covers nothing and has no gap."""
    night = _make(tmp_path, 3, _full(3, (1, 4)), (1, 4))
    other = _make(tmp_path, 4, [line(each, None) for each in _COMPANIES], None)  # type: ignore[arg-type]
    nights = _read(night, other)
    assert nights.nights[1].days is None
    assert (nights.gap_days(), nights.gap_days(nights.nights[1])) == (0, 0)
    assert _read(other).days is None


def test_an_answer_of_half_a_day_does_not_cover_it(tmp_path: Path) -> None:
    """The day is a gap as soon as it is over, until a run has the whole of it."""
    half = [line(company, 23) for company in _COMPANIES]
    run = _make(tmp_path, 3, [*_full(0, (22, 22)), *half], (22, 23))
    assert _read(run, now=datetime(2026, 11, 23, 23, 59, tzinfo=UTC)).days == DateRange(
        *[FIRST + timedelta(21)] * 2
    )
    nights = _read(run, now=datetime(2026, 11, 24, tzinfo=UTC))
    assert _days(nights) == [(company, 23, 1) for company in _COMPANIES]
    later = _make(tmp_path, 4, _full(1, (23, 23)), (23, 23))
    assert _read(run, later).gap_days() == 0


def test_days_that_are_not_over_are_no_gap(tmp_path: Path) -> None:
    """No run can have the whole of them."""
    run = _make(tmp_path, 3, [], (22, 24))
    assert _read(run, now=datetime(2026, 11, 22, 5, tzinfo=UTC)).days is None
    assert _days(_read(run, now=datetime(2026, 11, 23, 5, tzinfo=UTC))) == [
        (company, 22, 1) for company in _COMPANIES
    ]


@pytest.mark.parametrize(("zone", "gaps"), [("Asia/Tokyo", 0), ("UTC", 3)])
def test_the_newest_run_has_recorded_the_time_zone(tmp_path: Path, zone: str, gaps: int) -> None:
    """An answer of 20:00 UTC is of the next day in Tokyo."""
    lines = [line(company, 23, 18 * 3600) for company in _COMPANIES]
    run = _make(tmp_path, 3, lines, (23, 23), settings=RunSettings(timezone=zone))
    assert _read(run).gap_days() == gaps


def test_a_time_zone_that_is_not_known_is_named(tmp_path: Path) -> None:
    """With the run that has recorded it."""
    run = _make(tmp_path, 3, [], (1, 1), settings=RunSettings(timezone="Mars/Olympus"))
    with pytest.raises(InputError, match=r"night-3: has recorded a time zone: .*Mars/Olympus"):
        _read(run)


def test_an_answer_counts_whatever_its_run_had_planned(tmp_path: Path) -> None:
    """As for `--since-last`: what is on the disk is what counts."""
    run = _make(tmp_path, 3, _full(3, (1, 2)), (1, 1))
    other = _make(tmp_path, 4, [], (2, 2))
    assert _read(run, other).gap_days() == 0


def test_a_cell_is_restated_if_any_later_run_has_other_figures(tmp_path: Path) -> None:
    """Whether the next run had them or one after it; the run with the new figures is not."""
    one = _make(tmp_path, 3, _full(3, (1, 4)), (1, 4))
    same = _make(tmp_path, 4, _full(4, (2, 4)), (2, 4))
    other = _make(tmp_path, 5, _full(5, (4, 4), total=2), (4, 4))
    nights = _read(other, one, same)
    assert [night.restated for night in nights.nights] == [3, 3, 0]
    back = _make(tmp_path, 6, _full(6, (4, 4)), (4, 4))
    assert [night.restated for night in _read(one, same, other, back).nights] == [3, 3, 3, 0]


def test_a_night_that_was_continued_later_stays_where_it_began(tmp_path: Path) -> None:
    """Its lines are older than those of the nights after it."""
    one = _make(tmp_path, 3, _full(3, (1, 4)), (1, 4))
    manifest = json.loads((one / "run.json").read_text())
    again = {**manifest["attempts"][0], "started_at": "2026-11-20T02:00:00.000Z"}
    manifest["attempts"].append(again)
    (one / "run.json").write_text(json.dumps(manifest))
    two = _make(tmp_path, 4, _full(4, (4, 5), total=2), (4, 5))
    nights = _read(two, one)
    assert [night.run.directory for night in nights.nights] == [one, two]
    assert [night.restated for night in nights.nights] == [3, 0]


_totals = st.lists(st.integers(0, 2), min_size=12, max_size=12)


@given(_totals, _totals)
def test_what_is_restated_is_what_diff_says(
    tmp_path_factory: object, old: list[int], new: list[int]
) -> None:
    """Of two nights; 0 stands for a cell without an answer."""
    root = tmp_path_factory.mktemp("nights")  # type: ignore[attr-defined]
    cells = [(company, number) for company in _COMPANIES for number in range(1, 5)]
    runs = [
        _make(
            root,
            night,
            [line(*cell, total=total) for cell, total in zip(cells, totals, strict=True) if total],
            (1, 4),
        )
        for night, totals in ((3, old), (4, new))
    ]
    with scratch_database() as database:
        expected = compare(database, *runs).totals.restated
    assert [night.restated for night in _read(*runs).nights] == [expected, 0]


_actions = st.dictionaries(st.sampled_from(["A", "B"]), st.integers(0, 1))
_counts = st.builds(Counters, *[st.integers(0, 1)] * 5, _actions)


@given(_counts, _counts)
def test_a_fingerprint_differs_as_the_answers_do(one: Counters, other: Counters) -> None:
    """An action of 0 that only one of them has makes no difference."""
    is_same = changes_between(one, other) is None
    assert (fingerprint(one) == fingerprint(other)) is is_same
    assert fingerprint(one) not in {0, -1}


def test_a_day_is_a_window(tmp_path: Path) -> None:
    """The helpers of these tests make windows of one day."""
    assert day(1) == (FIRST, FIRST)
    assert _read(_make(tmp_path, 3, [], (1, 2))).gap_days() == 6
