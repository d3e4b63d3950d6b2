from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.report.delivery.settling import ASSUMED, AgeChange, Settling, settling
from tests.report.reading import read
from tests.store.made_runs import line, make_run

_DAY = 86_400
_TWENTY_HOURS = 72_000


@pytest.mark.parametrize(
    ("ages", "known"),
    [
        ([], ASSUMED),
        # Nights with a lookback: they changed to an age of 6 days, and no more from 7 on.
        ([(1, 9, 9), (6, 9, 1), (7, 9, 0), (14, 9, 0)], Settling(7, is_measured=True)),
        ([(1, 9, 0), (2, 9, 0)], Settling(1, is_measured=True)),
        # No answers of 14 days were compared.
        ([(90, 9, 0)], ASSUMED),
        # Nor any between 1 and 32 days: a backfill, then nights.
        ([(1, 10, 10), (32, 10, 0)], Settling(32, is_measured=True)),
        # Days that lie ahead.
        ([(-2, 9, 0), (1, 9, 0)], Settling(0, is_measured=True)),
        ([(-5, 9, 9), (-3, 9, 0)], Settling(0, is_measured=True)),
        # The oldest that were compared changed: there may be more before them.
        ([(1, 9, 9), (6, 9, 1)], Settling(14, is_measured=False)),
        ([(1, 9, 9), (20, 9, 1)], Settling(21, is_measured=False)),
        # One correction of 400 cells is no sign of change.
        ([(1, 400, 9), (7, 400, 3), (9, 9, 0)], Settling(7, is_measured=True)),
    ],
)
def test_how_old_answers_must_be_to_be_final(
    ages: Sequence[tuple[int, int, int]], known: Settling
) -> None:
    """Only older answers that did not change tell that figures have settled."""
    assert settling(AgeChange(*row) for row in reversed(ages)) == known


def test_an_answer_that_was_fetched_early_still_changes(tmp_path: Path) -> None:
    """It is its age when it was fetched that counts: days 1 to 14 of November, on the 23rd."""
    lines = [line("1", number, total=1) for number in range(1, 15)]
    report = read(make_run(tmp_path / "r", lines, companies=("1",), days=(1, 15)))
    assert report.settling == ASSUMED
    settled = [one.is_settled for one in report.over_time]
    # The 15th has no answer, so that there is nothing that could change.
    assert settled == [*[True] * 9, *[False] * 5, True]


def test_the_runs_show_when_figures_settle(tmp_path: Path) -> None:
    """The second run came a day later; what it fetched anew were answers of 3 to 8 days."""
    days = range(15, 21)
    old = [line("1", number, total=1) for number in days]
    new = [line("1", number, _DAY, total=1 + (number > 18)) for number in days]
    report = read(
        make_run(tmp_path / "1", old, companies=("1",), days=(15, 20)),
        make_run(tmp_path / "2", new, companies=("1",), days=(15, 20)),
    )
    # The 19th changed after it was 4 days old, the 18th not after 5.
    assert report.settling == Settling(5, is_measured=True)
    assert [one.is_settled for one in report.over_time] == [True] * 5 + [False]


def test_runs_of_one_day_do_not_show_that_figures_have_settled(tmp_path: Path) -> None:
    """What did not change within an hour may change tomorrow; what changed, has not settled."""
    days = range(15, 21)
    old = [line("1", number, total=1) for number in days]
    for name, changed in (("a", 0), ("b", 18)):
        new = [line("1", number, 3600, total=1 + (0 < changed <= number)) for number in days]
        report = read(
            make_run(tmp_path / f"{name}1", old, companies=("1",), days=(15, 20)),
            make_run(tmp_path / f"{name}2", new, companies=("1",), days=(15, 20)),
        )
        assert report.settling == ASSUMED
        assert [one.is_settled for one in report.over_time] == [False] * 6


@pytest.mark.parametrize(
    ("first", "seconds", "known"),
    [
        # Both sides of midnight in UTC, which 22 hours after the usual time is.
        (79_100, 200, ASSUMED),
        (0, _TWENTY_HOURS - 1, ASSUMED),
        (0, _TWENTY_HOURS, Settling(3, is_measured=True)),
    ],
)
def test_what_is_the_same_is_compared_after_twenty_hours(
    tmp_path: Path, first: int, seconds: int, known: Settling
) -> None:
    """The dates of two runs differ after seconds; nights that begin at different times do not."""
    report = read(
        make_run(tmp_path / "1", [line("1", 20, first)], companies=("1",), days=(20, 20)),
        make_run(tmp_path / "2", [line("1", 20, first + seconds)], companies=("1",), days=(20, 20)),
    )
    assert report.settling == known


def test_the_default_window_never_settles(tmp_path: Path) -> None:
    """It is of other days each night."""
    run = make_run(tmp_path / "r", [line("1", None, total=1)], companies=("1",), days=None)
    assert [one.is_settled for one in read(run).over_time] == [False]
