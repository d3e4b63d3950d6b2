import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace import in_flight_needed


@pytest.mark.parametrize(
    ("rate", "latency", "needed"),
    [(50, 1.0, 60), (50, 0.5, 30), (10, 0.25, 3), (100, 2.0, 240), (50, 0.001, 1), (1, 0.0, 1)],
)
def test_it_is_rate_times_latency_and_a_fifth_more(
    rate: float, latency: float, needed: int
) -> None:
    """Rounded up; never less than one."""
    assert in_flight_needed(rate, latency) == needed


@given(st.floats(0.001, 1e6), st.floats(0, 600))
def test_it_always_suffices(rate: float, latency: float) -> None:
    """By Little's law fewer than that are in flight on average, and a whole number is given."""
    needed = in_flight_needed(rate, latency)
    assert isinstance(needed, int)
    assert max(1.0, rate * latency) <= needed <= rate * latency * 1.2 + 1
