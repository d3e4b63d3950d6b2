import asyncio
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.confirmation import Confirmation, ConnectionUse
from collector.core.errors import (
    AttributionError,
    CredentialsError,
    OutageError,
    StoppedError,
    StorageError,
)
from collector.core.outcome import Answer, Counters, Failure, FailureKind, Outcome
from collector.run.held import Settled
from collector.run.pool import Pool, Retriable, RetryDecision
from collector.run.queue import WorkItem
from collector.telemetry.stats import RunStats

_NOW = datetime(2026, 11, 23, tzinfo=UTC)
_ANSWER = Answer(b"{}", Counters(1, 1, 0, 0, 1, {}), fetched_at=_NOW, requests=1)


@dataclass(frozen=True)
class _Again:
    """The next try, as a retry policy would ask for it."""

    delay: float
    counts: bool = True


@dataclass(frozen=True)
class _Try:
    """A try that fails: how many requests it sends, and the retry that follows it."""

    requests: int
    retry: _Again


@dataclass(frozen=True)
class _Script:
    """What happens to one cell: tries that fail, then an answer or the end."""

    fails: tuple[_Try, ...]
    is_answered: bool
    steps: int
    """How many turns of the event loop each of its requests takes."""


class _Watched(RunStats):
    """Stats that count how often workers look for a job: each time they note `retrying`."""

    looks = 0
    most_retrying = 0

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "retrying":
            self.looks += 1
            self.most_retrying = max(self.most_retrying, self.retrying)


def _failure(message: str = "no", requests: int = 1) -> Failure:
    return Failure(FailureKind.HTTP, 500, message, None, _NOW, requests)


def _cells(count: int) -> list[Cell]:
    return [Cell(str(number), SERVER_DEFAULT) for number in range(count)]


def _never(
    _failure: Failure, _tries: int, _spared: int, _random: Callable[[], float]
) -> Retriable | None:
    return None


def _always(delay: float) -> RetryDecision:
    def decide(
        _failure: Failure, _tries: int, _spared: int, _random: Callable[[], float]
    ) -> Retriable:
        return _Again(delay)

    return decide


async def _accept(_job: WorkItem, _outcome: Outcome) -> None:
    pass


async def _answer(_cell: Cell) -> Outcome:
    return _ANSWER


async def _fail(cell: Cell) -> Outcome:
    return _failure(cell.company_id)


async def _hang(_cell: Cell) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError("no task sets this event")


def _unnoticed(_job: WorkItem, _failure: Failure, _retry: Retriable) -> None:
    pass


@dataclass
class _Bench:
    """A pool with fakes at its seams."""

    cells: Iterable[Cell]
    fetch: Callable[[Cell], Awaitable[Outcome]] = _answer
    decide: RetryDecision = _never
    settle: Callable[[WorkItem, Outcome], Awaitable[None]] = _accept
    on_retry: Callable[[WorkItem, Failure, Retriable], None] = _unnoticed
    concurrency: int = 1
    planned: int | None = None
    retried: Counter[str] = field(default_factory=Counter)
    """How often each company was asked for after a try that was charged to it."""
    uses: list[ConnectionUse] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    """How many outcomes were settled together."""
    stats: _Watched = field(init=False)

    async def _fetch(
        self, cell: Cell, *, is_retry: bool, use: Callable[[], ConnectionUse], **_: object
    ) -> Outcome:
        self.retried[cell.company_id] += is_retry
        self.uses.append(use())
        return await self.fetch(cell)

    async def _settle(self, settled: Sequence[Settled]) -> None:
        self.batches.append(len(settled))
        for item, outcome in settled:
            await self.settle(item, outcome)

    def pool(self) -> Pool:
        if self.planned is None:
            self.cells = list(self.cells)
            self.planned = len(self.cells)
        self.stats = _Watched(self.planned)
        return Pool(
            iter(self.cells),
            rate=lambda: 50.0,
            fetch=self._fetch,
            decide=self.decide,
            settle=self._settle,
            on_retry=self.on_retry,
            stats=self.stats,
            concurrency=self.concurrency,
        )

    async def run(self) -> None:
        async with asyncio.timeout(3):
            await self.pool().run()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run the pool until the block ends."""
        task = asyncio.create_task(self.pool().run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _turns(count: int = 500) -> None:
    """Let everything happen that needs no time."""
    for _ in range(count):
        await asyncio.sleep(0)


def _other_tasks() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


class _Play:
    """Plays a script for each cell, and keeps the books."""

    def __init__(self, scripts: list[_Script], concurrency: int) -> None:
        self.scripts = {cell.company_id: s for cell, s in zip(_cells(999), scripts, strict=False)}
        self.tries: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0
        self.settled: list[tuple[str, bool, int, int]] = []
        self.noticed: Counter[str] = Counter()
        self.bench = _Bench(
            _cells(len(scripts)),
            fetch=self.fetch,
            decide=self.decide,
            settle=self.settle,
            on_retry=self.on_retry,
            concurrency=concurrency,
        )

    async def fetch(self, cell: Cell) -> Outcome:
        script = self.scripts[cell.company_id]
        number = self.tries[cell.company_id]
        self.tries[cell.company_id] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await _turns(script.steps)
        self.in_flight -= 1
        if number < len(script.fails):
            return _failure(cell.company_id, script.fails[number].requests)
        return _ANSWER if script.is_answered else _failure(cell.company_id)

    def decide(
        self, failure: Failure, tries: int, _spared: int, _random: Callable[[], float]
    ) -> Retriable | None:
        script = self.scripts[failure.message]
        before = script.fails[: self.tries[failure.message] - 1]
        assert tries == sum(fail.retry.counts for fail in before)
        if len(before) < len(script.fails):
            return script.fails[len(before)].retry
        return None

    async def settle(self, item: WorkItem, outcome: Outcome) -> None:
        is_answered = isinstance(outcome, Answer)
        self.settled.append((item.cell.company_id, is_answered, item.tries, item.requests))
        await asyncio.sleep(0)

    def on_retry(self, item: WorkItem, failure: Failure, retry: Retriable) -> None:
        script = self.scripts[item.cell.company_id]
        assert failure.message == item.cell.company_id
        assert retry is script.fails[self.noticed[item.cell.company_id]].retry
        self.noticed[item.cell.company_id] += 1


_TRIES = st.builds(
    _Try,
    st.integers(0, 3),
    st.builds(_Again, st.sampled_from([0.0, 0.0, 0.0005, 0.002]), st.booleans()),
)
_SCRIPTS = st.builds(
    _Script, st.lists(_TRIES, max_size=3).map(tuple), st.booleans(), st.integers(0, 3)
)


# A pool that hangs takes seconds to give up on: examples of that are not made smaller.
@settings(deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(_SCRIPTS, max_size=8), st.integers(1, 4))
def test_every_cell_is_settled_exactly_once(scripts: list[_Script], concurrency: int) -> None:
    """Whatever happens to the cells, with tries and requests counted, within the concurrency."""
    play = _Play(scripts, concurrency)
    asyncio.run(play.bench.run())
    assert sorted(play.settled) == sorted(
        (
            company_id,
            script.is_answered,
            sum(fail.retry.counts for fail in script.fails) + (not script.is_answered),
            sum(fail.requests for fail in script.fails) + 1,
        )
        for company_id, script in play.scripts.items()
    )
    assert play.most_in_flight <= concurrency
    assert play.bench.stats.retries == sum(len(script.fails) for script in scripts)
    assert play.bench.stats.retrying == 0
    assert play.noticed.total() == play.bench.stats.retries
    assert play.bench.retried.total() == sum(
        any(fail.retry.counts for fail in script.fails[:number])
        for script in scripts
        for number in range(len(script.fails) + 1)
    )


async def test_as_many_cells_as_allowed_are_fetched_at_a_time() -> None:
    """Not one more, and not one less while there are cells."""
    entered: list[str] = []

    async def fetch(cell: Cell) -> Outcome:
        entered.append(cell.company_id)
        return await _hang(cell)

    async with _Bench(_cells(20), fetch=fetch, concurrency=7).running():
        await _turns()
        assert sorted(entered) == ["0", "1", "2", "3", "4", "5", "6"]


async def test_cells_are_taken_as_they_are_needed() -> None:
    """Of ten million cells only those are made that a worker takes."""
    taken = 0

    def cells() -> Iterator[Cell]:
        nonlocal taken
        for number in range(10_000_000):
            taken += 1
            yield Cell(str(number), SERVER_DEFAULT)

    async with _Bench(cells(), fetch=_hang, concurrency=5, planned=10_000_000).running():
        await _turns()
        assert taken == 5


async def test_a_waiting_retry_holds_no_worker() -> None:
    """The only worker continues with other cells until the retry is due, and is not early."""
    fetched: list[str] = []
    times: list[float] = []

    async def fetch(cell: Cell) -> Outcome:
        fetched.append(cell.company_id)
        if cell.company_id != "0":
            return _ANSWER
        times.append(time.monotonic())
        return _failure() if len(times) == 1 else _ANSWER

    await _Bench(_cells(20), fetch=fetch, decide=_always(0.3)).run()
    assert fetched == [*(str(number) for number in range(20)), "0"]
    assert 0.3 <= times[1] - times[0] < 3.0


async def test_waiting_cells_are_bounded() -> None:
    """When everything fails, the plan is not used up, and the workers rest."""
    taken = 0

    def cells() -> Iterator[Cell]:
        nonlocal taken
        for cell in _cells(10_000):
            taken += 1
            yield cell

    bench = _Bench(cells(), fetch=_fail, decide=_always(3600.0), concurrency=4, planned=10_000)
    async with bench.running():
        await _turns(2000)
        assert 4 < taken <= 4 * 17
        assert bench.stats.most_retrying == taken
        looks = bench.stats.looks
        await asyncio.sleep(0.05)
        assert bench.stats.looks == looks


@pytest.mark.parametrize("concurrency", [1, 2, 3])
async def test_after_the_bound_the_plan_continues(concurrency: int) -> None:
    """Once retries are due there is room again: every cell is settled once, and few wait."""
    tries: Counter[str] = Counter()
    settled: Counter[str] = Counter()

    async def fetch(cell: Cell) -> Outcome:
        tries[cell.company_id] += 1
        return _failure() if tries[cell.company_id] == 1 else _ANSWER

    async def settle(item: WorkItem, _outcome: Outcome) -> None:
        settled[item.cell.company_id] += 1

    bench = _Bench(
        _cells(60 * concurrency),
        fetch=fetch,
        decide=_always(0.03),
        settle=settle,
        concurrency=concurrency,
    )
    await bench.run()
    assert settled == Counter(cell.company_id for cell in _cells(60 * concurrency))
    assert bench.stats.most_retrying <= 17 * concurrency


async def test_due_retries_go_before_new_cells() -> None:
    """What was begun is finished first."""
    fetched: list[str] = []

    async def fetch(cell: Cell) -> Outcome:
        fetched.append(cell.company_id)
        return _failure() if fetched.count(cell.company_id) < 3 else _ANSWER

    await _Bench(_cells(3), fetch=fetch, decide=_always(0.0)).run()
    assert "".join(fetched) == "000111222"


async def test_a_failing_cell_stops_no_other() -> None:
    """It is settled with its failure, and the rest with their answers."""
    outcomes: dict[str, Outcome] = {}

    async def fetch(cell: Cell) -> Outcome:
        return _failure(cell.company_id) if int(cell.company_id) % 2 else _ANSWER

    async def settle(item: WorkItem, outcome: Outcome) -> None:
        outcomes[item.cell.company_id] = outcome

    await _Bench(_cells(30), fetch=fetch, settle=settle, concurrency=3).run()
    assert outcomes == {
        str(number): _failure(str(number)) if number % 2 else _ANSWER for number in range(30)
    }


async def test_a_slow_disk_holds_the_workers() -> None:
    """A worker that waits for the disk takes no new cell."""
    fetched: list[str] = []
    is_writable = asyncio.Event()

    async def fetch(cell: Cell) -> Outcome:
        fetched.append(cell.company_id)
        return _ANSWER

    async def settle(_job: WorkItem, _outcome: Outcome) -> None:
        await is_writable.wait()

    async with _Bench(_cells(9), fetch=fetch, settle=settle, concurrency=2).running() as task:
        await _turns()
        assert fetched == ["0", "1"]
        is_writable.set()
        async with asyncio.timeout(3):
            await task
    assert len(fetched) == 9


_PLACES = ["cells", "fetch", "decide", "on_retry", "settle"]


class _Trap:
    """Four cells, of which the last raises in the given place while the others hang."""

    def __init__(self, place: str, error: Exception) -> None:
        self.place = place
        self.error = error
        self.cleaned: list[str] = []
        self.bench = _Bench(
            self.cells(),
            fetch=self.fetch,
            decide=self.decide,
            settle=self.settle,
            on_retry=self.on_retry,
            concurrency=4,
            planned=4,
        )

    def spring(self, place: str) -> None:
        if place == self.place:
            raise self.error

    def cells(self) -> Iterator[Cell]:
        yield from _cells(3)
        self.spring("cells")
        yield Cell("3", SERVER_DEFAULT)

    async def fetch(self, cell: Cell) -> Outcome:
        if cell.company_id == "3":
            await _turns(3)
            self.spring("fetch")
            return _ANSWER if self.place == "settle" else _failure()
        try:
            return await _hang(cell)
        finally:
            await _turns(3)
            self.cleaned.append(cell.company_id)

    def decide(
        self, _failure: Failure, _tries: int, _spared: int, _random: Callable[[], float]
    ) -> Retriable:
        self.spring("decide")
        return _Again(0.0)

    def on_retry(self, _job: WorkItem, _failure: Failure, _retry: Retriable) -> None:
        self.spring("on_retry")

    async def settle(self, _job: WorkItem, _outcome: Outcome) -> None:
        self.spring("settle")


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize("error", [StorageError("disk full"), ZeroDivisionError("a bug")])
async def test_an_error_ends_the_pool_in_order(place: str, error: Exception) -> None:
    """All workers are cancelled and awaited; the error itself is raised, and no group of it."""
    trap = _Trap(place, error)
    with pytest.raises(type(error)) as caught:
        await trap.bench.run()
    assert caught.value is error
    assert sorted(trap.cleaned) == ["0", "1", "2"]
    assert _other_tasks() == set()


@pytest.mark.parametrize("is_explicit", [True, False])
async def test_an_error_keeps_what_led_to_it(*, is_explicit: bool) -> None:
    """The traceback of a bug shows its cause as well, or it is not found."""

    async def fetch(cell: Cell) -> Outcome:
        try:
            int(f"no number: {cell.company_id}")
        except ValueError as root:
            if is_explicit:
                raise ArithmeticError("the bug") from root
            raise ArithmeticError("the bug")  # noqa: B904 - a context, as a bug would have it
        return _ANSWER

    with pytest.raises(ArithmeticError, match="the bug") as caught:
        await _Bench(_cells(1), fetch=fetch).run()
    assert "no number: 0" in "".join(traceback.format_exception(caught.value))


_BUG = ZeroDivisionError("a bug")
_DISK = StorageError("disk full")
_OTHERS = (CredentialsError("refused"), OutageError("out of reach"))


@pytest.mark.parametrize(
    ("errors", "raised"),
    [
        ([*_OTHERS, _DISK, _BUG], _BUG),
        ([_BUG, _DISK, *_OTHERS], _BUG),
        ([_OTHERS[0], _DISK, _OTHERS[1]], _DISK),
    ],
)
async def test_of_several_errors_the_main_one_is_raised(
    errors: list[Exception], raised: Exception
) -> None:
    """A bug outweighs a disk that refuses, and that one outweighs the rest."""
    together = asyncio.Barrier(len(errors))

    async def fetch(cell: Cell) -> Outcome:
        await together.wait()
        raise errors[int(cell.company_id)]

    with pytest.raises(type(raised)) as caught:
        await _Bench(_cells(len(errors)), fetch=fetch, concurrency=len(errors)).run()
    assert caught.value is raised
    assert _other_tasks() == set()


async def test_cancellation_leaves_nothing_behind() -> None:
    """Workers that fetch, that settle and that idle all end, with their cleanup."""
    cleaned: list[str] = []

    async def hang(what: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await _turns(3)
            cleaned.append(what)

    async def fetch(cell: Cell) -> Outcome:
        if cell.company_id == "0":
            await hang("fetch")
        return _failure() if cell.company_id == "1" else _ANSWER

    async def settle(_job: WorkItem, _outcome: Outcome) -> None:
        await hang("settle")

    bench = _Bench(_cells(3), fetch=fetch, settle=settle, decide=_always(3600.0), concurrency=3)
    task = asyncio.create_task(bench.pool().run())
    await _turns()
    assert bench.stats.retrying == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cleaned) == ["fetch", "settle"]
    assert _other_tasks() == set()


async def test_idle_workers_wake_for_a_retry_and_rest_until_then() -> None:
    """Eight workers wait for one retry: it comes when due, and none of them polls for it."""
    times: list[float] = []

    async def fetch(cell: Cell) -> Outcome:
        if cell.company_id != "0":
            return _ANSWER
        times.append(time.monotonic())
        return _failure() if len(times) < 3 else _ANSWER

    bench = _Bench(_cells(8), fetch=fetch, decide=_always(0.1), concurrency=8)
    await bench.run()
    assert 0.2 <= times[2] - times[0] < 2.0
    assert bench.stats.looks <= 8 * 10


async def test_idle_workers_end_with_the_last_job() -> None:
    """They rest while it takes its time, and end when it is settled."""
    is_answered = asyncio.Event()

    async def fetch(cell: Cell) -> Outcome:
        if cell.company_id == "3":
            await is_answered.wait()
        return _ANSWER

    bench = _Bench(_cells(8), fetch=fetch, concurrency=8)
    async with bench.running() as task:
        await _turns()
        looks = bench.stats.looks
        await asyncio.sleep(0.05)
        assert bench.stats.looks == looks
        assert not task.done()
        is_answered.set()
        async with asyncio.timeout(3):
            await task
        assert bench.stats.looks <= looks + 2 * 8


async def test_an_idle_worker_does_not_miss_an_earlier_retry() -> None:
    """A retry that is put back later but is due sooner is not held up by the previous one."""
    tries: Counter[str] = Counter()
    settled: list[str] = []

    async def fetch(cell: Cell) -> Outcome:
        tries[cell.company_id] += 1
        if cell.company_id == "1":
            await _turns(20)
        return _failure(cell.company_id) if tries[cell.company_id] == 1 else _ANSWER

    def decide(
        failure: Failure, _tries: int, _spared: int, _random: Callable[[], float]
    ) -> Retriable:
        return _Again(3600.0 if failure.message == "0" else 0.02)

    is_settled = asyncio.Event()

    async def settle(item: WorkItem, _outcome: Outcome) -> None:
        settled.append(item.cell.company_id)
        is_settled.set()

    bench = _Bench(_cells(2), fetch=fetch, decide=decide, settle=settle, concurrency=2)
    async with bench.running():
        async with asyncio.timeout(3):
            await is_settled.wait()
        assert settled == ["1"]


async def test_no_more_workers_than_cells_are_started() -> None:
    """One cell needs one worker, however many are allowed."""
    async with _Bench(_cells(1), fetch=_hang, concurrency=10_000).running() as task:
        await _turns(10)
        assert len(_other_tasks() - {task}) == 1


@pytest.mark.parametrize("planned", [0, 5])
async def test_nothing_to_do_is_done_at_once(planned: int) -> None:
    """No cells, or none left of those that were planned."""
    await _Bench(iter(()), fetch=_hang, concurrency=3, planned=planned).run()
    assert _other_tasks() == set()


async def test_tries_that_do_not_count_are_no_attempts_but_their_requests_are() -> None:
    """A refused try leaves the number of tries alone; what was sent is added up."""
    seen: list[int] = []
    over: list[WorkItem] = []
    counts = iter([False, False, True, False])

    async def fetch(cell: Cell) -> Outcome:
        return _failure(cell.company_id, requests=2)

    def decide(
        _failure: Failure, tries: int, _spared: int, _random: Callable[[], float]
    ) -> Retriable | None:
        seen.append(tries)
        does_count = next(counts, None)
        return None if does_count is None else _Again(0.0, counts=does_count)

    async def settle(item: WorkItem, _outcome: Outcome) -> None:
        over.append(item)

    bench = _Bench(_cells(1), fetch=fetch, decide=decide, settle=settle)
    await bench.run()
    assert seen == [0, 0, 0, 1, 1]
    assert over == [WorkItem(Cell("0", SERVER_DEFAULT), tries=2, requests=10)]
    assert bench.stats.retries == 4


async def test_decisions_get_randomness() -> None:
    """Jitter comes from numbers between 0 and 1, and not always the same."""
    numbers: list[float] = []

    def decide(
        _failure: Failure, _tries: int, _spared: int, random: Callable[[], float]
    ) -> Retriable | None:
        numbers.extend(random() for _ in range(100))
        return None

    await _Bench(_cells(1), fetch=_fail, decide=decide).run()
    assert all(0.0 <= number < 1.0 for number in numbers)
    assert len(set(numbers)) > 90


async def test_a_drained_pool_begins_nothing_and_settles_what_is_in_work() -> None:
    """Two of nine cells are being fetched: those are settled, and the pool ends."""
    fetched: list[str] = []
    settled: list[str] = []
    is_answered = asyncio.Event()

    async def fetch(cell: Cell) -> Outcome:
        fetched.append(cell.company_id)
        await is_answered.wait()
        return _ANSWER

    async def settle(item: WorkItem, _outcome: Outcome) -> None:
        await _turns(3)
        settled.append(item.cell.company_id)

    pool = _Bench(_cells(9), fetch=fetch, settle=settle, concurrency=2).pool()
    running = asyncio.create_task(pool.run())
    await _turns()
    pool.drain()
    await _turns()
    assert not running.done()
    is_answered.set()
    async with asyncio.timeout(3):
        await running
    assert sorted(fetched) == sorted(settled) == ["0", "1"]
    assert _other_tasks() == set()


async def test_what_waits_for_its_retry_is_left_by_a_drained_pool() -> None:
    """Cells whose retry is an hour away hold no end up, and are neither answered nor failed."""
    settled: list[str] = []

    async def settle(item: WorkItem, _outcome: Outcome) -> None:
        settled.append(item.cell.company_id)

    bench = _Bench(_cells(5), fetch=_fail, decide=_always(3600.0), settle=settle, concurrency=3)
    pool = bench.pool()
    running = asyncio.create_task(pool.run())
    await _turns()
    assert bench.stats.retrying == 5
    looks = bench.stats.looks
    pool.drain()
    async with asyncio.timeout(3):
        await running
    assert settled == []
    assert bench.stats.retrying == 5
    assert bench.stats.looks <= looks + 3
    assert _other_tasks() == set()


@pytest.mark.parametrize("delay", [0.0, 3600.0])
async def test_a_failure_in_work_is_tried_again_by_the_next_attempt_only(delay: float) -> None:
    """Of two failures that come after `drain`, the one for good is settled, the other is left."""
    fetched: Counter[str] = Counter()
    settled: list[tuple[str, bool]] = []
    is_answered = asyncio.Event()

    async def fetch(cell: Cell) -> Outcome:
        fetched[cell.company_id] += 1
        await is_answered.wait()
        return _failure(cell.company_id)

    def decide(
        failure: Failure, _tries: int, _spared: int, _random: Callable[[], float]
    ) -> Retriable | None:
        return _Again(delay) if failure.message == "0" else None

    async def settle(item: WorkItem, outcome: Outcome) -> None:
        settled.append((item.cell.company_id, isinstance(outcome, Failure)))

    pool = _Bench(_cells(9), fetch=fetch, decide=decide, settle=settle, concurrency=2).pool()
    running = asyncio.create_task(pool.run())
    await _turns()
    pool.drain()
    is_answered.set()
    async with asyncio.timeout(3):
        await running
    assert fetched == {"0": 1, "1": 1}
    assert settled == [("1", True)]


async def test_a_job_that_may_not_be_sent_any_more_is_left() -> None:
    """`StoppedError` is no failure: the cell is not settled, and the other one in work is."""
    settled: list[str] = []
    is_shut = asyncio.Event()

    async def fetch(cell: Cell) -> Outcome:
        await is_shut.wait()
        if cell.company_id != "1":
            raise StoppedError
        await _turns()
        return _ANSWER

    async def settle(item: WorkItem, _outcome: Outcome) -> None:
        settled.append(item.cell.company_id)

    bench = _Bench(_cells(9), fetch=fetch, settle=settle, concurrency=4)
    pool = bench.pool()
    running = asyncio.create_task(pool.run())
    await _turns()
    is_shut.set()
    pool.drain()
    async with asyncio.timeout(3):
        await running
    assert settled == ["1"]
    assert bench.stats.retries == 0
    assert _other_tasks() == set()


@pytest.mark.parametrize("concurrency", [1, 4, 9, 20])
async def test_a_pool_in_which_nothing_may_be_sent_ends_at_once(concurrency: int) -> None:
    """Stopped before it began, so `drain` was not called: each worker meets it once, and ends."""
    asked: list[str] = []

    async def fetch(cell: Cell) -> Outcome:
        asked.append(cell.company_id)
        raise StoppedError

    await _Bench(_cells(9), fetch=fetch, settle=_accept_nothing, concurrency=concurrency).run()
    assert len(asked) <= concurrency


async def test_idle_workers_end_when_a_fetch_is_stopped() -> None:
    """A stopped job never comes back, so no task may wait for it, with `drain` or without."""

    async def fetch(_cell: Cell) -> Outcome:
        await _turns(3)
        raise StoppedError

    async with asyncio.timeout(0.5):
        await _Bench(iter(_cells(1)), fetch=fetch, concurrency=3, planned=3).pool().run()


async def _accept_nothing(_job: WorkItem, _outcome: Outcome) -> None:
    raise AssertionError("nothing may be settled")


async def test_a_pool_that_is_drained_before_it_runs_does_nothing() -> None:
    """A signal may come while everything is still being opened."""
    taken = 0

    def cells() -> Iterator[Cell]:
        nonlocal taken
        for cell in _cells(3):
            taken += 1
            yield cell

    pool = _Bench(cells(), fetch=_hang, concurrency=3, planned=3).pool()
    pool.drain()
    pool.drain()
    async with asyncio.timeout(3):
        await pool.run()
    assert taken == 0


async def test_idle_workers_end_with_drain_while_one_job_is_in_work() -> None:
    """They do not wait for the last job to be over, and the pool does."""
    is_answered = asyncio.Event()

    async def fetch(cell: Cell) -> Outcome:
        if cell.company_id == "3":
            await is_answered.wait()
        return _ANSWER

    pool = _Bench(_cells(8), fetch=fetch, concurrency=8).pool()
    running = asyncio.create_task(pool.run())
    await _turns()
    assert len(_other_tasks() - {running}) == 8
    pool.drain()
    await _turns()
    assert len(_other_tasks() - {running}) == 1
    is_answered.set()
    async with asyncio.timeout(3):
        await running


async def _drain_in_between(play: _Play, moment: int) -> None:
    pool = play.bench.pool()
    running = asyncio.create_task(pool.run())
    await _turns(moment)
    began, over = play.tries.copy(), len(play.settled)
    at_most = over + play.in_flight + play.bench.concurrency
    pool.drain()
    async with asyncio.timeout(3):
        await running
    assert play.tries == began
    assert over <= len(play.settled) <= at_most


@settings(deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(_SCRIPTS, max_size=8), st.integers(1, 4), st.integers(0, 25))
def test_a_pool_can_be_drained_at_any_moment(
    scripts: list[_Script], concurrency: int, moment: int
) -> None:
    """From then on nothing is asked for, what is in work is settled once, and the pool ends."""
    play = _Play(scripts, concurrency)
    asyncio.run(_drain_in_between(play, moment))
    settled = [company_id for company_id, *_ in play.settled]
    assert len(settled) == len(set(settled))
    for company_id, is_answered, *_ in play.settled:
        script = play.scripts[company_id]
        assert is_answered == script.is_answered
        assert play.tries[company_id] == len(script.fails) + 1
    left = [i for i in play.tries if i not in settled]
    assert all(play.noticed[company_id] == play.tries[company_id] for company_id in left)


async def test_answers_that_are_never_confirmed_end_the_pool() -> None:
    """After twenty to the same cell: something is wrong that no repetition cures."""

    async def refuted(cell: Cell) -> Outcome:
        outcome = await _answer(cell)
        assert isinstance(outcome, Answer)
        return msgspec.structs.replace(outcome, confirmation=Confirmation(is_confirmed=False))

    bench = _Bench([Cell("1", SERVER_DEFAULT)], fetch=refuted)
    with pytest.raises(AttributionError):
        await bench.pool().run()
    assert len(bench.uses) == 20


async def test_the_answers_of_a_connection_are_settled_together() -> None:
    """So that one call writes the lines of all of them."""
    confirmation = Confirmation()

    async def fetch(cell: Cell) -> Outcome:
        outcome = await _answer(cell)
        assert isinstance(outcome, Answer)
        if cell.company_id == "4":
            confirmation.resolve(is_confirmed=True)
        return msgspec.structs.replace(outcome, confirmation=confirmation)

    bench = _Bench(_cells(6), fetch=fetch)
    await bench.run()
    assert bench.batches == [5, 1]
