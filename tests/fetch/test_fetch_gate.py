import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

import pytest
from asyncio_throttle import Throttler
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import StoppedError
from collector.fetch.gate import Gate, burst_and_period

_READING = 0.001
"""Seconds between a request's leave and the test's own look at the clock, at most."""


class WatchedThrottler:
    """A real throttler that says who is waiting on it; put in place of the class in the gate."""

    def __init__(self, rate_limit: int, period: float, retry_interval: float) -> None:
        self._inner = Throttler(rate_limit, period, retry_interval)
        self.asked = 0
        self.waiting = 0
        self.most_waiting = 0
        self.before: Callable[[], Awaitable[object]] | None = None
        _made.append(self)

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
    monkeypatch.setattr("collector.fetch.gate.Throttler", WatchedThrottler)
    _made.clear()
    return _made


class Clock:
    """Seconds that stand still until they are told to move."""

    now = 1000.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.now


async def leave(gate: Gate, times: list[float]) -> None:
    """Pass the gate and note when."""
    await gate.pass_through()
    times.append(time.monotonic())


async def turns(number: int) -> None:
    """Let the event loop go round, so that tasks which can run have run."""
    for _ in range(number):
        await asyncio.sleep(0)


@given(st.floats(1e-6, 1e6))
def test_a_burst_and_its_period_make_exactly_the_rate(rate: float) -> None:
    """A whole number of requests, 40 ms of them at most unless it is one."""
    burst, period = burst_and_period(rate)
    assert isinstance(burst, int)
    assert burst >= 1
    assert burst / period == pytest.approx(rate, rel=1e-15, abs=0)
    assert burst == 1 or period <= 0.04 * (1 + 1e-12)


@pytest.mark.parametrize(
    ("rate", "burst", "period"),
    [(0.1, 1, 10.0), (10, 1, 0.1), (25, 1, 0.04), (50, 2, 0.04), (200, 8, 0.04), (1000, 40, 0.04)],
)
def test_usual_rates_are_split_evenly(rate: float, burst: int, period: float) -> None:
    """One by one up to 25 a second, a burst every 40 ms above."""
    assert burst_and_period(rate) == (burst, period)


@pytest.mark.alone
@pytest.mark.parametrize(("rate", "number"), [(50, 60), (200, 240)])
async def test_the_rate_is_reached_and_never_exceeded(rate: float, number: int) -> None:
    """In real time: no window of 40 ms holds more than the burst, and no time is wasted."""
    gate, times = Gate(rate), list[float]()
    burst, period = burst_and_period(rate)
    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(leave(gate, times))
    apart = [later - earlier for earlier, later in zip(times, times[burst:], strict=False)]
    assert min(apart) > period - _READING
    # The median, so that a busy machine which stalls the test now and then does not matter.
    assert median(apart) < period * 1.02
    assert number / rate - period - _READING <= times[-1] - times[0] < number / rate * 1.5


async def test_first_come_first_served(watched: list[WatchedThrottler]) -> None:
    """Whoever waits longest goes first, and never does more than one task ask the throttler."""
    gate, order = Gate(1000), list[int]()

    async def take(number: int) -> None:
        await gate.pass_through()
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(150):
            group.create_task(take(number))
            if number % 10 == 0:
                await asyncio.sleep(0)
    assert order == list(range(150))
    assert [throttler.most_waiting for throttler in watched] == [1]


def test_a_very_high_rate_never_waits() -> None:
    """Within a burst, passing the gate does not even give way to other tasks."""
    gate = Gate(1_000_000)
    for _ in range(10_000):
        with pytest.raises(StopIteration):
            gate.pass_through().send(None)


def test_a_closure_ends_when_it_was_said_to_and_a_longer_one_stays() -> None:
    """`closed_for` counts down to 0; the later of two ends counts, whichever is said first."""
    clock = Clock()
    gate = Gate(10, clock=clock)
    assert gate.closed_for == 0.0
    gate.close_for(5.0)
    gate.close_for(1.0)
    assert gate.closed_for == 5.0
    clock.now += 2.0
    assert gate.closed_for == 3.0
    gate.close_for(4.0)
    assert gate.closed_for == 4.0
    clock.now += 10.0
    assert gate.closed_for == 0.0


async def test_a_closed_gate_stops_everyone(watched: list[WatchedThrottler]) -> None:
    """Those who wait already, those who come, and at the end the rate holds again.

    The throttler is asked once for each request: nobody polls it while the gate is closed.
    """
    gate, times = Gate(50), list[float]()
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(leave(gate, times))
        await turns(3)
        assert len(times) == 2
        gate.close_for(0.15)
        opens = time.monotonic() + 0.15
        group.create_task(leave(gate, times))
    assert len(times) == 5
    assert min(times[2:]) > opens - _READING
    assert times[4] - times[2] > 0.04 - _READING
    assert watched[0].asked == 5


async def test_a_closure_can_be_extended_while_somebody_waits_for_its_end(
    watched: list[WatchedThrottler],
) -> None:
    """The waiter goes back to sleep; a shorter closure wakes nobody earlier."""
    gate, times = Gate(1000), list[float]()
    begin = time.monotonic()
    gate.close_for(0.03)
    async with asyncio.TaskGroup() as group:
        group.create_task(leave(gate, times))
        await turns(3)
        gate.close_for(0.12)
        gate.close_for(0.0)
    assert times[0] - begin > 0.12 - _READING
    assert watched[0].asked == 1


async def test_a_gate_closed_at_the_last_moment_is_closed(
    watched: list[WatchedThrottler],
) -> None:
    """A closure that comes while the throttler is being polled holds for that request too."""
    gate, times = Gate(25), list[float]()
    await leave(gate, times)
    begin = time.monotonic()

    async def close() -> None:
        nonlocal begin
        begin = time.monotonic()
        gate.close_for(0.1)

    watched[0].before = close
    await leave(gate, times)
    assert times[1] - begin > 0.1 - _READING


async def test_those_who_give_up_cost_nobody_a_turn_and_win_nobody_one() -> None:
    """The one whose turn it is, one in the queue and the last one are cancelled; the rest pass."""
    gate, times = Gate(50), list[float]()
    tasks = [asyncio.create_task(leave(gate, times)) for _ in range(9)]
    await turns(3)
    assert [task.done() for task in tasks] == [True, True] + [False] * 7
    for task in (tasks[2], tasks[4], tasks[8]):
        task.cancel()
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [number in {2, 4, 8} for number in range(9)]
    assert len(times) == 6
    apart = [later - earlier for earlier, later in zip(times, times[2:], strict=False)]
    assert min(apart) > 0.04 - _READING


async def test_giving_up_during_the_last_millisecond(watched: list[WatchedThrottler]) -> None:
    """Cancelled while it waits for the throttler: the next one gets that turn."""
    gate, times = Gate(25), list[float]()
    await leave(gate, times)
    is_polling = asyncio.Event()

    async def wait_there() -> None:
        is_polling.set()
        await asyncio.get_running_loop().create_future()

    watched[0].before = wait_there
    tasks = [asyncio.create_task(leave(gate, times)) for _ in range(2)]
    await is_polling.wait()
    tasks[0].cancel()
    await asyncio.wait(tasks)
    assert tasks[0].cancelled()
    assert len(times) == 2
    assert times[1] - times[0] > 0.04 - _READING
    assert (watched[0].asked, watched[0].waiting, watched[0].most_waiting) == (3, 0, 1)


_STOPPED = "stopped"


async def pass_or_stop(gate: Gate, passed: list[str], name: str, *, is_urgent: bool = False) -> str:
    """Pass the gate and note the name, or return that the gate was shut."""
    try:
        await gate.pass_through(is_urgent=is_urgent)
    except StoppedError:
        return _STOPPED
    passed.append(name)
    return name


@pytest.mark.parametrize(
    ("rate", "closed_for"), [(0.001, 0.0), (0.001, 3600.0), (50.0, 3600.0), (1_000_000.0, 3600.0)]
)
async def test_a_gate_that_is_shut_lets_nobody_through(rate: float, closed_for: float) -> None:
    """At the front, in the queue, urgent, and later: all are told at once, however long the wait.

    Nothing passes, be the rate one in a thousand seconds or the gate closed for an hour.
    """
    gate, passed = Gate(rate), list[str]()
    await gate.pass_through()
    if closed_for:
        gate.close_for(closed_for)
    waiting = [
        asyncio.create_task(pass_or_stop(gate, passed, f"{number}", is_urgent=number == 7))
        for number in range(20)
    ]
    await turns(10)
    assert not any(task.done() for task in waiting)
    gate.shut()
    gate.shut()
    begin = time.monotonic()
    async with asyncio.timeout(1):
        assert await asyncio.gather(*waiting) == [_STOPPED] * 20
        for is_urgent in (False, True):
            assert await pass_or_stop(gate, passed, "later", is_urgent=is_urgent) == _STOPPED
    assert time.monotonic() - begin < 0.5
    assert passed == []


async def test_an_open_gate_that_is_shut_grants_nothing_of_its_burst() -> None:
    """Also when the rate would let the next one through right now."""
    gate, passed = Gate(1_000_000), list[str]()
    gate.shut()
    for is_urgent in (False, True):
        assert await pass_or_stop(gate, passed, "later", is_urgent=is_urgent) == _STOPPED
    assert passed == []


async def test_the_one_whose_turn_it_is_and_the_urgent_one_behind_are_stopped(
    watched: list[WatchedThrottler],
) -> None:
    """An urgent one at the front does not keep the gate, and the throttler is not asked again."""
    gate, passed = Gate(0.001), list[str]()
    await gate.pass_through()
    urgent = [
        asyncio.create_task(pass_or_stop(gate, passed, "token", is_urgent=True)) for _ in range(3)
    ]
    usual = asyncio.create_task(pass_or_stop(gate, passed, "usual"))
    await turns(10)
    gate.shut()
    async with asyncio.timeout(1):
        assert await asyncio.gather(*urgent, usual) == [_STOPPED] * 4
    assert watched[0].asked == 1


async def test_who_gives_up_at_a_shut_gate_is_cancelled_not_stopped(
    watched: list[WatchedThrottler],
) -> None:
    """A cancellation that comes with the shutting is not swallowed."""
    gate, passed = Gate(0.001), list[str]()
    await gate.pass_through()
    tasks = [asyncio.create_task(pass_or_stop(gate, passed, f"{number}")) for number in range(3)]
    await turns(5)
    tasks[0].cancel()
    gate.shut()
    async with asyncio.timeout(1):
        await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [True, False, False]
    assert [task.result() for task in tasks[1:]] == [_STOPPED] * 2
    assert (passed, watched[0].waiting) == ([], 0)


async def test_a_gate_shut_at_the_last_moment_is_shut(watched: list[WatchedThrottler]) -> None:
    """Shut while the throttler is being polled: that request does not leave either."""
    gate, passed = Gate(25), list[str]()
    await gate.pass_through()

    async def shut() -> None:
        gate.shut()

    watched[0].before = shut
    assert await pass_or_stop(gate, passed, "late") == _STOPPED
    assert passed == []


async def test_a_grant_that_came_too_late_is_waited_for_asleep(
    watched: list[WatchedThrottler],
) -> None:
    """What the throttler granted while the gate was closed counts for it; nobody polls meanwhile.

    Otherwise a low rate would keep a core busy for a whole period, deaf to the shutting.
    """
    gate, passed = Gate(0.1), list[str]()

    async def close() -> None:
        gate.close_for(0.02)

    watched[0].before = close
    waiting = asyncio.create_task(pass_or_stop(gate, passed, "late"))
    try:
        await asyncio.sleep(0.05)
        assert watched[0].waiting == 0
        gate.shut()
        async with asyncio.timeout(1):
            assert await waiting == _STOPPED
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])
