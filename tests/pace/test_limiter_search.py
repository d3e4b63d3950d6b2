from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace.limiter import RateSearch

NOW = 1000.0
LEAST = 1 / 15

rates = st.floats(0.001, 10_000)


def answer(search: RateSearch, now: float, seconds: float) -> float:
    """Let answers come for so many seconds, as many as the rate says; return when it ends."""
    until = now + seconds
    while now + 1 / search.rate <= until:
        now += 1 / search.rate
        search.answered(now)
    return until


def test_slow_start_is_half_as_fast_again_every_second() -> None:
    """As answers come, each with its share."""
    search = RateSearch(1000, inf)
    rate, now = 1000.0, NOW
    for _ in range(5):
        now = answer(search, now, 1.0)
        rate *= 1.5
        assert search.rate == pytest.approx(rate, rel=0.005)


def test_slow_start_ends_at_the_ceiling() -> None:
    """Exactly there, and it stays."""
    search = RateSearch(100, 120)
    answer(search, NOW, 5)
    assert search.rate == 120
    assert search.limit is None


@pytest.mark.parametrize(("start", "ceiling", "rate"), [(10, inf, 10), (10, 5, 5), (50, 50, 50)])
def test_it_starts_at_the_ceiling_at_most(start: float, ceiling: float, rate: float) -> None:
    """A start that is above it is meant for runs without a maximum."""
    assert RateSearch(start, ceiling).rate == rate


@given(rates, rates, rates)
def test_a_cut_goes_just_below_the_limit(rate: float, ceiling: float, limit: float) -> None:
    """To 0.97 of it; and it is never above the rate at which it was met."""
    search = RateSearch(rate, ceiling)
    before = search.rate
    search.found(limit, NOW)
    assert search.limit == min(limit, before)
    assert search.rate == pytest.approx(min(before, max(LEAST, 0.97 * min(limit, before))))


def test_a_hold_is_10_seconds_then_20_then_30() -> None:
    """No answer raises the rate before it ends, the first one after it does."""
    search, now = RateSearch(100, inf), NOW
    for hold in (10, 20, 30, 30):
        search.found(100, now)
        cut = search.rate
        answer(search, now, hold - 0.1)
        assert search.rate == cut
        search.answered(now + hold)
        assert search.rate > cut
        now += hold + 1


def test_growth_after_a_hold_is_1_percent_a_second() -> None:
    """Up to a tenth above the limit that was found."""
    search = RateSearch(1000, inf)
    search.found(1000, NOW)
    answer(search, NOW + 10, 5)
    assert search.rate == pytest.approx(970 * 1.01**5, rel=1e-3)


def test_well_above_the_limit_found_growth_is_10_percent_a_second() -> None:
    """The limit must have been raised; the next hold is short again."""
    search = RateSearch(1000, inf)
    for _ in range(3):
        search.rate = 1000
        search.found(1000, NOW)
    search.rate = 1099.0
    search.answered(NOW + 30)
    assert search.rate == pytest.approx(1099 + 0.00995, abs=1e-4)
    search.rate = 1101.0
    answer(search, NOW + 30, 3)
    assert search.rate == pytest.approx(1101 * 1.1**3, rel=1e-3)
    search.found(1200, NOW + 40)
    answer(search, NOW + 40, 9.9)
    assert search.rate == pytest.approx(0.97 * 1200)
    search.answered(NOW + 50)
    assert search.rate > 0.97 * 1200


def test_after_a_quota_growth_comes_late_and_is_slow() -> None:
    """2 minutes, then 0.1 % a second; the holds of other limits stay as they were."""
    search = RateSearch(1000, inf)
    search.found(1000, NOW, is_quota=True)
    answer(search, NOW + 100, 19.9)
    assert search.rate == 970
    answer(search, NOW + 120, 10)
    assert search.rate == pytest.approx(970 * 1.001**10, rel=1e-4)
    search.found(900, NOW + 200)
    answer(search, NOW + 210, 1)
    assert search.rate == pytest.approx(873 * 1.01, rel=1e-4)


def test_after_a_cut_there_is_no_slow_start() -> None:
    """Growth stays slow, also when the hold is over."""
    search = RateSearch(100, inf)
    search.found(50, NOW)
    search.answered(NOW + 1)
    assert search.rate == 48.5
    search.answered(NOW + 11)
    assert search.rate == pytest.approx(48.51, abs=0.001)


def test_a_restart_comes_back_by_slow_start_to_the_rate_before() -> None:
    """From a quarter of it; then growth is as it was, and the limit is still known."""
    search = RateSearch(1000, inf)
    search.found(1000, NOW)
    answer(search, NOW + 10, 2)
    before = search.rate
    search.restart()
    assert search.rate == pytest.approx(before / 4)
    answer(search, NOW + 20, 1)
    assert search.rate == pytest.approx(before / 4 * 1.5, rel=0.01)
    now = answer(search, NOW + 21, 2.45)
    assert search.rate == pytest.approx(before, rel=0.01)
    answer(search, now, 1)
    assert search.rate == pytest.approx(before * 1.01, rel=0.01)
    assert search.limit == 1000


def test_several_restarts_still_come_back_to_the_first_rate() -> None:
    """A service that flaps does not wear the rate down."""
    search = RateSearch(100, 100)
    for _ in range(3):
        search.restart()
    assert search.rate == pytest.approx(100 / 64)
    answer(search, NOW, 60)
    assert search.rate == 100


def test_a_restart_without_a_limit_found_stays_in_slow_start() -> None:
    """The search had not come to its end."""
    search = RateSearch(100, inf)
    search.restart()
    answer(search, NOW, 10)
    assert search.rate > 1000


def test_a_limit_that_was_none_is_forgotten() -> None:
    """The rate before it is back, growth is brisk and without a hold, holds are short again."""
    search = RateSearch(1000, inf)
    for _ in range(3):
        search.found(800, NOW)
    search.restore(1000)
    assert (search.rate, search.limit) == (1000, None)
    answer(search, NOW, 1)
    assert search.rate == pytest.approx(1100, rel=1e-2)
    search.found(1000, NOW + 10)
    search.answered(NOW + 20)
    assert search.rate > 970


def test_a_rate_is_not_restored_above_the_ceiling() -> None:
    """Whatever was remembered."""
    search = RateSearch(100, 100)
    search.found(50, NOW)
    search.restore(200)
    assert search.rate == 100


@pytest.mark.parametrize("limit", [0.0, 0.001, -5.0])
def test_the_rate_is_never_so_low_that_nothing_would_move(limit: float) -> None:
    """One request in 15 seconds is the least, as often as an open circuit sends probes."""
    search = RateSearch(10, inf)
    search.found(limit, NOW)
    assert search.rate == LEAST
    search.restart()
    assert search.rate == LEAST


def test_a_ceiling_below_the_least_rate_holds_too() -> None:
    """`--rate 0.001` is allowed, and is never exceeded."""
    search = RateSearch(0.001, 0.001)
    search.found(0.001, NOW)
    assert search.rate == 0.001
    search.restart()
    assert search.rate == 0.001


events = st.one_of(
    st.just("answer"), st.just("restart"), st.floats(0.001, 500), st.floats(0.001, 500).map(str)
)


@given(st.floats(0.001, 200), st.lists(events, max_size=50))
def test_the_ceiling_is_never_exceeded_and_the_rate_never_gone(
    ceiling: float, news: list[str | float]
) -> None:
    """Whatever is found, answered or restored, in any order."""
    search, now = RateSearch(10, ceiling), NOW
    for what in news:
        now += 7
        before = search.rate
        if what == "answer":
            search.answered(now)
            assert search.rate >= before
        elif what == "restart":
            search.restart()
            assert search.rate <= before
        elif isinstance(what, str):
            search.restore(float(what))
        else:
            search.found(what, now)
            assert search.rate <= before
        assert 0 < search.rate <= ceiling
