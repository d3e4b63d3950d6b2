import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from math import inf
from statistics import median

import pytest
from asyncio_throttle import Throttler
from hypothesis import given
from hypothesis import strategies as st

from collector.core.errors import StoppedError
from collector.http.gate import Gate
from collector.http.limits import burst_limit
from collector.pace import Cause, Permit, RateController
from tests.http.made_faults import FAULT

_READING = 0.001
"""Seconds between a permit and the test's own reading of the clock, at most."""

_CREDIT = 0.03
"""Seconds of lateness that are made up for; see `collector.pace.limiter`."""


class WatchedThrottler:
    """A real throttler that says who is waiting on it; put in place of the class in the gate."""

    def __init__(self, rate_limit: int, period: float) -> None:
        self._inner = Throttler(rate_limit, period)
        self.limits = [rate_limit]
        self.asked = 0
        self.waiting = 0
        self.most_waiting = 0
        self.before: Callable[[], Awaitable[object]] | None = None
        _made.append(self)

    @property
    def rate_limit(self) -> int:
        """How many it lets through in a period."""
        return self.limits[-1]

    @rate_limit.setter
    def rate_limit(self, limit: int) -> None:
        self.limits.append(limit)
        self._inner.rate_limit = limit

    async def acquire(self) -> None:
        """Wait as the real one does."""
        self.asked += 1
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        before, self.before = self.before, None
        try:
            if before is not None:
                await before()
            await self._inner.acquire()
        finally:
            self.waiting -= 1


_made: list[WatchedThrottler] = []


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[WatchedThrottler]:
    """Let gates use watched throttlers, and list them as they are made."""
    monkeypatch.setattr("collector.http.limits.Throttler", WatchedThrottler)
    _made.clear()
    return _made


class Clock:
    """Seconds that stand still until they are told to move."""

    now = 1000.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.now


class Reckless(RateController):
    """A faulty controller: every permit is due at once, whatever the rate."""

    def next_at(self, *, is_urgent: bool = False) -> float:  # noqa: ARG002 - as its base has it
        """Delay no request."""
        return -inf


def control(rate: float, kind: type[RateController] = RateController) -> RateController:
    """Make a controller that is of no interest beside its rate."""
    return kind(rate, companies=3, probe_seconds=60.0)


async def leave(gate: Gate, times: list[float]) -> Permit:
    """Pass the gate as a request does that has a connection, and note when."""
    permit = await gate.acquire()
    await gate.burst.take()
    times.append(time.monotonic())
    return permit


async def turns(number: int) -> None:
    """Let the event loop go round, so that tasks which can run have run."""
    for _ in range(number):
        await asyncio.sleep(0)


def shortest(times: list[float], steps: int) -> float:
    """Return the shortest time from one permit to the one so many steps later."""
    return min((b - a for a, b in zip(times, times[steps:], strict=False)), default=inf)


@given(st.floats(1e-6, 1e9))
def test_a_burst_is_at_most_half_as_many_again(rate: float) -> None:
    """A whole number, 2 at the least; evenly spaced requests fit in, and more at a higher rate."""
    most = burst_limit(rate)
    assert isinstance(most, int)
    assert 2 <= most <= max(2.0, 0.15 * rate + 0.25)
    assert most > 0.1 * rate
    assert most <= burst_limit(rate * 2)


@pytest.mark.parametrize(("rate", "most"), [(0.001, 2), (10, 2), (20, 3), (50, 7), (100, 14)])
def test_burst_limits_of_usual_rates(rate: float, most: int) -> None:
    """As the documentation has them."""
    assert burst_limit(rate) == most


def test_no_limit_at_all_is_a_number_too() -> None:
    """So large that it never matters."""
    assert burst_limit(inf) > 10**8


@pytest.mark.alone
@pytest.mark.parametrize(("rate", "number"), [(20, 30), (50, 60), (200, 240)])
async def test_the_rate_is_reached_and_never_exceeded(rate: float, number: int) -> None:
    """In real time, over every stretch from one permit to another, and no time is wasted."""
    gate, times = Gate(control(rate)), list[float]()
    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(leave(gate, times))
    for steps in range(1, number):
        assert shortest(times, steps) > steps / rate - _CREDIT - _READING
    assert shortest(times, burst_limit(rate)) > 0.1 - _READING
    # The median, so that a busy machine which stalls the test now and then does not matter.
    five = [b - a for a, b in zip(times, times[5:], strict=False)]
    assert median(five) < 5 / rate * 1.02
    assert times[-1] - times[0] < number / rate * 1.5


async def test_a_permit_says_when_and_in_which_order() -> None:
    """By the gate's own clock; from the first one on it is never ahead of the rate."""
    gate, times = Gate(control(200)), list[float]()
    began = time.monotonic()
    permits = await asyncio.gather(*(leave(gate, times) for _ in range(10)))
    assert [permit.number for permit in permits] == list(range(10))
    assert {permit.epoch for permit in permits} == {0}
    for permit, seen in zip(permits, times, strict=True):
        assert began <= permit.at <= seen
        behind = permit.at - permits[0].at
        assert behind > permit.number / 200 - 1e-6


@pytest.mark.alone
async def test_behind_the_controller_is_a_second_guard() -> None:
    """If the controller fails, no 100 ms hold more than half as many again as the rate says."""
    gate, times = Gate(control(50, Reckless)), list[float]()
    async with asyncio.TaskGroup() as group:
        for _ in range(30):
            group.create_task(leave(gate, times))
    assert shortest(times, 7) > 0.1 - _READING


async def test_only_the_one_at_the_front_polls_the_guard(watched: list[WatchedThrottler]) -> None:
    """However many wait, and although the guard holds them back."""
    gate, times = Gate(control(200, Reckless)), list[float]()
    async with asyncio.TaskGroup() as group:
        for _ in range(60):
            group.create_task(leave(gate, times))
    assert times[-1] - times[0] > 0.2 - _READING
    assert (watched[0].most_waiting, watched[0].asked) == (1, 60)


async def test_the_guard_follows_the_rate(watched: list[WatchedThrottler]) -> None:
    """A rate that was cut has a guard to match."""
    gate, times = Gate(control(1e6)), list[float]()
    permits = [await leave(gate, times) for _ in range(20)]
    gate.refused(permits[-1], fault=FAULT)
    gate.answered(await leave(gate, times))
    assert gate.control.rate < 1000
    await leave(gate, times)
    assert watched[0].limits[0] == burst_limit(1e6)
    assert watched[0].limits[-1] == burst_limit(gate.control.rate)


async def test_first_come_first_served(watched: list[WatchedThrottler]) -> None:
    """The longest waiter goes first, and never does more than one task wait on the throttler."""
    gate, order = Gate(control(1000)), list[int]()

    async def take(number: int) -> None:
        await gate.acquire()
        await gate.burst.take()
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(150):
            group.create_task(take(number))
            if number % 10 == 0:
                await asyncio.sleep(0)
    assert order == list(range(150))
    assert [throttler.most_waiting for throttler in watched] == [1]


@pytest.mark.parametrize("is_urgent", [False, True])
async def test_no_request_overtakes_one_whose_permit_is_due(*, is_urgent: bool) -> None:
    """Its permit is due while it still sleeps, and another request comes at that time."""
    clock, order = Clock(), list[str]()
    gate = Gate(control(100), clock=clock)
    await gate.acquire()

    async def take(name: str, *, is_urgent: bool = False) -> None:
        await gate.acquire(is_urgent=is_urgent)
        order.append(name)
        clock.now += 0.02

    async with asyncio.TaskGroup() as group:
        group.create_task(take("waits", is_urgent=is_urgent))
        await turns(3)
        clock.now += 0.02
        group.create_task(take("comes"))
    assert order == ["waits", "comes"]


async def test_the_urgent_goes_before_all_who_sleep() -> None:
    """It comes last and goes first; among themselves the urgent keep their order."""
    gate, order = Gate(control(20)), list[str]()
    await gate.acquire()

    async def take(name: str) -> None:
        await gate.acquire(is_urgent=name.startswith("token"))
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for name in ("front", "second", "third", "token 1", "token 2"):
            group.create_task(take(name))
            await turns(2)
    assert order == ["token 1", "token 2", "front", "second", "third"]


async def test_the_urgent_keeps_to_the_rate() -> None:
    """No request is sent ahead of it, whatever it is for."""
    gate = Gate(control(100))
    permits = [await gate.acquire(is_urgent=number % 2 == 1) for number in range(6)]
    for number, permit in enumerate(permits):
        assert permit.at - permits[0].at > number / 100 - 1e-6


def test_a_very_high_rate_never_waits() -> None:
    """Passing the gate does not even give way to other tasks."""
    gate = Gate(control(1_000_000))
    for _ in range(10_000):
        with pytest.raises(StopIteration):
            gate.acquire().send(None)


async def test_after_a_stall_there_is_no_burst() -> None:
    """A machine that stood still for ten seconds has missed 500 turns, and gets none of them."""
    clock = Clock()
    gate, times = Gate(control(50), clock=clock), list[float]()
    await gate.acquire()
    waiting = [asyncio.create_task(leave(gate, times)) for _ in range(10)]
    await turns(3)
    clock.now += 10.0
    async with asyncio.timeout(5):
        late = await waiting[0]
    assert not late.is_paced
    await turns(50)
    assert len(times) == 1
    gate.close()
    await asyncio.wait(waiting)


async def test_cancelled_waiters_change_no_other_turn() -> None:
    """The one whose turn it is, one in the queue and the last one are cancelled; the rest pass."""
    clock = Clock()
    gate, times = Gate(control(50), clock=clock), list[float]()
    tasks = [asyncio.create_task(leave(gate, times)) for _ in range(9)]
    await turns(3)
    for task in (tasks[1], tasks[4], tasks[8]):
        task.cancel()
    await asyncio.wait([tasks[1], tasks[4], tasks[8]])
    for number in (2, 3, 5, 6, 7):
        assert not tasks[number].done()
        clock.now += 0.0201
        async with asyncio.timeout(5):
            await tasks[number]
        await turns(10)
    assert [task.cancelled() for task in tasks] == [number in {1, 4, 8} for number in range(9)]
    permits = [task.result() for task in tasks if not task.cancelled()]
    assert [permit.number for permit in permits] == list(range(6))
    assert all(b.at - a.at > 0.02 for a, b in pairwise(permits))


async def test_giving_up_during_the_last_millisecond(watched: list[WatchedThrottler]) -> None:
    """Cancelled while it waits for the throttler: the next one gets that turn."""
    gate, times = Gate(control(25)), list[float]()
    await leave(gate, times)
    is_polling = asyncio.Event()

    async def wait_there() -> None:
        is_polling.set()
        await asyncio.get_running_loop().create_future()

    watched[0].before = wait_there
    tasks = [asyncio.create_task(leave(gate, times)) for _ in range(2)]
    async with asyncio.timeout(5):
        await is_polling.wait()
        tasks[0].cancel()
        await asyncio.wait(tasks)
    assert tasks[0].cancelled()
    assert tasks[1].result().number == 2
    assert (watched[0].asked, watched[0].waiting, watched[0].most_waiting) == (3, 0, 1)


@asynccontextmanager
async def waited_for(
    gate: Gate, watched: list[WatchedThrottler]
) -> AsyncIterator[tuple[asyncio.Task[Permit], asyncio.Event]]:
    """Let one request wait for its permit, while another waits for the throttler.

    Give the task of the first, and what ends the wait of the second.
    """
    ended, times = asyncio.Event(), list[float]()
    watched[0].before = ended.wait
    sent = asyncio.create_task(gate.burst.take())
    await turns(1)
    late = asyncio.create_task(leave(gate, times))
    await turns(5)
    async with asyncio.timeout(5):
        yield late, ended
    assert times == []
    await sent


async def test_a_gate_shut_at_the_last_moment_is_shut(watched: list[WatchedThrottler]) -> None:
    """Closed while another request waits to be sent: no permit is issued any more."""
    gate = Gate(control(1e6))
    async with waited_for(gate, watched) as (late, ended):
        assert not late.done()
        gate.close()
        ended.set()
        with pytest.raises(StoppedError):
            await late


async def test_a_circuit_that_opens_at_the_last_moment_holds(
    watched: list[WatchedThrottler],
) -> None:
    """A refusal that comes while another request waits to be sent holds for the next one too.

    It does not poll while the circuit is open, and it wakes when the gate closes.
    """
    gate = Gate(control(1e6))
    first = await gate.acquire()
    async with waited_for(gate, watched) as (late, ended):
        gate.refused(first, pause=3600.0, fault=FAULT)
        ended.set()
        await turns(20)
        assert gate.control.open_cause is Cause.REFUSED
        assert (watched[0].waiting, watched[0].asked) == (0, 1)
        gate.close()
        with pytest.raises(StoppedError):
            await late
