from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace import RateController, Share
from collector.pace.limiter import RateSearch
from collector.pace.types import AUTO_START


@given(
    rate=st.floats(0.01, 1e6), senders=st.integers(1, 1_000), limit=st.none() | st.floats(0.1, 1e6)
)
def test_all_together_send_what_one_would(rate: float, senders: int, limit: float | None) -> None:
    """Rate, beginning and limit are divided evenly."""
    share = Share.of(rate, senders, limit)
    assert share.ceiling * senders == pytest.approx(rate)
    assert share.start * senders == pytest.approx(AUTO_START)
    assert share.limit is None if limit is None else share.limit == pytest.approx(limit / senders)


def test_who_was_at_the_top_goes_to_the_new_one() -> None:
    """Up at once and down at once: the others count on it."""
    search = RateSearch(20.0, 20.0)
    search.share(40.0, None, 0.0)
    assert (search.rate, search.ceiling) == (40.0, 40.0)
    search.share(10.0, None, 0.0)
    assert (search.rate, search.ceiling) == (10.0, 10.0)


def test_who_was_held_back_by_a_limit_stays_there() -> None:
    """A higher ceiling is no reason to run into the limit once more."""
    search = RateSearch(20.0, 20.0)
    search.found(10.0, 0.0)
    assert search.rate == pytest.approx(9.7)
    search.share(40.0, None, 1.0)
    assert search.rate == pytest.approx(9.7)
    search.answered(2.0)
    assert search.rate == pytest.approx(9.7)
    search.share(5.0, None, 3.0)
    assert search.rate == 5.0


def test_a_limit_that_others_found_needs_no_search() -> None:
    """The rate goes just below it at once, and does not grow for a while."""
    search = RateSearch(2.5, inf)
    search.share(inf, 30.0, 100.0)
    assert search.limit == 30.0
    assert search.rate == pytest.approx(29.1)
    search.answered(105.0)
    assert search.rate == pytest.approx(29.1)
    search.answered(111.0)
    assert search.rate > 29.1


@pytest.mark.parametrize(
    ("shared", "limit"), [(31.0, 30.0), (29.0, 30.0), (33.0, 33.0), (25.0, 25.0)]
)
def test_what_was_measured_here_is_at_least_as_true(shared: float, limit: float) -> None:
    """About the same changes nothing."""
    search = RateSearch(50.0, inf)
    search.found(30.0, 0.0)
    search.share(inf, shared, 1.0)
    assert search.limit == limit
    assert search.rate == pytest.approx(0.97 * limit)


def test_the_limit_cannot_lift_the_ceiling() -> None:
    """Both hold."""
    search = RateSearch(20.0, 20.0)
    search.share(20.0, 30.0, 0.0)
    assert search.rate == 20.0


@given(
    shares=st.lists(
        st.tuples(st.floats(0.1, 1_000), st.none() | st.floats(0.1, 1_000), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_never_above_the_ceiling(shares: list[tuple[float, float | None, bool]]) -> None:
    """Whatever comes, in whatever order, with answers and limits in between."""
    control = RateController(100.0, companies=1, probe_seconds=5.0)
    search = RateSearch(100.0, 100.0)
    for now, (ceiling, limit, is_found) in enumerate(shares):
        search.share(ceiling, limit, float(now))
        control.limiter.share(Share(ceiling, 1.0, limit), float(now))
        assert search.rate <= ceiling
        assert control.rate <= ceiling
        if is_found:
            search.found(search.rate / 2.0, float(now))
        search.answered(float(now))
        assert 0.0 < search.rate <= ceiling
