from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace import LocalLimit


def test_without_a_shortage_there_is_no_limit() -> None:
    """Any number may be in flight, at any time."""
    limit = LocalLimit(300.0)
    assert not limit.is_limited
    assert limit.most(0.0) == inf
    assert limit.next_at(0.0, 10_000) == -inf


def test_as_many_requests_are_possible_as_were_in_flight_beside_the_failed_one() -> None:
    """Of 64 requests 54 fail in the same turn: what is left is what the machine can make."""
    limit = LocalLimit(300.0)
    for others in range(63, 9, -1):
        limit.lacked(5.0, others)
    assert limit.is_limited
    assert limit.most(5.0) == 10
    assert limit.next_at(5.0, 9) == -inf
    assert limit.next_at(5.0, 10) == 15.0


def test_the_limit_comes_back() -> None:
    """By half every 10 seconds, at least by one, up to the ceiling."""
    limit = LocalLimit(300.0)
    limit.ceiling = 64
    limit.lacked(0.0, 1)
    assert [limit.most(10.0 * step) for step in range(12)] == [
        *(1, 2, 3, 4, 5, 7, 11, 17, 25, 38, 57, 64)
    ]
    assert limit.next_at(12.0, 2) == 20.0
    # Above the ceiling no time helps, only a request that ends.
    assert limit.next_at(500.0, 64) > 500.0
    limit.lacked(500.0, 20)
    assert limit.most(500.0) == 20
    limit.lacked(500.0, 40)
    assert limit.most(500.0) == 20


def test_where_no_request_is_possible_the_next_one_waits() -> None:
    """Ever longer, 10 seconds at most, until one is possible."""
    limit = LocalLimit(300.0)
    now, waits = 0.0, list[float]()
    for _ in range(7):
        limit.lacked(now, 0)
        waits.append(limit.next_at(now, 0) - now)
        now = limit.next_at(now, 0)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    limit.worked()
    assert limit.next_at(now, 0) <= now
    limit.lacked(now, 0)
    assert limit.next_at(now, 0) - now == 0.5


@pytest.mark.parametrize("patience", [2.0, 300.0])
def test_patience_counts_the_time_in_which_no_request_is_possible(patience: float) -> None:
    """From the first failure on; one request that is possible begins it anew."""
    limit = LocalLimit(patience)
    limit.lacked(0.0, 0)
    assert not limit.is_hopeless(patience - 0.1)
    assert limit.is_hopeless(patience)
    limit.worked()
    assert not limit.is_hopeless(patience)
    limit.lacked(patience, 3)
    assert not limit.is_hopeless(10.0 * patience)
    limit.lacked(patience, 0)
    assert not limit.is_hopeless(2.0 * patience - 0.1)


@given(
    st.integers(1, 100),
    st.lists(st.tuples(st.floats(0.0, 1e4), st.integers(0, 200)), min_size=1),
    st.floats(0.0, 1e9),
)
def test_at_least_one_request_may_be_in_flight_and_never_more_than_the_ceiling(
    ceiling: int, failures: list[tuple[float, int]], later: float
) -> None:
    """Whatever happens, and at any time later."""
    limit = LocalLimit(300.0)
    limit.ceiling = ceiling
    now = 0.0
    for seconds, others in failures:
        now += seconds
        limit.lacked(now, others)
        assert 1 <= limit.most(now) <= max(1, min(ceiling, others))
        assert limit.next_at(now, ceiling) > now
    assert 1 <= limit.most(now + later) <= ceiling
    assert limit.most(now + 1e4) == ceiling
