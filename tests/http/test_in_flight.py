import asyncio
from math import inf
from typing import Any

import pytest

from collector.core.errors import ExitCode, ShortageError, StoppedError
from collector.http.gate import Gate
from collector.http.in_flight import InFlight
from collector.pace import LocalLimit, RateController


class Bench:
    """Requests that are admitted, their gate, and the events."""

    def __init__(self, *, most: float = inf, patience: float = 300.0) -> None:
        self.limit = LocalLimit(patience)
        self.limit.ceiling = most
        self.gate = Gate(RateController(1e6, companies=1, probe_seconds=60.0))
        self.now = 1000.0
        self.events = list[tuple[str, dict[str, Any]]]()
        self.in_flight = InFlight(
            self.limit,
            self.gate,
            notify=lambda event, **fields: self.events.append((event, fields)),
            clock=lambda: self.now,
        )

    async def entering(self, number: int) -> list[asyncio.Task[None]]:
        """Let so many enter, and give those that wait."""
        tasks = [asyncio.create_task(self.in_flight.enter()) for _ in range(number)]
        await turns()
        return [task for task in tasks if not task.done()]


async def turns() -> None:
    """Let the event loop go round."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_without_a_limit_all_enter_at_once() -> None:
    """Nothing waits, and nothing is awaited."""
    bench = Bench()
    assert await bench.entering(1000) == []


async def test_no_more_enter_than_the_limit_allows() -> None:
    """The next one enters when one leaves, in the order in which they came."""
    bench = Bench(most=3)
    waiting = await bench.entering(6)
    assert len(waiting) == 3
    bench.in_flight.leave()
    await turns()
    assert [task.done() for task in waiting] == [True, False, False]
    # No request overtakes those that wait.
    late = await bench.entering(1)
    bench.in_flight.leave()
    await turns()
    assert [task.done() for task in (*waiting, *late)] == [True, True, False, False]
    for task in (waiting[2], *late):
        task.cancel()


async def test_one_that_gives_up_its_wait_leaves_the_place_to_the_next() -> None:
    """A run may be cancelled at any moment."""
    bench = Bench(most=1)
    first, second = await bench.entering(3)
    first.cancel()
    bench.in_flight.leave()
    await turns()
    assert first.cancelled()
    assert second.done()


async def test_a_shortage_lowers_the_limit_and_is_told_once() -> None:
    """With its cause, and how many requests may be in flight; the next event is 10 s later."""
    bench = Bench()
    assert await bench.entering(5) == []
    for others in (4, 3, 2):
        bench.in_flight.lacked("too many open files", others)
        bench.in_flight.leave()
    fields = {"cause": "too many open files", "most_in_flight": 4}
    assert bench.events == [("local_shortage", fields)]
    waiting = await bench.entering(2)
    assert len(waiting) == 2
    bench.now += 10.0
    bench.in_flight.lacked("too many open files", 1)
    assert len(bench.events) == 2
    bench.gate.close()
    for _ in range(2):
        bench.in_flight.leave()
        await turns()
    for task in waiting:
        task.cancel()


async def test_where_none_is_possible_the_end_of_the_run_ends_the_wait() -> None:
    """The pause before the next request may be long."""
    bench = Bench()
    bench.in_flight.lacked("no network buffers left", 0)
    [waiting] = await bench.entering(1)
    token = asyncio.create_task(bench.in_flight.pause())
    await turns()
    assert not token.done()
    bench.gate.close()
    for task in (waiting, token):
        with pytest.raises(StoppedError):
            await task


async def test_a_shortage_that_lasts_ends_the_run_with_its_own_message() -> None:
    """With 4: what is on disk is kept, and the same command resumes."""
    bench = Bench(patience=5.0)
    bench.in_flight.lacked("too many open files", 0)
    bench.now += 5.0
    bench.in_flight.lacked("too many open files", 0)
    text = "this machine could make no connection for 5 s: too many open files"
    with pytest.raises(ShortageError, match=text) as told:
        await bench.gate.acquire()
    assert told.value.exit_code is ExitCode.STOPPED_EARLY


async def test_requests_that_are_possible_again_end_the_pause() -> None:
    """Those that wait for it are not asked to wait longer than before."""
    bench = Bench()
    bench.in_flight.lacked("too many open files", 0)
    bench.in_flight.worked()
    assert await bench.entering(1) == []
