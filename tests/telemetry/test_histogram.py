from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.telemetry.histogram import LatencyHistogram

_SHARES = (0.5, 0.9, 0.99)


def _of(*seconds: float) -> LatencyHistogram:
    latencies = LatencyHistogram()
    for each in seconds:
        latencies.add(each)
    return latencies


def _exact(seconds: list[float], share: str) -> float:
    """Return the least of the values within which at least so many came."""
    count = len(seconds)
    return next(
        value
        for rank, value in enumerate(sorted(seconds), start=1)
        if Fraction(rank, count) >= Fraction(share)
    )


@given(st.lists(st.floats(1e-6, 3600.0), min_size=1, max_size=300))
def test_percentiles_are_true_to_two_and_a_half_percent(seconds: list[float]) -> None:
    """Of whatever came, from a microsecond to an hour, however it is spread."""
    latencies = _of(*seconds)
    for share in _SHARES:
        assert latencies.percentile(share) == pytest.approx(_exact(seconds, str(share)), rel=0.025)
    assert latencies.longest == max(seconds)
    assert latencies.count == len(seconds)


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=100))
def test_percentiles_are_in_order(seconds: list[float]) -> None:
    """A larger share takes longer, and none takes longer than the longest did."""
    latencies = _of(*seconds)
    values = [latencies.percentile(share) for share in (0.0, *_SHARES, 1.0)]
    assert values == sorted(values)
    assert values[-1] <= latencies.longest


@pytest.mark.parametrize("share", [0.0, *_SHARES, 1.0])
def test_nothing_that_came_took_no_time(share: float) -> None:
    """A run that sent nothing has a manifest all the same."""
    assert LatencyHistogram().percentile(share) == 0.0
    assert LatencyHistogram().longest == 0.0
    assert LatencyHistogram().count == 0


def test_one_is_every_percentile() -> None:
    """And the longest."""
    latencies = _of(0.123)
    for share in _SHARES:
        assert latencies.percentile(share) == pytest.approx(0.123, rel=0.025)
    assert latencies.longest == 0.123


def test_few_slow_ones_show_where_they_belong() -> None:
    """One in a hundred is in the longest only, two are in the last percentile as well."""
    latencies = _of(*[0.1] * 99, 9.0)
    assert latencies.percentile(0.99) == pytest.approx(0.1, rel=0.025)
    assert latencies.longest == 9.0
    latencies.add(8.0)
    assert latencies.percentile(0.99) == pytest.approx(8.0, rel=0.025)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, -1e-6])
def test_what_no_clock_can_measure_is_no_trouble(seconds: float) -> None:
    """Two readings of a clock may be the same."""
    assert _of(seconds).percentile(0.5) <= 1e-6


def test_memory_is_bounded() -> None:
    """A hundred thousand latencies from a microsecond to an hour are a few hundred numbers."""
    latencies = LatencyHistogram()
    for number in range(100_000):
        latencies.add(1e-6 * 3.6e9 ** (number / 100_000))
    assert latencies.count == 100_000
    classes = [getattr(latencies, name) for name in LatencyHistogram.__slots__]
    assert 400 < max(len(kept) for kept in classes if hasattr(kept, "__len__")) <= 452
    assert latencies.percentile(0.5) == pytest.approx(0.06, rel=0.025)


@given(
    st.lists(st.floats(1e-6, 3600.0), max_size=100),
    st.lists(st.floats(1e-6, 3600.0), min_size=1, max_size=100),
)
def test_those_of_an_interval_are_as_true_as_all(before: list[float], since: list[float]) -> None:
    """What came before the copy has no weight, and is neither changed nor forgotten."""
    latencies = _of(*before)
    earlier = latencies.copy()
    for each in since:
        latencies.add(each)
    interval = latencies - earlier
    for share in _SHARES:
        assert interval.percentile(share) == pytest.approx(_exact(since, str(share)), rel=0.025)
    assert interval.count == len(since)
    assert max(since) <= interval.longest * 1.000001
    assert interval.longest <= max(*before, *since, 0.0)
    assert interval.mean == pytest.approx(sum(since) / len(since), abs=1e-8)
    assert latencies.count == len(before) + len(since)
    assert earlier.count == len(before)


def test_an_interval_in_which_nothing_came_is_empty() -> None:
    """A run that waits has them."""
    latencies = _of(0.1, 0.2)
    interval = latencies - latencies.copy()
    assert (interval.count, interval.longest, interval.percentile(0.5)) == (0, 0.0, 0.0)
