from datetime import date

import pytest

from collector.simulator.dates import MAX_DAYS, asked_days, last_days

TODAY = date(2026, 11, 23)


def ask(first: list[str], last: list[str], *, until_exclusive: bool = False) -> list[date] | str:
    """Show the days asked for as dates."""
    days = asked_days(first, last, until_exclusive=until_exclusive, today=TODAY)
    return days if isinstance(days, str) else [date.fromordinal(day) for day in days]


def test_without_dates_the_seven_days_that_end_today() -> None:
    """Today is the seventh of them."""
    days = ask([], [])
    assert days == [date(2026, 11, day) for day in range(17, 24)]
    assert asked_days([], [], until_exclusive=True, today=TODAY) == last_days(TODAY)


def test_both_ends_are_included() -> None:
    """One day is asked for by naming it twice."""
    assert ask(["2026-02-28"], ["2026-03-01"]) == [date(2026, 2, 28), date(2026, 3, 1)]
    assert ask(["2026-02-28"], ["2026-02-28"]) == [date(2026, 2, 28)]


def test_an_exclusive_end_is_left_out() -> None:
    """The same day twice is then a range of no days, also at the beginning of the calendar."""
    assert ask(["2026-02-28"], ["2026-03-01"], until_exclusive=True) == [date(2026, 2, 28)]
    assert ask(["0001-01-01"], ["0001-01-01"], until_exclusive=True) == []


@pytest.mark.parametrize(
    "text", ["", "2026-1-2", "20260102", "2026-W01-1", "2026-02-30", "02/01/2026", "२०२६-०१-०१"]
)
def test_only_iso_days_are_read(text: str) -> None:
    """What is not a day in the form YYYY-MM-DD is refused, at either end."""
    assert "YYYY-MM-DD" in str(ask([text], ["2026-01-02"]))
    assert "YYYY-MM-DD" in str(ask(["2026-01-02"], [text]))


@pytest.mark.parametrize(
    ("first", "last"),
    [(["2026-01-01"], []), ([], ["2026-01-01"]), (["2026-01-01"] * 2, ["2026-01-01"])],
)
def test_half_a_range_is_refused(first: list[str], last: list[str]) -> None:
    """One end alone, or one end twice, is no range."""
    assert "exactly once" in str(ask(first, last))


def test_a_range_may_not_run_backwards() -> None:
    """The end lies on or after the beginning."""
    assert "before it begins" in str(ask(["2026-01-02"], ["2026-01-01"]))


def test_a_range_is_bounded() -> None:
    """The longest range is answered, one more day is not."""
    last = date.fromordinal(date(2026, 1, 1).toordinal() + MAX_DAYS)
    assert str(MAX_DAYS) in str(ask(["2026-01-01"], [last.isoformat()]))
    assert len(ask(["2026-01-02"], [last.isoformat()])) == MAX_DAYS
