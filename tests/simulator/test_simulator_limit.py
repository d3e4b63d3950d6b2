import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.simulator.limit import FixedWindow, TokenBucket, retry_after_seconds

GAPS = st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60)
RATES = st.floats(0.01, 1000.0)
STARTS = st.floats(0.0, 2e9)


def test_a_full_bucket_lets_its_depth_pass_at_once() -> None:
    """Then one more passes for every token that drops in."""
    bucket = TokenBucket(rate=2.0, depth=3)
    assert [bucket.admit(10.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.5, 0.5]
    assert bucket.admit(10.5) == 0.0
    assert bucket.admit(10.5) == 0.5


def test_a_bucket_never_holds_more_than_its_depth() -> None:
    """A long rest does not save up more."""
    bucket = TokenBucket(rate=2.0, depth=2)
    assert [bucket.admit(1000.0) == 0.0 for _ in range(3)] == [True, True, False]
    assert [bucket.admit(5000.0) == 0.0 for _ in range(3)] == [True, True, False]


def test_refusals_take_nothing_from_the_bucket() -> None:
    """However often a client knocks in between, the next request passes in time."""
    bucket = TokenBucket(rate=1.0, depth=1)
    assert bucket.admit(0.0) == 0.0
    assert all(bucket.admit(n / 100) > 0.0 for n in range(1, 100))
    assert bucket.admit(1.0) == 0.0


@given(RATES, st.integers(1, 20), STARTS, GAPS)
def test_a_bucket_keeps_its_promise(
    rate: float, depth: int, start: float, gaps: list[float]
) -> None:
    """Never more than depth + rate * time pass, and whoever waits as told passes."""
    bucket, now = TokenBucket(rate, depth), start
    for passed, gap in enumerate(gaps, start=1):
        now += gap
        wait = bucket.admit(now)
        if wait:
            now += wait
            assert bucket.admit(now) == 0.0
        # A millionth of a second of slack is given once, and float sums need a little.
        assert passed <= depth + rate * (now - start + 2e-6) + 1e-6


def test_a_window_counts_anew_at_every_boundary_of_the_clock() -> None:
    """Windows begin at whole multiples of their length, not with the first request."""
    window = FixedWindow(size=2, seconds=10.0)
    assert [window.admit(19.0) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert [window.admit(20.0) for _ in range(3)] == [0.0, 0.0, 10.0]


def test_refusals_do_not_count_in_a_window() -> None:
    """After any number of refusals, the next window still holds all of its size."""
    window = FixedWindow(size=1, seconds=1.0)
    assert window.admit(5.0) == 0.0
    assert all(window.admit(5.5) == 0.5 for _ in range(100))
    assert window.admit(6.0) == 0.0


def test_a_clock_that_is_set_back_opens_a_window() -> None:
    """An earlier window is another one: nobody waits for the clock to catch up."""
    window = FixedWindow(size=1, seconds=1.0)
    assert window.admit(100.0) == 0.0
    assert window.admit(50.0) == 0.0


@given(st.integers(1, 5), st.floats(0.01, 100.0), STARTS, GAPS)
def test_whoever_waits_for_the_next_window_passes(
    size: int, seconds: float, start: float, gaps: list[float]
) -> None:
    """The wait is as long as was said, whatever the clock reads."""
    window, now = FixedWindow(size, seconds), start
    for gap in gaps:
        now += gap
        if wait := window.admit(now):
            assert 0.0 < wait <= seconds + 2e-6
            now += wait
            assert window.admit(now) == 0.0


@pytest.mark.parametrize(("wait", "header"), [(1e-9, 1), (0.2, 1), (1.0, 1), (1.01, 2), (59.5, 60)])
def test_retry_after_is_in_whole_seconds_rounded_up(wait: float, header: int) -> None:
    """Never 0, which would ask for an immediate retry."""
    assert retry_after_seconds(wait) == header
