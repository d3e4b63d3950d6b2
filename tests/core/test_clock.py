import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.clock import AwakeClock


class _Machine:
    """A monotonic clock, and how long the machine was suspended beside it."""

    now = 1000.0
    suspended = 7.0

    def read(self) -> float:
        return self.now

    def read_suspended(self) -> float:
        return self.suspended

    def clock(self) -> AwakeClock:
        return AwakeClock(self.read, self.read_suspended)


async def test_a_clock_that_is_read_often_counts_all_seconds() -> None:
    """From an arbitrary beginning, as the clock behind it does."""
    machine = _Machine()
    clock = machine.clock()
    with clock.beating():
        began = clock()
        for _ in range(100):
            machine.now += 0.9
            clock()
        assert clock() - began == pytest.approx(90.0)
        assert not clock.slept_since(0.0)


async def test_seconds_in_which_the_process_stood_still_do_not_count() -> None:
    """The first reading notices, whichever task reads: no timer comes before it."""
    machine = _Machine()
    clock = machine.clock()
    with clock.beating():
        began = clock()
        machine.now += 0.5
        clock()
        machine.now += 60.0
        assert clock() - began == 0.5
        machine.now += 0.5
        assert clock() - began == 1.0


async def test_what_was_in_use_during_sleep_may_be_broken() -> None:
    """A pause of 5 seconds is enough for that; what began afterwards is not concerned."""
    machine = _Machine()
    clock = machine.clock()
    with clock.beating():
        before = clock()
        machine.now += 4.9
        assert not clock.slept_since(before)
        machine.now += 5.0
        assert clock.slept_since(before)
        machine.now += 0.1
        assert not clock.slept_since(clock())


async def test_a_suspended_machine_is_noticed_although_its_clock_stood_still() -> None:
    """Linux leaves a suspend out of the monotonic clock."""
    machine = _Machine()
    clock = machine.clock()
    with clock.beating():
        before = clock()
        assert not clock.slept_since(before)
        machine.suspended += 3600.0
        assert clock.slept_since(before)
        machine.now += 0.1
        assert not clock.slept_since(clock())


def test_a_clock_without_a_heartbeat_counts_all_seconds() -> None:
    """It cannot tell sleep from a time in which it was not read."""
    machine = _Machine()
    clock = machine.clock()
    began = clock()
    machine.now += 3600.0
    assert clock() - began == 3600.0


@given(st.lists(st.floats(0.0, 100.0)))
def test_a_clock_never_runs_backwards_and_never_ahead(steps: list[float]) -> None:
    """Whatever the process does: never more seconds than there were, never fewer than none."""

    async def check() -> None:
        machine = _Machine()
        clock = machine.clock()
        with clock.beating():
            for step in steps:
                before = clock()
                machine.now += step
                assert -1e-9 <= clock() - before <= step + 1e-9

    asyncio.run(check())


async def test_the_heartbeat_reports_sleep_once() -> None:
    """A real loop that is blocked for longer than a second."""
    told = list[float]()
    clock = AwakeClock(notify=told.append)
    with clock.beating():
        await asyncio.sleep(0.3)
        before = clock()
        asleep = time.monotonic()
        time.sleep(1.2)  # noqa: ASYNC251 - it stands for a process that is stopped
        asleep = time.monotonic() - asleep
        assert clock() - before < asleep - 0.7
        async with asyncio.timeout(5):
            while not told:  # noqa: ASYNC110 - the heartbeat has no event
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.6)
    assert len(told) == 1
    assert 1.0 < told[0] < asleep + 0.5
