import asyncio
import time

import pytest

from collector.core.errors import StoppedError
from collector.http.gate import Gate
from collector.pace import RateController
from tests.http.made_faults import FAULT

_STOPPED = "stopped"


def gate_at(rate: float) -> Gate:
    """Make a gate."""
    return Gate(RateController(rate, companies=3, probe_seconds=60.0))


async def pass_or_stop(gate: Gate, passed: list[str], name: str, *, is_urgent: bool = False) -> str:
    """Acquire a permit and note the name, or return that the gate was closed."""
    try:
        await gate.acquire(is_urgent=is_urgent)
    except StoppedError:
        return _STOPPED
    passed.append(name)
    return name


async def turns(number: int) -> None:
    """Let the event loop go round, so that tasks which can run have run."""
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("rate", "pause"), [(0.001, None), (0.001, 3600.0), (50.0, 3600.0), (1_000_000.0, 3600.0)]
)
async def test_a_closed_gate_issues_no_permit(rate: float, pause: float | None) -> None:
    """At the front, in the queue, urgent, and later: all are told at once, however long the wait.

    Nothing passes, be the rate one in a thousand seconds or the API closed for an hour.
    """
    gate, passed = gate_at(rate), list[str]()
    first = await gate.acquire()
    if pause is not None:
        gate.refused(first, pause=pause, fault=FAULT)
    waiting = [
        asyncio.create_task(
            # An urgent one passes a closed gate, at the rate.
            pass_or_stop(gate, passed, f"{number}", is_urgent=number == 7 and pause is None)
        )
        for number in range(20)
    ]
    await turns(10)
    assert not any(task.done() for task in waiting)
    gate.close()
    gate.close()
    # The pauses are longer than this.
    async with asyncio.timeout(30):
        assert await asyncio.gather(*waiting) == [_STOPPED] * 20
        for is_urgent in (False, True):
            assert await pass_or_stop(gate, passed, "later", is_urgent=is_urgent) == _STOPPED
    assert passed == []


async def test_an_open_gate_that_is_shut_grants_nothing() -> None:
    """Also when the rate would let the next one through right now."""
    gate, passed = gate_at(1_000_000), list[str]()
    gate.close()
    for is_urgent in (False, True):
        assert await pass_or_stop(gate, passed, "later", is_urgent=is_urgent) == _STOPPED
    assert passed == []


async def test_the_urgent_one_at_the_front_and_those_behind_it_are_stopped() -> None:
    """An urgent one that waits for the rate does not keep the gate."""
    gate, passed = gate_at(0.001), list[str]()
    await gate.acquire()
    urgent = [
        asyncio.create_task(pass_or_stop(gate, passed, "token", is_urgent=True)) for _ in range(3)
    ]
    usual = asyncio.create_task(pass_or_stop(gate, passed, "usual"))
    await turns(10)
    gate.close()
    async with asyncio.timeout(1):
        assert await asyncio.gather(*urgent, usual) == [_STOPPED] * 4
    assert passed == []


async def test_who_waits_while_a_probe_is_on_its_way_is_stopped() -> None:
    """Whatever the result of the probe, no more permits are issued."""
    gate, passed = gate_at(1e6), list[str]()
    gate.refused(await gate.acquire(), fault=FAULT)
    async with asyncio.timeout(5):
        probe = await gate.acquire()
    waiting = [asyncio.create_task(pass_or_stop(gate, passed, f"{number}")) for number in range(3)]
    await turns(5)
    gate.close()
    gate.answered(probe)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*waiting) == [_STOPPED] * 3
    assert passed == []


async def test_who_gives_up_at_a_shut_gate_is_cancelled_not_stopped() -> None:
    """A cancellation that comes while the gate closes is not swallowed."""
    gate, passed = gate_at(0.001), list[str]()
    await gate.acquire()
    tasks = [asyncio.create_task(pass_or_stop(gate, passed, f"{number}")) for number in range(3)]
    await turns(5)
    tasks[0].cancel()
    gate.close()
    async with asyncio.timeout(1):
        await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [True, False, False]
    assert [task.result() for task in tasks[1:]] == [_STOPPED] * 2
    assert passed == []


async def test_a_rest_lasts_as_long_as_it_was_said_to() -> None:
    """It is not for the rate: others pass meanwhile, and no news ends it."""
    gate = gate_at(1e6)
    permits = [await gate.acquire() for _ in range(100)]
    begin = time.monotonic()
    resting = asyncio.create_task(gate.sleep(0.4))
    gate.refused(permits[-1], fault=FAULT)
    # When the circuit closes, only the first waiter wakes.
    waiting = [asyncio.create_task(gate.acquire()) for _ in range(2)]
    gate.answered(await waiting[0])
    await waiting[1]
    assert not resting.done()
    await resting
    assert time.monotonic() - begin >= 0.4


async def test_a_rest_ends_with_the_shutting() -> None:
    """Those that rest, and those that would begin to; also for no time at all."""
    gate = gate_at(1e6)
    resting = [asyncio.create_task(gate.sleep(seconds)) for seconds in (3600.0, 60.0, float("inf"))]
    await turns(3)
    assert not any(task.done() for task in resting)
    gate.close()
    async with asyncio.timeout(1):
        ends = await asyncio.gather(*resting, return_exceptions=True)
        assert [type(end) for end in ends] == [StoppedError] * 3
        for seconds in (3600.0, 0.0):
            with pytest.raises(StoppedError):
                await gate.sleep(seconds)


async def test_no_rest_is_no_wait() -> None:
    """Nor is one that lies in the past."""
    gate = gate_at(1e6)
    for seconds in (0.0, -1.0):
        with pytest.raises(StopIteration):
            gate.sleep(seconds).send(None)
