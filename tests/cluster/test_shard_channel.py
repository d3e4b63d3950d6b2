"""How a shard follows its orders."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event
from typing import Any, cast

import pytest
from distributed import Client, Status, Worker

from collector.cluster.messages import Orders, Task
from collector.cluster.shard_channel import LONGEST_SILENCE, ShardChannel, why_over
from tests.end_to_end.steps import until

_TOPIC = "c"
_GONE = {"action": "remove-client", "client": _TOPIC}
_BACK = {"action": "add-client", "client": _TOPIC}


_CLIENT = "the process that started the run has gone"
_SILENT = "no orders have come from the process that started the run for 60 s"
_SCHEDULER = "the scheduler of the cluster has gone, or is out of reach"


class _Worker:
    """What a channel reads of a worker of Dask."""

    status = Status.running


class _Task:
    """What a channel reads of a task when it is made."""

    channel = _TOPIC


class _Client:
    """A client of Dask with one topic: it keeps one handler, as Dask does."""

    def __init__(self) -> None:
        self.handler: Callable[[tuple[float, object]], None] | None = None

    def subscribe_topic(self, topic: str, handler: Callable[[Any], None]) -> None:
        """Replace the handler."""
        assert topic == _TOPIC
        self.handler = handler

    def unsubscribe_topic(self, topic: str) -> None:
        """Drop the handler."""
        assert topic == _TOPIC
        self.handler = None

    def happen(self, event: object) -> None:
        """Bring an event to its handler."""
        assert self.handler is not None
        self.handler((0.0, event))


class _Channel(ShardChannel):
    """A channel that counts reads; each fails when the test allows it."""

    def __init__(self, worker: _Worker, client: _Client, past: list[object]) -> None:
        super().__init__(cast("Worker", worker), cast("Client", client), cast("Task", _Task()))
        self.past = past
        self.reads = 0
        self.fails = Event()
        self.follows = Event()

    def read_orders(self) -> Orders:
        self.reads += 1
        self.fails.wait(30)
        raise OSError

    def past_events(self) -> list[object]:
        self.follows.set()
        return self.past


class _Bench:
    """A shard that follows orders on a clock that the test sets."""

    def __init__(self, client: _Client, *past: object) -> None:
        self.now = 0.0
        self.client = client
        self.channel = _Channel(_Worker(), client, list(past))

    def why_over(self) -> str | None:
        """Why the shard has to stop."""
        return self.channel.why_over(self.now)

    @asynccontextmanager
    async def following(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Follow orders while the body runs."""
        follow = self.channel.follow_orders(lambda _: None, lambda: self.now)
        following = asyncio.create_task(follow)
        await until(self.channel.follows.is_set)
        yield following
        following.cancel()
        self.channel.fails.set()
        await asyncio.wait([following])


async def test_it_ends_when_a_read_fails_that_was_cancelled() -> None:
    """The error of the thread takes the place of the cancellation, and must not undo it."""
    bench = _Bench(_Client())
    async with bench.following() as following:
        bench.client.happen(1)
        await until(lambda: bench.channel.reads == 1)
        following.cancel()
        bench.channel.fails.set()
        done, _ = await asyncio.wait([following], timeout=30)
        assert done


async def test_an_error_in_the_orders_is_raised() -> None:
    """Not that of a read, which may pass: the shard would not hear the order to stop."""
    bench = _Bench(_Client())

    def fail(_: object) -> None:
        raise ZeroDivisionError

    bench.channel.read_orders = lambda: cast("Orders", None)  # type: ignore[method-assign]
    follow = bench.channel.follow_orders(fail, lambda: bench.now)
    following = asyncio.create_task(follow)
    await until(bench.channel.follows.is_set)
    bench.client.happen(1)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(following, 30)


async def test_each_event_is_a_sign_of_life_and_orders_that_could_not_be_read_are_read_again() -> (
    None
):
    """Events come twice per second, with the version that is in force."""
    bench = _Bench(_Client())
    bench.channel.fails.set()
    async with bench.following():
        bench.now = LONGEST_SILENCE + 1
        assert bench.why_over() is not None
        bench.client.happen(1)
        await until(lambda: bench.channel.reads == 1)
        assert bench.why_over() is None
        bench.client.happen(1)
        await until(lambda: bench.channel.reads == 2)


async def test_a_shard_that_is_not_awaited_is_told() -> None:
    """By Dask, at once; also when it happened before the shard began, but not for good."""
    for past in ([], [0, _GONE]):
        bench = _Bench(_Client(), *past)
        async with bench.following():
            if not past:
                assert bench.why_over() is None
                bench.client.happen(_GONE)
            await until(lambda: bench.why_over() is not None)  # noqa: B023 - awaited here
            assert bench.why_over() == "the process that started the run has gone"
            bench.client.happen(_BACK)
            await until(lambda: bench.why_over() is None)  # noqa: B023


async def test_shards_in_one_process_hear_the_same_topic() -> None:
    """Dask keeps one handler for each topic; the last shard to end drops it."""
    client = _Client()
    one, other = _Bench(client), _Bench(client)
    async with one.following():
        async with other.following():
            client.happen(_GONE)
            await until(lambda: one.why_over() is not None and other.why_over() is not None)
        client.happen(_BACK)
        await until(lambda: one.why_over() is None)
    assert client.handler is None


@pytest.mark.parametrize("status", list(Status))
def test_a_worker_that_is_being_closed_is_not_connected(status: Status) -> None:
    """One that is paused, or is to end after its tasks, still carries what the shard sends."""
    worker = _Worker()
    worker.status = status
    channel = _Channel(worker, _Client(), [])
    is_over = channel.why_over(0.0) is not None
    assert is_over == (status.name not in {"running", "paused", "closing_gracefully"})


@pytest.mark.parametrize(
    ("silent", "is_connected", "is_awaited", "why"),
    [
        (0.0, True, True, None),
        (LONGEST_SILENCE, True, True, None),
        (LONGEST_SILENCE + 0.1, True, True, _SILENT),
        (LONGEST_SILENCE + 0.1, True, False, _CLIENT),
        (0.0, True, False, _CLIENT),
        (0.0, False, True, _SCHEDULER),
        (LONGEST_SILENCE + 0.1, False, False, _SCHEDULER),
    ],
)
def test_when_a_shard_stops(
    *, silent: float, is_connected: bool, is_awaited: bool, why: str | None
) -> None:
    """At once if it is known that it is not heard, and after a minute if nothing is known."""
    assert why_over(silent, is_connected=is_connected, is_awaited=is_awaited) == why
