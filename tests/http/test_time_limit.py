import asyncio
from collections.abc import Callable

import pytest

from collector.http.time_limit import TimeLimit

SECONDS = 0.05


def this_task() -> asyncio.Task[object]:
    """Return the running task."""
    task = asyncio.current_task()
    assert task is not None
    return task


def begin(limit: TimeLimit) -> None:
    """Let the time of the running task run from now."""
    limit.begin(this_task(), asyncio.get_running_loop().time())


async def wait_for_ever() -> None:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()


async def seconds_until_cancelled(limit: TimeLimit) -> float:
    """Return how long it took the limit to cancel the task, and check that it was the limit."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        await wait_for_ever()
    except asyncio.CancelledError:
        assert limit.ended(this_task())
    return loop.time() - started


async def test_a_task_is_cancelled_when_its_time_is_over() -> None:
    """Not before; and the cancellation is taken back, so that the task can continue."""
    limit = TimeLimit(SECONDS)
    begin(limit)
    assert SECONDS - 0.001 <= await seconds_until_cancelled(limit) < 5.0
    task = this_task()
    assert task.cancelling() == 0
    assert not limit.ended(task)
    limit.close()


async def test_a_task_can_be_limited_again_and_again() -> None:
    """Its own `asyncio.timeout`, and a limit that is met, work as ever afterwards."""
    limit = TimeLimit(0.01)
    for _ in range(3):
        begin(limit)
        await seconds_until_cancelled(limit)
        begin(limit)
        await asyncio.sleep(0)
        assert not limit.ended(this_task())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await wait_for_ever()
    assert this_task().cancelling() == 0
    limit.close()


async def test_a_request_that_ended_in_time_is_left_alone() -> None:
    """Its task is not cancelled when the time would have been over: a later one's is."""
    limit = TimeLimit(SECONDS)
    outcomes = list[str]()

    async def finish_early() -> None:
        begin(limit)
        await asyncio.sleep(0)
        assert not limit.ended(this_task())
        await later_is_over.wait()
        outcomes.append("continued")

    async def take_too_long() -> None:
        begin(limit)
        await seconds_until_cancelled(limit)
        outcomes.append("ran out")
        later_is_over.set()

    later_is_over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(finish_early())
        group.create_task(take_too_long())
    assert outcomes == ["ran out", "continued"]
    limit.close()


async def test_many_tasks_share_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand requests that end in time set one timer in all."""
    loop = asyncio.get_running_loop()
    timers, call_later = list[float](), loop.call_later

    def counted(
        delay: float, callback: Callable[..., object], *args: object
    ) -> asyncio.TimerHandle:
        timers.append(delay)
        return call_later(delay, callback, *args)

    monkeypatch.setattr(loop, "call_later", counted)
    limit = TimeLimit(60.0)

    async def request() -> None:
        begin(limit)
        for _ in range(3):
            await asyncio.sleep(0)
        assert not limit.ended(this_task())

    async with asyncio.TaskGroup() as group:
        for _ in range(1000):
            group.create_task(request())
    assert len(timers) == 1
    limit.close()


async def test_each_task_has_its_own_full_time() -> None:
    """They began at different moments, and each is cancelled when its own time is over."""
    limit, taken = TimeLimit(SECONDS), list[float]()

    async def request(start: asyncio.Event) -> None:
        await start.wait()
        begin(limit)
        taken.append(await seconds_until_cancelled(limit))

    starts = [asyncio.Event() for _ in range(5)]
    async with asyncio.TaskGroup() as group:
        for start in starts:
            group.create_task(request(start))
        for start in starts:
            start.set()
            await asyncio.sleep(SECONDS / 4)
    assert len(taken) == 5
    assert min(taken) >= SECONDS - 0.001
    assert max(taken) < 5.0
    limit.close()


async def test_the_timer_comes_back_after_a_rest() -> None:
    """After a time without requests the next request is watched as well."""
    limit = TimeLimit(0.02)
    begin(limit)
    assert not limit.ended(this_task())
    await asyncio.sleep(0.03)
    begin(limit)
    assert await seconds_until_cancelled(limit) >= 0.019
    limit.close()


@pytest.mark.parametrize("offset", [-1e-5, 0.0, 1e-5])
async def test_a_cancellation_from_outside_weighs_more(offset: float) -> None:
    """Both in the same turn of the loop, whichever comes first: the task stays cancelled."""
    loop = asyncio.get_running_loop()
    limit, said = TimeLimit(SECONDS), list[bool]()

    async def request() -> None:
        # Both moments have passed when the loop looks, so it acts on both in one turn.
        now = loop.time() - SECONDS - 1.0
        limit.begin(this_task(), now)
        loop.call_at(now + SECONDS + offset, this_task().cancel)
        try:
            await wait_for_ever()
        except asyncio.CancelledError:
            said.append(limit.ended(this_task()))
            assert this_task().cancelling() == 1
            raise

    task = asyncio.create_task(request())
    await asyncio.wait([task])
    assert said == [False]
    assert task.cancelled()
    limit.close()


async def test_a_clock_that_stands_still_stops_the_limit() -> None:
    """The timer fires when the process wakes, and what is left of the time begins again."""
    now = 1000.0
    limit = TimeLimit(SECONDS, clock=lambda: now)
    limit.begin(this_task(), now)
    # The timer fires again and again meanwhile.
    await asyncio.sleep(4 * SECONDS)
    assert this_task().cancelling() == 0
    now += SECONDS
    with pytest.raises(asyncio.CancelledError):
        await wait_for_ever()
    assert limit.ended(this_task())
    limit.close()


async def test_a_cancellation_from_outside_alone_is_not_ours() -> None:
    """It is not taken back."""
    limit, said = TimeLimit(60.0), list[bool]()

    async def request() -> None:
        begin(limit)
        try:
            await wait_for_ever()
        except asyncio.CancelledError:
            said.append(limit.ended(this_task()))
            raise

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert (said, task.cancelled(), task.cancelling()) == ([False], True, 1)
    limit.close()


async def test_no_time_runs_during_a_pause() -> None:
    """And when it begins again, the whole time is there again."""
    limit = TimeLimit(SECONDS)
    other_is_over = asyncio.Event()

    async def take_too_long() -> None:
        begin(limit)
        await seconds_until_cancelled(limit)
        other_is_over.set()

    begin(limit)
    limit.pause(this_task())
    other = asyncio.create_task(take_too_long())
    await other_is_over.wait()
    begin(limit)
    assert await seconds_until_cancelled(limit) >= SECONDS - 0.001
    await other
    limit.close()


async def test_beginning_again_without_a_pause_starts_the_time_anew() -> None:
    """The earlier end does not count any more."""
    limit, loop = TimeLimit(SECONDS), asyncio.get_running_loop()
    limit.begin(this_task(), loop.time() - SECONDS * 0.9)
    begin(limit)
    assert await seconds_until_cancelled(limit) >= SECONDS - 0.001
    limit.close()


async def test_beginning_again_does_not_delay_the_others() -> None:
    """A task that began between its first and second beginning is cancelled in time."""
    limit, loop = TimeLimit(SECONDS), asyncio.get_running_loop()
    resender = asyncio.create_task(wait_for_ever())
    limit.begin(resender, loop.time())
    begin(limit)
    limit.begin(resender, loop.time() + 2.0)
    assert await seconds_until_cancelled(limit) < 1.0
    limit.close()
    resender.cancel()
    await asyncio.wait([resender])


async def test_a_closed_limit_cancels_no_task() -> None:
    """It lets go of its timer; closing twice, or unused, is fine."""
    limit, watch = TimeLimit(0.01), TimeLimit(0.03)
    begin(limit)
    limit.close()
    limit.close()
    begin(watch)
    assert await seconds_until_cancelled(watch) >= 0.029
    watch.close()
    TimeLimit(1.0).close()
