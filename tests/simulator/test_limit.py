import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.simulator.limit import (
    FixedWindow,
    Limit,
    LimitState,
    LimitVerdict,
    RequestQueue,
    TokenBucket,
    retry_after_seconds,
    whole_seconds,
)

PASSES = LimitVerdict(passes=True, seconds=0.0)
GAPS = st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60)
RATES = st.floats(0.01, 1000.0)
STARTS = st.floats(0.0, 2e9)
HUNDREDTHS = st.lists(st.integers(0, 300), min_size=1, max_size=60)
"""Gaps that keep every decision far from the slack, where rounding decides."""


def refused(seconds: float) -> LimitVerdict:
    """Refuse a request for so many seconds."""
    return LimitVerdict(passes=False, seconds=seconds)


def how_many_pass(limit: Limit, now: float) -> int:
    """Count the requests that would pass at one moment, on a copy."""
    trial, passed = copy.deepcopy(limit), 0
    while trial.admit(now).passes:
        passed += 1
    return passed


def test_a_full_bucket_lets_its_depth_pass_at_once() -> None:
    """Then one more passes for every token that drops in."""
    bucket = TokenBucket(rate=2.0, depth=3)
    assert [bucket.admit(10.0) for _ in range(5)] == [PASSES] * 3 + [refused(0.5)] * 2
    assert bucket.admit(10.5) == PASSES
    assert bucket.admit(10.5) == refused(0.5)


def test_a_bucket_never_holds_more_than_its_depth() -> None:
    """A long rest does not save up more."""
    bucket = TokenBucket(rate=2.0, depth=2)
    assert [bucket.admit(1000.0).passes for _ in range(3)] == [True, True, False]
    assert [bucket.admit(5000.0).passes for _ in range(3)] == [True, True, False]


def test_refusals_take_nothing_from_the_bucket() -> None:
    """However often a client knocks in between, the next request passes in time."""
    bucket = TokenBucket(rate=1.0, depth=1)
    assert bucket.admit(0.0) == PASSES
    assert not any(bucket.admit(n / 100).passes for n in range(1, 100))
    assert bucket.admit(1.0) == PASSES


@given(RATES, st.integers(1, 20), STARTS, GAPS)
def test_a_bucket_keeps_its_promise(
    rate: float, depth: int, start: float, gaps: list[float]
) -> None:
    """Never more than depth + rate * time pass, and a client that waits as told passes."""
    bucket, now = TokenBucket(rate, depth), start
    for passed, gap in enumerate(gaps, start=1):
        now += gap
        verdict = bucket.admit(now)
        if not verdict.passes:
            now += verdict.seconds
            assert bucket.admit(now) == PASSES
        # A millionth of a second of slack is given once, and float sums need a little.
        assert passed <= depth + rate * (now - start + 2e-6) + 1e-6


def test_a_window_counts_anew_at_every_boundary_of_the_clock() -> None:
    """Windows begin at whole multiples of their length, not with the first request."""
    window = FixedWindow(size=2, seconds=10.0)
    assert [window.admit(19.0) for _ in range(3)] == [PASSES, PASSES, refused(1.0)]
    assert [window.admit(20.0) for _ in range(3)] == [PASSES, PASSES, refused(10.0)]


def test_refusals_do_not_count_in_a_window() -> None:
    """After any number of refusals, the next window still holds all of its size."""
    window = FixedWindow(size=1, seconds=1.0)
    assert window.admit(5.0) == PASSES
    assert all(window.admit(5.5) == refused(0.5) for _ in range(100))
    assert window.admit(6.0) == PASSES


def test_a_clock_that_is_set_back_opens_a_window() -> None:
    """An earlier window is another one: requests do not wait for the clock to catch up."""
    window = FixedWindow(size=1, seconds=1.0)
    assert window.admit(100.0) == PASSES
    assert window.admit(50.0) == PASSES


@given(st.integers(1, 5), st.floats(0.01, 100.0), STARTS, GAPS)
def test_a_client_that_waits_for_the_next_window_passes(
    size: int, seconds: float, start: float, gaps: list[float]
) -> None:
    """The wait is as long as was said, whatever the clock reads."""
    window, now = FixedWindow(size, seconds), start
    for gap in gaps:
        now += gap
        verdict = window.admit(now)
        if not verdict.passes:
            assert 0.0 < verdict.seconds <= seconds + 2e-6
            now += verdict.seconds
            assert window.admit(now) == PASSES


@pytest.mark.parametrize(("wait", "header"), [(1e-9, 1), (0.2, 1), (1.0, 1), (1.01, 2), (59.5, 60)])
def test_retry_after_is_in_whole_seconds_rounded_up(wait: float, header: int) -> None:
    """Never 0, which would ask for an immediate retry."""
    assert retry_after_seconds(wait) == header


def test_a_queue_delays_what_a_bucket_refuses() -> None:
    """The first passes at once, the next wait for their turn, and only a full queue refuses."""
    queue = RequestQueue(rate=2.0, length=3)
    assert [queue.admit(10.0) for _ in range(6)] == [
        PASSES,
        LimitVerdict(passes=True, seconds=0.5),
        LimitVerdict(passes=True, seconds=1.0),
        LimitVerdict(passes=True, seconds=1.5),
        refused(0.5),
        refused(0.5),
    ]
    assert queue.admit(10.5) == LimitVerdict(passes=True, seconds=1.5)
    assert queue.admit(10.75) == refused(0.25)


def test_a_queue_that_ran_empty_saves_nothing_up() -> None:
    """After a rest of any length one passes at once, not more."""
    queue = RequestQueue(rate=2.0, length=1)
    assert [queue.admit(10.0).seconds for _ in range(2)] == [0.0, 0.5]
    assert [queue.admit(1000.0).seconds for _ in range(2)] == [0.0, 0.5]


@pytest.mark.parametrize("rate", [0.7, 3.0, 4.6])
def test_turns_do_not_drift(rate: float) -> None:
    """Of a rush, the n-th after the first leaves after n / rate to the last bit, also late ones."""
    queue = RequestQueue(rate, length=50_000)
    early = [queue.admit(0.0) for _ in range(40_000)]
    late = [queue.admit(1.0) for _ in range(10_000)]
    assert [verdict.seconds for verdict in early] == [n / rate for n in range(40_000)]
    assert [verdict.seconds for verdict in late] == [n / rate - 1.0 for n in range(40_000, 50_000)]
    assert all(verdict.passes for verdict in early + late)


@given(RATES, st.integers(1, 20), STARTS, GAPS)
def test_a_queue_keeps_its_promise(
    rate: float, length: int, start: float, gaps: list[float]
) -> None:
    """Requests leave one by one at the rate, wait no longer than the queue, and pass when told."""
    queue, now, earlier = RequestQueue(rate, length), start, -1e9
    for gap in gaps:
        now += gap / rate
        verdict = queue.admit(now)
        if not verdict.passes:
            assert 0.0 < verdict.seconds <= 1.0 / rate + 1e-6
            now += verdict.seconds
            verdict = queue.admit(now)
            assert verdict.passes
        assert 0.0 <= verdict.seconds <= length / rate + 2e-6
        leaves = now + verdict.seconds
        assert leaves >= earlier + 1.0 / rate - 2e-6
        earlier = leaves


def test_a_bucket_announces_its_tokens() -> None:
    """The whole tokens at the moment, and when it will be full; a refusal changes neither."""
    bucket = TokenBucket(rate=2.0, depth=3)
    assert bucket.allowance(10.0) == LimitState(limit=3, remaining=3, reset=0.0)
    bucket.admit(10.0)
    assert bucket.allowance(10.0) == LimitState(limit=3, remaining=2, reset=0.5)
    assert not [bucket.admit(10.0) for _ in range(3)][-1].passes
    assert bucket.allowance(10.0) == LimitState(limit=3, remaining=0, reset=1.5)
    assert bucket.allowance(10.75) == LimitState(limit=3, remaining=1, reset=0.75)
    assert bucket.allowance(99.0) == LimitState(limit=3, remaining=3, reset=0.0)


def test_a_window_announces_what_it_still_lets_pass() -> None:
    """Until the next one begins, which holds all of its size again."""
    window = FixedWindow(size=2, seconds=10.0)
    assert window.allowance(14.0) == LimitState(limit=2, remaining=2, reset=6.0)
    window.admit(14.0)
    assert window.allowance(15.0) == LimitState(limit=2, remaining=1, reset=5.0)
    assert not [window.admit(15.0) for _ in range(2)][-1].passes
    assert window.allowance(15.0) == LimitState(limit=2, remaining=0, reset=5.0)
    assert window.allowance(20.0) == LimitState(limit=2, remaining=2, reset=10.0)


def test_a_queue_announces_nothing() -> None:
    """It has no allowance to be used up."""
    queue: Limit = RequestQueue(rate=2.0, length=3)
    assert queue.allowance(10.0) is None


@given(st.integers(1, 50), st.integers(1, 20), st.sampled_from(["bucket", "window"]), HUNDREDTHS)
def test_what_is_announced_is_what_passes(
    rate: int, depth: int, kind: str, gaps: list[int]
) -> None:
    """So many pass at the moment and not one more; at the reset, all of them."""
    limit: Limit = TokenBucket(rate, depth)
    if kind == "window":
        limit = FixedWindow(depth, 1.0 / rate)
    hundredths = 0
    for gap in gaps:
        hundredths += gap
        now = hundredths / 100
        limit.admit(now)
        told = limit.allowance(now)
        assert told is not None
        assert how_many_pass(limit, now) == told.remaining <= told.limit == depth
        assert how_many_pass(limit, now + told.reset) == depth


@pytest.mark.parametrize(("wait", "header"), [(0.0, 0), (1e-9, 0), (0.2, 1), (1.0, 1), (1.01, 2)])
def test_a_reset_is_in_whole_seconds_rounded_up(wait: float, header: int) -> None:
    """0 if the allowance is whole already; the rounding of a clock does not make a second."""
    assert whole_seconds(wait) == header
