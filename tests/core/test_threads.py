import asyncio
import threading
from collections.abc import Iterator

import pytest

from collector.core.threads import in_thread


class _Work:
    """Blocking work that ends when it is told to."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.has_ended = False
        self.error: Exception | None = None

    def __call__(self) -> str:
        self.has_begun.set()
        assert self.may_end.wait(5), "the test never let the work end"
        self.has_ended = True
        if self.error is not None:
            raise self.error
        return "done"

    async def begun(self) -> None:
        assert await asyncio.to_thread(self.has_begun.wait, 5)


@pytest.fixture
def work() -> Iterator[_Work]:
    """Give work, which ends with the test at the latest."""
    work = _Work()
    yield work
    work.may_end.set()


async def _turns(count: int = 100) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_work_is_done_in_another_thread() -> None:
    """It gets its arguments, and its result comes back."""

    def divide(number: int, *, by: int) -> tuple[int, int]:
        return number // by, threading.get_ident()

    result, thread = await in_thread(divide, 12, by=3)
    assert result == 4
    assert thread != threading.get_ident()


async def test_the_error_of_the_work_is_raised() -> None:
    """As it is."""

    def fail() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left on device"):
        await in_thread(fail)


async def test_the_event_loop_continues_meanwhile(work: _Work) -> None:
    """Others take their turns while the work lasts."""
    waiting = asyncio.create_task(in_thread(work))
    await work.begun()
    await _turns()
    assert not waiting.done()
    work.may_end.set()
    async with asyncio.timeout(5):
        assert await waiting == "done"


@pytest.mark.parametrize("cancellations", [1, 3])
async def test_a_cancellation_waits_for_the_end_of_the_work(
    work: _Work, cancellations: int
) -> None:
    """However often it comes: the caller waits while the thread still works."""
    waiting = asyncio.create_task(in_thread(work))
    await work.begun()
    for _ in range(cancellations):
        waiting.cancel()
        await _turns()
        assert not waiting.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    assert work.has_ended


async def test_work_that_was_just_handed_over_is_done_all_the_same(work: _Work) -> None:
    """A cancellation in the same moment does not take it back."""
    waiting = asyncio.create_task(in_thread(work))
    await asyncio.sleep(0)
    waiting.cancel()
    await _turns()
    assert not waiting.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    assert work.has_ended


async def test_an_error_says_more_than_a_cancellation(work: _Work) -> None:
    """A storage error must not go unnoticed because the user stopped the run."""
    waiting = asyncio.create_task(in_thread(work))
    await work.begun()
    waiting.cancel()
    await _turns()
    work.error = OSError(5, "Input/output error")
    work.may_end.set()
    with pytest.raises(OSError, match="Input/output error"):
        await asyncio.wait_for(waiting, 5)


async def test_a_time_limit_waits_for_the_end_of_the_work(work: _Work) -> None:
    """It has passed by then, and says so."""

    async def limited() -> None:
        async with asyncio.timeout(0):
            await in_thread(work)

    waiting = asyncio.create_task(limited())
    await work.begun()
    await _turns()
    assert not waiting.done()
    work.may_end.set()
    with pytest.raises(TimeoutError):
        await waiting
    assert work.has_ended


async def test_cancelling_every_task_waits_for_the_work_too(work: _Work) -> None:
    """As `asyncio.run` does at its end: also then the caller waits while the thread works."""
    waiting = asyncio.create_task(in_thread(work))
    await work.begun()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await _turns()
    assert not waiting.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    assert work.has_ended
