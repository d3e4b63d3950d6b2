"""How a shard reads its orders."""

import asyncio
from threading import Event
from typing import cast

import pytest
from distributed import Client, Status, Worker

from collector.cluster.lease import Lease
from collector.cluster.messages import Orders, Task
from collector.cluster.shard_channel import ShardChannel


class _Worker:
    """What a channel reads of a worker of Dask."""

    status = Status.running


class _Task:
    """What a channel reads of a task when it is made."""

    channel = "c"


class _Channel(ShardChannel):
    """A channel on which reading fails when the test allows it."""

    def __init__(self, worker: _Worker) -> None:
        super().__init__(cast("Worker", worker), cast("Client", None), cast("Task", _Task()))
        self.reads = Event()
        self.fails = Event()
        self.was_asked = False

    def read_orders(self) -> Orders:
        self.reads.set()
        self.fails.wait(30)
        raise OSError

    def is_awaited(self) -> bool:
        self.was_asked = True
        return False


async def _following(channel: _Channel, *, silent: float) -> tuple[asyncio.Task[None], Lease]:
    """Follow orders of which none has come for so many seconds, until the first read."""
    lease = Lease(-silent)
    follow = channel.follow_orders(lambda _: None, lease, lambda: 0.0)
    following = asyncio.create_task(follow)
    while not channel.reads.is_set():  # noqa: ASYNC110 - a thread sets it
        await asyncio.sleep(0.001)
    return following, lease


async def test_it_ends_when_a_read_fails_that_was_cancelled() -> None:
    """The error of the thread takes the place of the cancellation, and must not undo it."""
    channel = _Channel(_Worker())
    following, _ = await _following(channel, silent=0.0)
    following.cancel()
    channel.fails.set()
    done, _ = await asyncio.wait([following], timeout=30)
    assert done


@pytest.mark.parametrize("silent", [1.0, 3.0])
async def test_a_shard_that_is_not_awaited_is_told_while_reading_takes_its_time(
    silent: float,
) -> None:
    """It asks before it reads, and does not ask as long as orders may still come."""
    channel = _Channel(_Worker())
    following, lease = await _following(channel, silent=silent)
    gone = "the process that started the run has gone"
    assert channel.was_asked == (silent > 2.0)
    assert channel.why_over(lease, 0.0) == (gone if silent > 2.0 else None)
    following.cancel()
    channel.fails.set()
    await asyncio.wait([following])


@pytest.mark.parametrize("status", list(Status))
def test_a_worker_that_is_being_closed_is_not_connected(status: Status) -> None:
    """One that is paused, or is to end after its tasks, still carries what the shard sends."""
    worker = _Worker()
    worker.status = status
    is_over = _Channel(worker).why_over(Lease(0.0), 0.0) is not None
    assert is_over == (status.name not in {"running", "paused", "closing_gracefully"})
