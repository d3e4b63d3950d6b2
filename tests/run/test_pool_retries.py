"""Retries of all cells together: who is charged, who goes first, how many there may be."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.outcome import Answer, Blame, Counters, Failure, FailureKind, Outcome
from collector.run.held import Settled
from collector.run.pool import Pool, Retriable
from collector.telemetry.stats import RunStats

_NOW = datetime(2026, 11, 23, tzinfo=UTC)
_ANSWER = Answer(b"{}", Counters(1, 1, 0, 0, 1, {}), fetched_at=_NOW, requests=1)


@dataclass(frozen=True)
class _Again:
    delay: float
    counts: bool = True


class _Clock:
    """A clock that is set by hand, in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _failure(company_id: str = "0", blame: Blame = Blame.CELL) -> Failure:
    return Failure(FailureKind.HTTP, 503, company_id, None, _NOW, 1, blame)


@dataclass
class _Bench:
    """A pool over so many cells; `fetch` and `decide` are those of the test, and are noted."""

    count: int
    fetch: Callable[[str, int], Outcome]
    """Takes a company and the number of its earlier tries."""
    decide: Callable[[Failure, int], Retriable | None]
    """Takes a failure and how many tries have counted."""
    concurrency: int = 1
    prefers_new: Callable[[], bool] = lambda: False
    clock: _Clock = field(default_factory=_Clock)
    fetched: list[str] = field(default_factory=list)
    retried: list[bool] = field(default_factory=list)
    decided: list[tuple[int, int]] = field(default_factory=list)
    settled: dict[str, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stats = RunStats(self.count)
        self.pool = Pool(
            (Cell(str(number), SERVER_DEFAULT) for number in range(self.count)),
            rate=lambda: 50.0,
            fetch=self._fetch,
            decide=self._decide,
            settle=self._settle,
            on_retry=lambda _job, _failure, _retry: None,
            stats=self.stats,
            concurrency=self.concurrency,
            prefers_new=self.prefers_new,
            clock=self.clock,
        )

    async def run(self) -> None:
        async with asyncio.timeout(5):
            await self.pool.run()

    async def _fetch(self, cell: Cell, *, is_retry: bool, **_: object) -> Outcome:
        tries = self.fetched.count(cell.company_id)
        self.fetched.append(cell.company_id)
        self.retried.append(is_retry)
        await asyncio.sleep(0)
        return self.fetch(cell.company_id, tries)

    def _decide(
        self, failure: Failure, tries: int, throttled_tries: int, _random: Callable[[], float]
    ) -> Retriable | None:
        self.decided.append((tries, throttled_tries))
        return self.decide(failure, tries)

    async def _settle(self, settled: Sequence[Settled]) -> None:
        for item, outcome in settled:
            assert item.cell.company_id not in self.settled
            self.settled[item.cell.company_id] = outcome


def _at_once(_failure: Failure, _tries: int) -> Retriable:
    return _Again(0.0)


def _not_charged(failure: Failure, _tries: int) -> Retriable:
    return _Again(0.0, counts=failure.blame is Blame.CELL)


async def _turns() -> None:
    """Let everything happen that needs no time."""
    for _ in range(5000):
        await asyncio.sleep(0)


async def test_a_retry_is_what_follows_a_try_that_was_charged() -> None:
    """Only the cell's own failures make its next try worth less as evidence about the service."""
    blames = [Blame.SERVICE, Blame.RATE, Blame.CELL, Blame.SERVICE, Blame.RATE]
    bench = _Bench(
        1,
        lambda _, tries: _failure("0", blames[tries]) if tries < len(blames) else _ANSWER,
        _not_charged,
    )
    await bench.run()
    assert bench.retried == [False, False, False, True, True, True]
    assert bench.settled == {"0": _ANSWER}
    assert bench.stats.retries == 5


async def test_what_a_cell_was_spared_is_counted() -> None:
    """Refusals that were not charged are, and nothing else: not an outage, not a charged one."""
    charges = [
        (Blame.RATE, False),
        (Blame.SERVICE, False),
        (Blame.RATE, False),
        (Blame.RATE, True),
        (Blame.CELL, True),
        (Blame.SERVICE, False),
    ]
    bench = _Bench(
        1,
        lambda _, tries: _failure("0", charges[tries][0]) if tries < len(charges) else _ANSWER,
        lambda _, __: _Again(0.0, counts=charges[len(bench.decided) - 1][1]),
    )
    await bench.run()
    assert bench.decided == [(0, 0), (0, 1), (0, 1), (0, 2), (1, 2), (2, 2)]


async def test_idle_workers_are_woken_for_what_comes_again_at_once() -> None:
    """A retry that is an hour away does not hold up one that was not charged."""

    def fetch(company_id: str, tries: int) -> Outcome:
        if tries:
            return _ANSWER
        return _failure(company_id, Blame.CELL if company_id == "0" else Blame.SERVICE)

    def decide(failure: Failure, _tries: int) -> Retriable:
        is_charged = failure.blame is Blame.CELL
        return _Again(3600.0 if is_charged else 0.0, counts=is_charged)

    bench = _Bench(4, fetch, decide, concurrency=4)
    running = asyncio.create_task(bench.pool.run())
    await _turns()
    assert bench.settled.keys() == {"1", "2", "3"}
    bench.pool.drain()
    async with asyncio.timeout(3):
        await running


async def test_retries_are_due_by_the_clock_that_was_given() -> None:
    """Hours pass within a moment when that clock says so, and no time passes otherwise."""
    clock = _Clock()

    def fetch(company_id: str, tries: int) -> Outcome:
        if company_id == "0" and not tries:
            return _failure(company_id)
        clock.now += 1800.0
        return _ANSWER

    bench = _Bench(5, fetch, lambda _, __: _Again(5400.0), clock=clock)
    await bench.run()
    assert "".join(bench.fetched) == "012304"


async def test_while_the_service_is_in_doubt_no_cell_is_tried_twice() -> None:
    """New cells come first, as long as there are any: they say whose fault it is."""
    bench = _Bench(
        6,
        lambda company_id, tries: _ANSWER if tries else _failure(company_id),
        _at_once,
        prefers_new=lambda: True,
    )
    await bench.run()
    assert "".join(bench.fetched) == "012345012345"


@pytest.mark.parametrize(("concurrency", "waiting"), [(1, 16), (40, 50)])
async def test_retries_beyond_the_budget_wait_and_are_not_given_up(
    concurrency: int, waiting: int
) -> None:
    """Of 150 cells that fail 100 are tried again at once; time pays for the others.

    As many as may wait are begun meanwhile.
    """
    bench = _Bench(
        150,
        lambda company_id, _: _failure(company_id),
        lambda _, tries: None if tries else _Again(0.0),
        concurrency=concurrency,
    )
    running = asyncio.create_task(bench.pool.run())
    await _turns()
    assert len(bench.fetched) == 100 + 100 + waiting
    assert bench.stats.retrying == waiting
    assert not running.done()
    bench.clock.now += 60.0
    async with asyncio.timeout(10):
        await running
    assert Counter(bench.fetched) == {str(number): 2 for number in range(150)}
    assert len(bench.settled) == 150


async def test_what_succeeds_pays_for_retries() -> None:
    """Each cell fails once: a thousand retries at once, for each of them brings its answer."""
    bench = _Bench(
        1000,
        lambda company_id, tries: _ANSWER if tries else _failure(company_id),
        _at_once,
        concurrency=8,
    )
    await bench.run()
    assert all(outcome == _ANSWER for outcome in bench.settled.values())
    assert bench.stats.retries == 1000


async def test_tries_that_were_not_charged_are_not_limited() -> None:
    """A rate that is refused, or an outage, holds all requests at the gate, and none in here."""
    bench = _Bench(
        300,
        lambda company_id, tries: _ANSWER if tries == 5 else _failure(company_id, Blame.RATE),
        _not_charged,
        concurrency=8,
    )
    await bench.run()
    assert bench.stats.retries == 1500
    assert not any(bench.retried)
