from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace.limiter import Schedule

START = 1000.0
USED = 0.998
"""So much of a rate is used."""

CREDITS = {0.01: 0.03, 10: 0.03, 50: 0.03, 100: 0.03, 150: 0.02, 300: 0.01, 1000: 0.01}
"""Seconds of lateness that are made up for, at a rate."""

rates = st.one_of(st.sampled_from(sorted(CREDITS)), st.floats(0.01, 2000))
seconds = st.one_of(st.just(0.0), st.floats(0, 0.05), st.floats(0, 3))


def credit(rate: float) -> float:
    """Return the seconds of credit: 3 requests, 10 ms at the least and 30 ms at the most."""
    return min(0.03, max(0.01, 3 / rate))


@given(st.lists(st.tuples(rates, seconds, seconds), min_size=2, max_size=60))
def test_no_window_holds_more_than_its_share(steps: list[tuple[float, float, float]]) -> None:
    """Arrivals, lateness and rates may be anything: at most 1 + rate * (t + credit) in t seconds.

    The rate is the highest of the window, the credit that of the rate at its beginning.
    """
    schedule, now = Schedule(steps[0][0]), START
    left: list[tuple[float, float]] = []
    for rate, idle, lateness in steps:
        schedule.rate = rate
        now = max(now + idle, schedule.next_at) + lateness
        schedule.depart(now)
        left.append((now, rate))
    for first, (began, rate_then) in enumerate(left):
        highest = 0.0
        for number, (ended, rate) in enumerate(left[first + 1 :], start=2):
            highest = max(highest, rate)
            assert number <= 1 + highest * (ended - began + credit(rate_then)) + 1e-6


@given(rates, st.lists(st.floats(0, 0.999), min_size=5, max_size=60))
def test_late_timers_cost_nothing_of_the_rate(rate: float, lateness: list[float]) -> None:
    """However late each one departs within the credit, the next one stays on schedule."""
    schedule, now = Schedule(rate), START
    most = min(1 / rate, credit(rate))
    schedule.depart(now)
    for late in lateness:
        now = max(now, schedule.next_at) + late * most
        assert schedule.depart(now)
    planned = START + len(lateness) / (USED * rate)
    assert now == pytest.approx(planned + lateness[-1] * most, abs=1e-6)
    assert schedule.next_at == pytest.approx(planned + 1 / (USED * rate), abs=1e-6)


@pytest.mark.parametrize(("late", "seconds_long", "most"), [(0.0019, 1.0, 50), (0.039, 20.0, 1000)])
def test_no_second_holds_one_more_for_an_arrival_that_is_late(
    late: float, seconds_long: float, most: int
) -> None:
    """The first takes 2 ms longer to arrive: 50 in the second after; 39 ms: 1,000 in 20 s."""
    schedule, now = Schedule(50), START
    arrivals = []
    for number in range(1101):
        now = max(now, schedule.next_at)
        schedule.depart(now)
        arrivals.append(now + (late if number == 0 else 0.0))
    assert sum(1 for at in arrivals if at < arrivals[0] + seconds_long) == most


@given(st.lists(st.tuples(seconds, seconds), min_size=8, max_size=60))
def test_at_50_per_second_no_100_ms_hold_more_than_7(steps: list[tuple[float, float]]) -> None:
    """Whatever the arrivals and the lateness, and no more than 2 depart at the same time."""
    schedule, now = Schedule(50), START
    times = []
    for idle, lateness in steps:
        now = max(now + idle, schedule.next_at) + lateness
        schedule.depart(now)
        times.append(now)
    assert all(later - sooner > 0.1 for sooner, later in zip(times, times[7:], strict=False))
    assert all(later > sooner for sooner, later in zip(times, times[2:], strict=False))


def test_at_50_per_second_2_leave_together_and_7_in_100_ms_at_the_worst() -> None:
    """The bound is met when one is as late as the credit allows, and the next ones hurry."""
    schedule = Schedule(50)
    schedule.depart(START)
    late = now = START + 0.02 + 0.0299
    times = []
    for _ in range(8):
        assert schedule.depart(now)
        times.append(now)
        now = max(now, schedule.next_at)
    assert times[0] == times[1] == late
    assert times[2] > late
    assert times[6] - late < 0.1 < times[7] - late


@pytest.mark.parametrize(("rate", "credit_seconds"), list(CREDITS.items()))
def test_lateness_within_the_credit_is_made_up_for(rate: float, credit_seconds: float) -> None:
    """3 requests' worth, at least 10 ms and at most 30 ms; the next is due as if it was on time."""
    schedule = Schedule(rate)
    schedule.depart(START)
    assert schedule.depart(START + 1 / (USED * rate) + 0.99 * credit_seconds) is True
    assert schedule.next_at == pytest.approx(START + 2 / (USED * rate))


@pytest.mark.parametrize(("rate", "credit_seconds"), list(CREDITS.items()))
def test_a_stall_forfeits_all_that_was_missed(rate: float, credit_seconds: float) -> None:
    """Beyond the credit the sender was not held back by the rate; it begins anew from now."""
    schedule = Schedule(rate)
    schedule.depart(START)
    late = START + 1 / (USED * rate) + 1.01 * credit_seconds
    assert schedule.depart(late) is False
    assert schedule.next_at == pytest.approx(late + 1 / (USED * rate))
    much_later = late + 3600
    assert schedule.depart(much_later) is False
    assert schedule.next_at == pytest.approx(much_later + 1 / (USED * rate))


def test_the_first_may_leave_at_once_and_tells_nothing_about_the_rate() -> None:
    """Nothing has held it back."""
    schedule = Schedule(50)
    assert schedule.next_at == -inf
    assert schedule.depart(START) is False
    assert schedule.next_at == pytest.approx(START + 0.02 / USED)


@pytest.mark.parametrize(("before", "after"), [(0.01, 100.0), (100.0, 0.01), (10.0, 11.0)])
def test_a_new_rate_takes_effect_at_once(before: float, after: float) -> None:
    """The next one is due one new interval after the last, whatever was planned before."""
    schedule = Schedule(before)
    schedule.depart(START)
    assert schedule.next_at == pytest.approx(START + 1 / (USED * before))
    schedule.rate = after
    assert schedule.next_at == pytest.approx(START + 1 / (USED * after))


def test_what_was_not_due_under_the_old_rate_is_not_owed_under_the_new_one() -> None:
    """After minutes at a tiny rate, a high one does not begin with a heap of requests."""
    schedule = Schedule(0.01)
    schedule.depart(START)
    now, times = START + 60, []
    schedule.rate = 100
    for _ in range(20):
        now = max(now, schedule.next_at)
        schedule.depart(now)
        times.append(now)
    apart = [later - sooner for sooner, later in pairwise(times)]
    assert apart == pytest.approx([0.01 / USED] * 19, abs=1e-6)
