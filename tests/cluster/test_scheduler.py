"""What the scheduler of a run decides: which shards run, and what they share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import cast

from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

from collector.cluster.channel import Channel
from collector.cluster.messages import Orders, Result
from collector.cluster.scheduler import ShardScheduler, SharedState
from collector.cluster.site import Site
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.token import Token, TokenSource
from collector.pace import PaceView, Share
from collector.plan import Shard
from collector.run.result import End
from tests.cluster.made_reports import report, result, running_shards


class _Shards:
    """Shards that run until the test ends them, and what their scheduler makes of that."""

    def __init__(self, shards: int, workers: int) -> None:
        self.scheduler = ShardScheduler(PaceView(5.0, inf))
        self.scheduler.senders = min(shards, workers)
        self.running: dict[int, asyncio.Future[Result]] = {}
        self.taken: list[Result | BaseException] = []
        self.is_stopped = False
        self._total = shards

    async def _collect(self, shard: Shard) -> Result:
        assert shard.total == self._total
        self.running[shard.number] = asyncio.get_running_loop().create_future()
        return await self.running[shard.number]

    async def _take(self, result: Result | BaseException) -> None:
        await asyncio.sleep(0)
        self.taken.append(result)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run them while the body runs, and to the end."""
        work = self.scheduler.run(self._total, self._collect, self._take, lambda: self.is_stopped)
        running = asyncio.create_task(work)
        await _settle()
        yield running
        async with asyncio.timeout(30):
            await asyncio.wait([running])

    async def end(self, number: int, error: Exception | None = None) -> None:
        """End a shard that runs."""
        future = self.running.pop(number)
        if error is None:
            future.set_result(result(report(number)))
        else:
            future.set_exception(error)
        await _settle()


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@given(shards=st.integers(1, 20), workers=st.integers(1, 20), data=st.data())
def test_the_rate_is_shared_by_those_that_run(
    shards: int, workers: int, data: st.DataObject
) -> None:
    """Each shard runs once, at most as many as workers at a time; their number only shrinks."""

    async def run() -> None:
        made = _Shards(shards, workers)
        ended: list[int] = []
        async with made.run():
            while made.running:
                assert made.scheduler.senders == len(made.running) <= workers
                number = data.draw(st.sampled_from(sorted(made.running)))
                ended.append(number)
                await made.end(number)
                assert len(made.taken) == len(ended)
                assert len(made.running) == min(workers, shards - len(ended))
        assert sorted(ended) == list(range(shards))
        assert made.scheduler.senders == 1
        assert not made.scheduler.has_unfinished

    asyncio.run(run())


async def test_a_run_that_is_stopped_starts_no_more() -> None:
    """Those that run share what is left."""
    made = _Shards(10, 3)
    async with made.run():
        made.is_stopped = True
        await made.end(1)
        assert (sorted(made.running), made.scheduler.senders) == ([0, 2], 2)
        made.is_stopped = False
        await made.end(0)
        assert sorted(made.running) == [2, 3]
        made.is_stopped = True
        await made.end(2)
        await made.end(3)


async def test_an_error_of_dask_is_the_result_of_its_shard() -> None:
    """The run decides what it means; the shard is not finished."""
    made, error = _Shards(2, 1), OSError("gone")
    async with made.run():
        await made.end(0, error)
        assert made.taken == [error]
        assert list(made.running) == [1]
        await made.end(1)
        assert made.scheduler.has_unfinished


async def test_a_shard_that_has_not_begun_is_not_finished() -> None:
    """Its result has no counts: those of an earlier worker may lack lines that are on disk."""
    made = _Shards(1, 1)
    async with made.run():
        made.running.pop(0).set_result(Result(End(ExitCode.SIGTERM)))
    assert made.scheduler.has_unfinished


async def test_a_run_that_is_cancelled_waits_for_no_shard() -> None:
    """They are given up, and are not finished."""
    made = _Shards(3, 2)
    async with made.run() as running:
        running.cancel()
    assert running.cancelled()
    assert all(future.cancelled() for future in made.running.values())
    assert made.scheduler.has_unfinished


async def test_a_late_status_does_not_count() -> None:
    """That of a shard that has ended, or that never ran, would be shared and shown for good."""
    made = _Shards(3, 2)
    update = made.scheduler.update
    async with made.run():
        assert update(report(0, requests=1))
        assert update(report(0, requests=2))
        assert [status.counts.requests for status in made.scheduler.statuses] == [2]
        assert not update(report(2))
        await made.end(0)
        assert made.scheduler.statuses == []
        assert not update(report(0, requests=3))
        assert update(report(2))
        await made.end(1)
        await made.end(2)


_SITE = Site(Path("/r"), b"lock", "1")


class _Client:
    """What a channel reads of a client of Dask when it is made."""

    id = "client"


class _Bench:
    """A shared state whose time moves when told to; `issued` counts tokens."""

    def __init__(self, scheduler: ShardScheduler, rate: float = 100.0) -> None:
        self.now = 0.0
        self.issued = 0
        self.scheduler = scheduler
        first = self._token()
        orders = Orders(share=Share.of(rate, scheduler.senders), token=first)
        # Neither the clients nor the site are used before something is published.
        self.channel = Channel(cast("Client", _Client()), cast("Client", _Client()), orders, _SITE)
        tokens = TokenSource(self._issue, first, clock=self._clock)
        self.state = SharedState(tokens, self.channel, scheduler, rate, clock=lambda: self.now)

    def _clock(self) -> float:
        return self.now

    def _token(self) -> Token:
        self.issued += 1
        return Token.of(Secret(f"token-{self.issued}"))

    async def _issue(self) -> Token:
        return self._token()

    async def refused(self, number: int) -> int:
        """Update the state when a shard says that this token is not accepted; count the tokens."""
        assert self.scheduler.update(report(0, stale_token=number))
        await self.state.update()
        return self.issued


async def test_shards_that_ask_for_a_token_get_one_in_three_seconds() -> None:
    """Each asks by itself, and a server that accepts none would be asked without a pause."""
    bench = _Bench(running_shards(2))
    assert await bench.refused(1) == 2
    assert bench.channel.orders.token_number == 2
    bench.now = 2.9
    assert await bench.refused(2) == 2
    bench.now = 3.0
    assert await bench.refused(2) == 3
    assert bench.channel.orders.token_number == 3


async def test_a_token_that_was_replaced_is_not_replaced_again() -> None:
    """A shard that has not read the newest orders speaks of an older one."""
    bench = _Bench(running_shards(2))
    assert await bench.refused(1) == 2
    bench.now = 10.0
    assert await bench.refused(1) == 2


async def test_shards_that_are_left_get_the_share_of_those_that_ended() -> None:
    """They learn it with the next orders."""
    bench = _Bench(running_shards(2))
    await bench.state.update()
    assert bench.channel.orders.share == Share.of(100.0, 2)
    bench.scheduler.senders = 1
    await bench.state.update()
    assert bench.channel.orders.share == Share.of(100.0)
