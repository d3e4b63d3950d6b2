from collections import Counter
from collections.abc import Callable, Iterator
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.pace import RetryBudget
from collector.run.queue import Feed, Job

_BUDGET = 100
"""Retries that a full budget pays for: 500 tokens at 5."""


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class _Service:
    """Says whether the service is in doubt, as the controller does."""

    is_doubtful = False

    def __call__(self) -> bool:
        return self.is_doubtful


def _cells(count: int) -> list[Cell]:
    return [Cell(str(number), SERVER_DEFAULT) for number in range(count)]


def _feed(
    count: int, max_waiting: int = 100, prefers_new: Callable[[], bool] = lambda: False
) -> tuple[Feed, _Clock]:
    clock = _Clock()
    cells = iter(_cells(count))
    return Feed(cells, max_waiting, clock, RetryBudget(clock(), lambda: 50.0), prefers_new), clock


def _take(feed: Feed) -> Job:
    job = feed.take()
    assert job is not None
    return job


def _fail(feed: Feed, job: Job, due: float = 0.0) -> None:
    """Let a try fail that is charged to its cell; the next is due at once, or at the given time."""
    job.tries += 1
    feed.put_back(job, due, is_charged=True)


def test_due_retries_come_by_the_time_they_are_due() -> None:
    """At equal times first come, first served; before their time, new cells."""
    feed, clock = _feed(5)
    jobs = [_take(feed) for _ in range(4)]
    for job, due in zip(jobs, [103.0, 101.0, 102.0, 101.0], strict=True):
        _fail(feed, job, due)
    assert feed.next_due() == 101.0
    clock.now = 100.999
    assert _take(feed).cell.company_id == "4"
    assert feed.take() is None
    clock.now = 101.0
    assert [_take(feed), _take(feed)] == [jobs[1], jobs[3]]
    assert feed.take() is None
    assert feed.next_due() == 102.0
    clock.now = 1000.0
    assert [_take(feed), _take(feed)] == [jobs[2], jobs[0]]
    assert feed.next_due() is None


@pytest.mark.parametrize("is_charged", [True, False])
def test_no_new_cell_is_begun_while_too_many_wait(*, is_charged: bool) -> None:
    """Whatever they wait for; due ones still go out, and make room."""
    feed, clock = _feed(10, max_waiting=2)
    for job in [_take(feed), _take(feed)]:
        feed.put_back(job, 101.0, is_charged=is_charged)
    assert feed.waiting == 2
    if is_charged:
        assert feed.take() is None
    assert not feed.is_finished
    clock.now = 101.0
    assert _take(feed).cell.company_id == "0"
    assert _take(feed).cell.company_id == "1"
    assert [_take(feed).cell.company_id for _ in range(8)] == [str(n) for n in range(2, 10)]


def test_waiting_is_bounded_while_new_cells_go_first() -> None:
    """Doubt about the service uses the plan up no further than anything else does."""
    feed, _ = _feed(1000, max_waiting=7, prefers_new=lambda: True)
    begun: set[str] = set()
    for _ in range(50):
        job = _take(feed)
        begun.add(job.cell.company_id)
        _fail(feed, job)
    assert begun == {str(number) for number in range(7)}
    assert feed.waiting == 7


def test_it_is_finished_when_nothing_can_come_back() -> None:
    """Not while cells are left, nor while one waits, nor while one is in work."""
    feed, _ = _feed(1)
    assert not feed.is_finished
    job = _take(feed)
    assert feed.take() is None
    assert (feed.in_work, feed.is_finished) == (1, False)
    for is_charged in (True, False):
        feed.put_back(job, 100.0, is_charged=is_charged)
        assert (feed.in_work, feed.waiting, feed.is_finished) == (0, 1, False)
        assert _take(feed) is job
        assert not feed.is_finished
    feed.settle()
    assert (feed.in_work, feed.waiting, feed.is_finished) == (0, 0, True)
    assert feed.take() is None


class _BeginsAnew(Iterator[Cell]):
    """An iterator of one cell that goes on after its end, which no iterator should."""

    asked = 0

    def __next__(self) -> Cell:
        self.asked += 1
        if self.asked == 2:
            raise StopIteration
        return Cell("0", SERVER_DEFAULT)


def test_an_iterator_is_asked_no_more_once_it_is_over() -> None:
    """Otherwise a cell could be collected twice, and the end would not be the end."""
    feed = Feed(_BeginsAnew(), 10, _Clock(), RetryBudget(100.0, lambda: 50.0), lambda: False)
    assert [feed.take() for _ in range(4)] == [Job(Cell("0", SERVER_DEFAULT)), None, None, None]


@pytest.mark.parametrize("is_charged", [True, False])
def test_a_closed_one_gives_nothing_more(*, is_charged: bool) -> None:
    """Neither a new cell nor a retry that is due; what is in work can still come back."""
    feed, clock = _feed(5)
    jobs = [_take(feed), _take(feed)]
    feed.put_back(jobs[0], 100.0, is_charged=is_charged)
    feed.is_closed = True
    clock.now = 200.0
    assert feed.take() is None
    feed.put_back(jobs[1], 100.0, is_charged=is_charged)
    assert feed.take() is None
    assert (feed.in_work, feed.waiting) == (0, 2)


def test_a_try_that_was_not_charged_comes_again_at_once() -> None:
    """Before retries that are due and before new cells, first come, first served."""
    feed, _ = _feed(9)
    due, one, two = (_take(feed) for _ in range(3))
    _fail(feed, due)
    feed.put_back(one, inf, is_charged=False)
    feed.put_back(two, inf, is_charged=False)
    assert feed.next_due() == 100.0
    assert [_take(feed), _take(feed), _take(feed)] == [one, two, due]
    assert _take(feed).cell.company_id == "3"


def test_while_the_service_is_in_doubt_new_cells_go_first() -> None:
    """A first try tells whether it is the service or the cell; retries follow, and are not lost."""
    service = _Service()
    feed, _ = _feed(4, prefers_new=service)
    jobs = [_take(feed), _take(feed)]
    _fail(feed, jobs[0])
    feed.put_back(jobs[1], 100.0, is_charged=False)
    service.is_doubtful = True
    assert _take(feed).cell.company_id == "2"
    service.is_doubtful = False
    assert _take(feed) is jobs[1]
    service.is_doubtful = True
    assert _take(feed).cell.company_id == "3"
    assert _take(feed) is jobs[0]
    assert feed.take() is None


def test_nobody_asks_about_the_service_while_nothing_waits() -> None:
    """There is nothing to choose from then."""

    def prefers_new() -> bool:
        raise AssertionError("nobody should ask")

    feed, _ = _feed(3, prefers_new=prefers_new)
    assert [_take(feed).cell.company_id for _ in range(3)] == ["0", "1", "2"]


def _use_up(feed: Feed) -> None:
    """Use the budget up with one cell that fails again and again."""
    job = _take(feed)
    for _ in range(_BUDGET):
        _fail(feed, job)
        assert _take(feed) is job
    _fail(feed, job)


def test_a_retry_beyond_the_budget_waits_for_a_tenth_of_a_second() -> None:
    """Ten retries a second are always possible; new cells are begun meanwhile."""
    feed, clock = _feed(3)
    _use_up(feed)
    assert feed.next_due() == 100.1
    assert _take(feed).cell.company_id == "1"
    clock.now = 100.099
    assert _take(feed).cell.company_id == "2"
    assert feed.take() is None
    clock.now = 100.101
    assert _take(feed).cell.company_id == "0"


@pytest.mark.parametrize(
    ("rate", "retries"), [(0.1, 1), (5.0, 1), (50.0, 10), (51.0, 10.2), (1000.0, 200)]
)
def test_retries_may_be_a_fifth_of_the_rate(rate: float, retries: float) -> None:
    """Or one a second, if that is more; the rate in force counts, not that of the beginning."""
    in_force = [1.0]
    budget = RetryBudget(100.0, lambda: in_force[0])
    while budget.next_at(100.0) <= 100.0:
        budget.spend()
    in_force[0] = rate
    assert budget.next_at(100.0) == pytest.approx(100.0 + 1 / retries)


def test_what_was_not_charged_needs_no_budget() -> None:
    """An outage uses nothing up: what waited for its end comes back at once."""
    feed, _ = _feed(50)
    _use_up(feed)
    jobs = [_take(feed) for _ in range(40)]
    for job in jobs:
        feed.put_back(job, 100.0, is_charged=False)
    assert feed.next_due() == 100.0
    assert [_take(feed) for _ in jobs] == jobs
    assert feed.budget.next_at(100.0) == 100.1


def test_five_answers_pay_for_a_retry() -> None:
    """Retries are a fifth of what succeeds once the budget is used up."""
    feed, _ = _feed(600)
    _use_up(feed)
    retries = 0
    for number in range(1, 501):
        feed.budget.succeeded(was_retry=False)
        job = _take(feed)
        if job.tries:
            retries += 1
            _fail(feed, job)
        else:
            feed.settle()
        assert retries == number // 5


def test_a_retry_that_succeeds_costs_nothing() -> None:
    """Its price comes back, so errors that pass by themselves are never noticed."""
    feed, _ = _feed(2000, max_waiting=5000)
    jobs = [_take(feed) for _ in range(2000)]
    for job in jobs:
        _fail(feed, job)
    for job in jobs:
        assert _take(feed) is job
        feed.budget.succeeded(was_retry=True)
        feed.settle()
    assert feed.take() is None
    assert feed.is_finished


def test_the_budget_holds_no_more_than_at_the_beginning() -> None:
    """A day without an error does not allow for a storm of retries afterwards."""
    feed, clock = _feed(1)
    for _ in range(100_000):
        feed.budget.succeeded(was_retry=False)
        feed.budget.succeeded(was_retry=True)
    clock.now += 86400.0
    _use_up(feed)
    assert feed.next_due() == pytest.approx(clock.now + 0.1)


@given(
    st.integers(1, 400),
    st.integers(0, 4),
    st.lists(st.floats(0.0, 3.0), min_size=1, max_size=10),
    st.booleans(),
)
def test_no_retry_is_given_up_for_the_budget(
    count: int,
    fails: int,
    delays: list[float],
    is_doubtful: bool,  # noqa: FBT001 - hypothesis passes it by position
) -> None:
    """Every cell gets each of its tries; beyond the budget and what succeeds, ten a second."""
    feed, clock = _feed(count, prefers_new=lambda: is_doubtful)
    tries: Counter[str] = Counter()
    answered = 0
    while not feed.is_finished:
        job = feed.take()
        if job is None:
            due = feed.next_due()
            if due is None:
                break
            # The clock goes on by a little at least, as every clock does.
            clock.now = max(due, clock.now + 1e-6)
            continue
        tries[job.cell.company_id] += 1
        if job.tries < fails:
            _fail(feed, job, clock.now + delays[tries.total() % len(delays)])
        else:
            feed.budget.succeeded(was_retry=job.tries > 0)
            answered += 1
            feed.settle()
        retries = tries.total() - len(tries)
        earned = _BUDGET + answered + 10 * (clock.now - 100.0)
        assert retries <= earned + 1e-6
    assert tries == {str(number): fails + 1 for number in range(count)}
    assert feed.is_finished
