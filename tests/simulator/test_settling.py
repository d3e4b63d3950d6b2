from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.simulator.statistics import Statistics, statistics_of

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
SEEDS = st.integers(0, 2**63 - 1)
SETTLE_DAYS = st.integers(1, 365)
UNMOVED = ("total", "fails", "campaign")
GROWING = ("sended", "RECEIVED", "PRESS_ACTION", "CLOSED", "UNKNOWN")
DAY = date(2026, 11, 1)


def flat(statistics: Statistics) -> dict[str, int]:
    """Put counters and actions side by side; an action that is left out is zero."""
    counters = {name: value for name, value in statistics.items() if isinstance(value, int)}
    return {"CLOSED": 0, **counters, **statistics["actions"]}


def at_age(
    age: int, settle_days: int, day: date = DAY, seed: int = 1, company_id: str = "1"
) -> dict[str, int]:
    """Ask about one day when it has some age."""
    today = day + timedelta(age)
    return flat(statistics_of(seed, company_id, day, day, settle_days=settle_days, today=today))


@given(SEEDS, IDS, DAYS, SETTLE_DAYS, st.integers(0, 366), st.integers(0, 366))
def test_a_day_only_nears_its_final_figures(  # noqa: PLR0913, PLR0917 - all that they depend on
    seed: int, company_id: str, day: date, settle_days: int, younger: int, more: int
) -> None:
    """With age, less is pending, more is sent, more actions have come; the rest never moves."""
    before = at_age(younger, settle_days, day, seed, company_id)
    after = at_age(younger + more, settle_days, day, seed, company_id)
    assert {name: before[name] for name in UNMOVED} == {name: after[name] for name in UNMOVED}
    assert before["pending"] >= after["pending"]
    assert all(before[name] <= after[name] for name in GROWING)


@given(SEEDS, IDS, DAYS, SETTLE_DAYS, st.integers(0, 1000))
def test_from_the_given_age_on_a_day_is_final(
    seed: int, company_id: str, day: date, settle_days: int, later: int
) -> None:
    """Neither the age nor the length of settling shows any more."""
    final = flat(statistics_of(seed, company_id, day, day))
    assert at_age(settle_days + later, settle_days, day, seed, company_id) == final


@given(SEEDS, IDS, DAYS, SETTLE_DAYS, st.data())
def test_until_then_a_part_is_pending(
    seed: int, company_id: str, day: date, settle_days: int, data: st.DataObject
) -> None:
    """Up to the last day before, at least one notification, and at most half, rounded up."""
    final = flat(statistics_of(seed, company_id, day, day))
    age = data.draw(st.integers(0, settle_days - 1))
    young = at_age(age, settle_days, day, seed, company_id)
    late = young["pending"] - final["pending"]
    assert late == final["sended"] - young["sended"]
    assert 1 <= late <= -(-final["sended"] // 2)
    for action in GROWING[1:]:
        assert young[action] < final[action] or final[action] == 0


@given(SEEDS, IDS, DAYS, SETTLE_DAYS, st.integers(-3, 400))
def test_a_day_is_plausible_at_every_age(
    seed: int, company_id: str, day: date, settle_days: int, age: int
) -> None:
    """Nothing is negative, the total is its parts, and no more is acted on than was sent."""
    figures = at_age(age, settle_days, day, seed, company_id)
    assert min(figures.values()) >= 0
    assert figures["total"] == figures["sended"] + figures["pending"] + figures["fails"]
    assert sum(figures[name] for name in GROWING[1:]) <= figures["sended"]


@given(SEEDS, IDS, DAYS, SETTLE_DAYS, st.lists(st.integers(0, 40), min_size=3, max_size=3))
def test_windows_are_the_sums_of_their_days_as_of_one_day(
    seed: int, company_id: str, first: date, settle_days: int, lengths: list[int]
) -> None:
    """Also of windows with settled, unsettled and future days, however they are cut in two."""
    before, after, to_today = lengths
    cut, last = first + timedelta(before), first + timedelta(before + after)

    def ask(begin: date, end: date) -> dict[str, int]:
        return flat(
            statistics_of(
                seed,
                company_id,
                begin,
                end,
                empty_share=0.1,
                settle_days=settle_days,
                today=first + timedelta(to_today),
            )
        )

    left, right, whole = ask(first, cut), ask(cut + timedelta(1), last), ask(first, last)
    assert whole == {name: left[name] + right[name] for name in whole}


def test_days_to_come_have_no_data() -> None:
    """Today has some, tomorrow has none yet."""
    assert at_age(0, 14)["total"] > 0
    assert not any(at_age(-1, 14).values())
    assert not any(at_age(-1, 1).values())


def test_without_settling_nothing_depends_on_today() -> None:
    """Data of a day never change then, and days to come have data."""
    final = flat(statistics_of(1, "1", DAY, DAY))
    assert final["total"] > 0
    assert at_age(-10, 0) == at_age(0, 0) == at_age(10, 0) == final


def test_a_large_day_moves_every_day() -> None:
    """The older, the nearer: two nights in a row never see the same figures of a large company."""
    company_id = next(
        name for name in map(str, range(1000)) if at_age(14, 14, company_id=name)["sended"] > 2000
    )
    pending = [at_age(age, 14, company_id=company_id)["pending"] for age in range(16)]
    assert pending[:15] == sorted(set(pending), reverse=True)
    assert pending[14] == pending[15]


def test_a_company_without_campaigns_has_none_at_any_age() -> None:
    """Nothing is pending where nothing was planned."""
    statistics = statistics_of(1, "1", DAY, DAY, empty_share=1.0, settle_days=14, today=DAY)
    assert not any(flat(statistics).values())


def test_settling_needs_a_current_day() -> None:
    """Figures of no particular day would be a guess."""
    with pytest.raises(ValueError, match="settle_days needs today"):
        statistics_of(1, "1", DAY, DAY, settle_days=14)


def test_unsettled_figures_are_the_same_in_every_run_and_release() -> None:
    """Pinned: a week of which 5 days still move and the last is still to come."""
    today = DAY + timedelta(5)
    week = statistics_of(1, "ñandú/2", DAY, DAY + timedelta(6), settle_days=5, today=today)
    assert week == PINNED


PINNED: Statistics = {
    "total": 15506,
    "sended": 9485,
    "pending": 4441,
    "fails": 1580,
    "actions": {"RECEIVED": 3600, "PRESS_ACTION": 854, "CLOSED": 286, "UNKNOWN": 46},
    "campaign": 12,
}
