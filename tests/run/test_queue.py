from collections import Counter
from collections.abc import Callable, Iterator
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.pace import RetryBudget
from collector.run.queue import WorkItem, WorkQueue

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


def _queue(
    count: int, max_waiting: int = 100, prefers_new: Callable[[], bool] = lambda: False
) -> tuple[WorkQueue, _Clock]:
    clock = _Clock()
    cells = iter(_cells(count))
    return WorkQueue(
        cells, max_waiting, clock, RetryBudget(clock(), lambda: 50.0), prefers_new
    ), clock


def _take(queue: WorkQueue) -> WorkItem:
    item = queue.take()
    assert item is not None
    return item


def _fail(queue: WorkQueue, item: WorkItem, due: float = 0.0) -> None:
    """Let a try fail that is charged to its cell; the next is due at once, or at the given time."""
    item.tries += 1
    queue.put_back(item, due, is_charged=True)


def test_due_retries_come_by_the_time_they_are_due() -> None:
    """At equal times first come, first served; before their time, new cells."""
    queue, clock = _queue(5)
    items = [_take(queue) for _ in range(4)]
    for item, due in zip(items, [103.0, 101.0, 102.0, 101.0], strict=True):
        _fail(queue, item, due)
    assert queue.next_due() == 101.0
    clock.now = 100.999
    assert _take(queue).cell.company_id == "4"
    assert queue.take() is None
    clock.now = 101.0
    assert [_take(queue), _take(queue)] == [items[1], items[3]]
    assert queue.take() is None
    assert queue.next_due() == 102.0
    clock.now = 1000.0
    assert [_take(queue), _take(queue)] == [items[2], items[0]]
    assert queue.next_due() is None


@pytest.mark.parametrize("is_charged", [True, False])
def test_no_new_cell_is_begun_while_too_many_wait(*, is_charged: bool) -> None:
    """Whatever they wait for; due ones still go out, and make room."""
    queue, clock = _queue(10, max_waiting=2)
    for item in [_take(queue), _take(queue)]:
        queue.put_back(item, 101.0, is_charged=is_charged)
    assert queue.waiting == 2
    if is_charged:
        assert queue.take() is None
    assert not queue.is_finished
    clock.now = 101.0
    assert _take(queue).cell.company_id == "0"
    assert _take(queue).cell.company_id == "1"
    assert [_take(queue).cell.company_id for _ in range(8)] == [str(n) for n in range(2, 10)]


def test_waiting_is_bounded_while_new_cells_go_first() -> None:
    """Doubt about the service uses the plan up no further than anything else does."""
    queue, _ = _queue(1000, max_waiting=7, prefers_new=lambda: True)
    begun: set[str] = set()
    for _ in range(50):
        item = _take(queue)
        begun.add(item.cell.company_id)
        _fail(queue, item)
    assert begun == {str(number) for number in range(7)}
    assert queue.waiting == 7


def test_it_is_finished_when_nothing_can_come_back() -> None:
    """Not while cells are left, nor while one waits, nor while one is in work."""
    queue, _ = _queue(1)
    assert not queue.is_finished
    item = _take(queue)
    assert queue.take() is None
    assert (queue.in_progress, queue.is_finished) == (1, False)
    for is_charged in (True, False):
        queue.put_back(item, 100.0, is_charged=is_charged)
        assert (queue.in_progress, queue.waiting, queue.is_finished) == (0, 1, False)
        assert _take(queue) is item
        assert not queue.is_finished
    queue.settle()
    assert (queue.in_progress, queue.waiting, queue.is_finished) == (0, 0, True)
    assert queue.take() is None


class _BeginsAnew(Iterator[Cell]):
    """An iterator of one cell that continues after its end, which no iterator should."""

    asked = 0

    def __next__(self) -> Cell:
        self.asked += 1
        if self.asked == 2:
            raise StopIteration
        return Cell("0", SERVER_DEFAULT)


def test_an_iterator_is_asked_no_more_once_it_is_over() -> None:
    """Otherwise a cell could be collected twice, and the end would not be the end."""
    queue = WorkQueue(_BeginsAnew(), 10, _Clock(), RetryBudget(100.0, lambda: 50.0), lambda: False)
    assert [queue.take() for _ in range(4)] == [
        WorkItem(Cell("0", SERVER_DEFAULT)),
        None,
        None,
        None,
    ]


@pytest.mark.parametrize("is_charged", [True, False])
def test_a_closed_one_gives_nothing_more(*, is_charged: bool) -> None:
    """Neither a new cell nor a retry that is due; what is in work can still come back."""
    queue, clock = _queue(5)
    items = [_take(queue), _take(queue)]
    queue.put_back(items[0], 100.0, is_charged=is_charged)
    queue.is_closed = True
    clock.now = 200.0
    assert queue.take() is None
    queue.put_back(items[1], 100.0, is_charged=is_charged)
    assert queue.take() is None
    assert (queue.in_progress, queue.waiting) == (0, 2)


def test_a_try_that_was_not_charged_comes_again_at_once() -> None:
    """Before retries that are due and before new cells, first come, first served."""
    queue, _ = _queue(9)
    due, one, two = (_take(queue) for _ in range(3))
    _fail(queue, due)
    queue.put_back(one, inf, is_charged=False)
    queue.put_back(two, inf, is_charged=False)
    assert queue.next_due() == 100.0
    assert [_take(queue), _take(queue), _take(queue)] == [one, two, due]
    assert _take(queue).cell.company_id == "3"


def test_while_the_service_is_in_doubt_new_cells_go_first() -> None:
    """A first try tells whether it is the service or the cell; retries follow, and are not lost."""
    service = _Service()
    queue, _ = _queue(4, prefers_new=service)
    items = [_take(queue), _take(queue)]
    _fail(queue, items[0])
    queue.put_back(items[1], 100.0, is_charged=False)
    service.is_doubtful = True
    assert _take(queue).cell.company_id == "2"
    service.is_doubtful = False
    assert _take(queue) is items[1]
    service.is_doubtful = True
    assert _take(queue).cell.company_id == "3"
    assert _take(queue) is items[0]
    assert queue.take() is None


def test_no_task_asks_about_the_service_while_nothing_waits() -> None:
    """There is nothing to choose from then."""

    def prefers_new() -> bool:
        raise AssertionError("no call is expected")

    queue, _ = _queue(3, prefers_new=prefers_new)
    assert [_take(queue).cell.company_id for _ in range(3)] == ["0", "1", "2"]


def _use_up(queue: WorkQueue) -> None:
    """Use the budget up with one cell that fails again and again."""
    item = _take(queue)
    for _ in range(_BUDGET):
        _fail(queue, item)
        assert _take(queue) is item
    _fail(queue, item)


def test_a_retry_beyond_the_budget_waits_for_a_tenth_of_a_second() -> None:
    """Ten retries per second are always possible; new cells are begun meanwhile."""
    queue, clock = _queue(3)
    _use_up(queue)
    assert queue.next_due() == 100.1
    assert _take(queue).cell.company_id == "1"
    clock.now = 100.099
    assert _take(queue).cell.company_id == "2"
    assert queue.take() is None
    clock.now = 100.101
    assert _take(queue).cell.company_id == "0"


@pytest.mark.parametrize(
    ("rate", "retries"), [(0.1, 1), (5.0, 1), (50.0, 10), (51.0, 10.2), (1000.0, 200)]
)
def test_retries_may_be_a_fifth_of_the_rate(rate: float, retries: float) -> None:
    """Or one per second, if that is more; the rate in force counts, not that of the beginning."""
    in_force = [1.0]
    budget = RetryBudget(100.0, lambda: in_force[0])
    while budget.next_at(100.0) <= 100.0:
        budget.spend()
    in_force[0] = rate
    assert budget.next_at(100.0) == pytest.approx(100.0 + 1 / retries)


def test_what_was_not_charged_needs_no_budget() -> None:
    """An outage uses nothing up: what waited for its end comes back at once."""
    queue, _ = _queue(50)
    _use_up(queue)
    items = [_take(queue) for _ in range(40)]
    for item in items:
        queue.put_back(item, 100.0, is_charged=False)
    assert queue.next_due() == 100.0
    assert [_take(queue) for _ in items] == items
    assert queue.budget.next_at(100.0) == 100.1


def test_five_answers_pay_for_a_retry() -> None:
    """Retries are a fifth of what succeeds once the budget is used up."""
    queue, _ = _queue(600)
    _use_up(queue)
    retries = 0
    for number in range(1, 501):
        queue.budget.succeeded(was_retry=False)
        item = _take(queue)
        if item.tries:
            retries += 1
            _fail(queue, item)
        else:
            queue.settle()
        assert retries == number // 5


def test_a_retry_that_succeeds_costs_nothing() -> None:
    """Its price comes back, so errors that pass by themselves are never noticed."""
    queue, _ = _queue(2000, max_waiting=5000)
    items = [_take(queue) for _ in range(2000)]
    for item in items:
        _fail(queue, item)
    for item in items:
        assert _take(queue) is item
        queue.budget.succeeded(was_retry=True)
        queue.settle()
    assert queue.take() is None
    assert queue.is_finished


def test_the_budget_holds_no_more_than_at_the_beginning() -> None:
    """A day without an error does not allow for a storm of retries afterwards."""
    queue, clock = _queue(1)
    for _ in range(100_000):
        queue.budget.succeeded(was_retry=False)
        queue.budget.succeeded(was_retry=True)
    clock.now += 86400.0
    _use_up(queue)
    assert queue.next_due() == pytest.approx(clock.now + 0.1)


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
    queue, clock = _queue(count, prefers_new=lambda: is_doubtful)
    tries: Counter[str] = Counter()
    answered = 0
    while not queue.is_finished:
        item = queue.take()
        if item is None:
            due = queue.next_due()
            if due is None:
                break
            # The clock advances by a little at least, as every clock does.
            clock.now = max(due, clock.now + 1e-6)
            continue
        tries[item.cell.company_id] += 1
        if item.tries < fails:
            _fail(queue, item, clock.now + delays[tries.total() % len(delays)])
        else:
            queue.budget.succeeded(was_retry=item.tries > 0)
            answered += 1
            queue.settle()
        retries = tries.total() - len(tries)
        earned = _BUDGET + answered + 10 * (clock.now - 100.0)
        assert retries <= earned + 1e-6
    assert tries == {str(number): fails + 1 for number in range(count)}
    assert queue.is_finished
