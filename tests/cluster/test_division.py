from math import ceil, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.cluster.division import (
    SharedLimit,
    WorkerEvent,
    WorkerTimeout,
    number_of_shards,
    workers_within,
)
from collector.pace import Share
from collector.pace.types import AUTO_START
from collector.plan import MOST_SHARDS, Shard


@pytest.mark.parametrize(
    ("cells", "workers", "shards"),
    [
        (1, 1, 2),
        (1_000, 4, 4),
        (2_100, 2, 3),
        (10_000, 2, 10),
        (1_000_000, 2, 32),
        (1_000_000, 64, 1_000),
        (10_000_000, 64, 1_024),
    ],
)
def test_many_more_shards_than_workers_unless_they_would_be_tiny(
    cells: int, workers: int, shards: int
) -> None:
    """Sixteen for each worker, of a thousand cells at least; and never fewer than workers."""
    assert number_of_shards(cells, workers) == shards


@given(cells=st.integers(1, 10**9), workers=st.integers(1, 5_000))
def test_there_is_something_for_each_worker(cells: int, workers: int) -> None:
    """Two at least: a single shard would be the run without shards, and its files those of all."""
    shards = number_of_shards(cells, workers)
    assert min(workers, MOST_SHARDS) <= shards <= MOST_SHARDS
    assert shards >= 2
    assert shards <= max(2, workers, ceil(cells / 1_000))


def test_shards_that_are_there_are_resumed() -> None:
    """Whatever the workers; of several numbers that of which there are most."""
    found = [Shard(), Shard(0, 5), Shard(3, 5), Shard(0, 7)]
    assert number_of_shards(1_000_000, 64, found) == 5
    # What a run without shards has left behind says nothing.
    assert number_of_shards(10_000, 2, [Shard()]) == 10


@given(rate=st.floats(0.1, 10_000), at_work=st.integers(1, 1_000))
def test_the_shares_add_up_to_the_rate(rate: float, at_work: int) -> None:
    """And nothing is known of a limit."""
    share = Share.of(rate, at_work)
    assert share.ceiling * at_work == pytest.approx(rate)
    assert share.limit is None


def test_without_a_rate_they_begin_together_where_one_would() -> None:
    """All of them at ten requests per second."""
    share = Share.of(inf, 4)
    assert share.ceiling == inf
    assert share.start * 4 == AUTO_START


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        ([None, None, None, 20.0], None),
        ([None, None, 10.0, 20.0], 15.0),
        ([10.0, 20.0, 30.0, 20.0], 20.0),
        ([None, 20.0], None),
        ([], None),
    ],
)
def test_a_limit_is_shared_when_half_of_them_know_it(
    limits: list[float | None], limit: float | None
) -> None:
    """Of four that run: the others are taken to be like those that know theirs."""
    shared = SharedLimit()
    assert shared.take(limits, 4, 0.0) == (None if limit is None else 4 * limit)
    assert Share.of(inf, 4, shared.limit).limit == limit


def test_the_limit_of_all_stays_when_fewer_run() -> None:
    """Those that are left share it, and what they report before they know of it is old."""
    shared = SharedLimit()
    assert shared.take([20.0, 22.0], 2, 0.0) == 42.0
    assert shared.take([22.0], 1, 10.0) == 42.0
    assert Share.of(inf, 1, shared.limit).limit == 42.0
    assert shared.take([22.0], 1, 11.0) == 42.0
    # It has heard, and finds out more later.
    assert shared.take([42.0], 1, 13.5) == 42.0
    assert shared.take([37.0], 1, 30.0) == 37.0
    # When no shard is left, it is told in the summary.
    assert shared.take([], 1, 40.0) == 37.0


@pytest.mark.parametrize(
    ("max_outage", "seconds"), [(0, 10), (1, 10), (15, 15), (60, 60), (3600, 60), (inf, 60)]
)
def test_workers_are_waited_for_a_minute_or_less(max_outage: float, seconds: float) -> None:
    """As `--max-outage` says, but not for less than it takes to replace one."""
    assert workers_within(max_outage) == seconds


def test_each_event_about_workers_is_reported_once() -> None:
    """That all have gone after three seconds, that they are back, and that it takes too long."""
    timeout = WorkerTimeout(10.0)
    seen = [(2, 0.0), (0, 1.0), (0, 3.9), (0, 4.0), (0, 5.0), (1, 6.0), (1, 7.0)]
    told = [timeout.update(workers, now) for workers, now in seen]
    assert told == [None, None, None, WorkerEvent.GONE, None, WorkerEvent.BACK, None]
    assert not timeout.is_empty
    told = [timeout.update(0, now) for now in (8.0, 11.0, 17.9, 18.0, 19.0)]
    assert told == [None, WorkerEvent.GONE, None, WorkerEvent.TIMED_OUT, None]
    assert timeout.is_empty


def test_a_short_absence_is_no_news() -> None:
    """A worker that is replaced at once."""
    timeout = WorkerTimeout(10.0)
    assert [timeout.update(n % 2, 2.0 * n) for n in range(20)] == [None] * 20
