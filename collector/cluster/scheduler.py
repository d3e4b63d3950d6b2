"""The scheduler of a run: submits shards to workers, and keeps what they share up to date.

As many shards run at a time as the cluster has workers. They share one token, the rate, and the
limit of the server that they find.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from math import inf
from typing import Final

from collector.cluster.aggregate import pace_of_all
from collector.cluster.channel import Channel
from collector.cluster.division import SharedLimit
from collector.cluster.messages import Result, ShardStatus
from collector.http.token import TokenSource
from collector.pace import PaceView, Share
from collector.plan import Shard

__all__ = ["ShardScheduler", "SharedState", "in_background"]


class ShardScheduler:
    """Submits shards to a cluster, and takes their results; knows those that run, and their rate.

    `pace` is the rate before the first shard has reported its own.
    """

    def __init__(self, pace: PaceView) -> None:
        self.senders = 1
        """How many shards share the rate. It never grows while they run: a shard could send more
        before the others have learned to send less."""
        self.limit: float | None = None
        """The limit of the server for all shards, as it was found last."""
        self._pace = pace
        self.running: dict[int, ShardStatus | None] = {}
        """The newest status of each shard that runs, by its number; None until it sends one."""
        self._unfinished = 0

    @property
    def statuses(self) -> list[ShardStatus]:
        """The newest status of each shard that runs and has sent one."""
        return [status for status in self.running.values() if status is not None]

    @property
    def pace(self) -> PaceView:
        """The rate of all shards together; after the last has ended, that of the last status."""
        return pace_of_all(self.statuses, self._pace._replace(limit=self.limit))

    @property
    def has_unfinished(self) -> bool:
        """Whether a shard was started that has not returned a result with its counts."""
        return self._unfinished > 0

    def update(self, status: ShardStatus) -> bool:
        """Take a status; return whether its shard runs. A status may come late."""
        if status.shard not in self.running:
            return False
        self.running[status.shard] = status
        self._pace = self._pace._replace(rate=status.pace.rate * status.senders)
        return True

    async def run(
        self,
        shards: int,
        collect: Callable[[Shard], Awaitable[Result]],
        take: Callable[[Result | BaseException], Awaitable[None]],
        is_stopped: Callable[[], bool],
    ) -> None:
        """Run as many of so many shards at a time as there are senders, until none is left.

        * `collect`: collects a shard on the cluster.
        * `take`: gets the result of a shard, or the error that Dask met.
        * `is_stopped`: once it returns True, no more shards start.
        """
        waiting = (Shard(number, shards) for number in range(shards))
        async with asyncio.TaskGroup() as group:
            for _ in range(self.senders):
                group.create_task(self._run_some(waiting, collect, take, is_stopped))

    async def _run_some(
        self,
        waiting: Iterator[Shard],
        collect: Callable[[Shard], Awaitable[Result]],
        take: Callable[[Result | BaseException], Awaitable[None]],
        is_stopped: Callable[[], bool],
    ) -> None:
        """Run one shard after the other, as long as some are waiting."""
        while not is_stopped() and (shard := next(waiting, None)) is not None:
            self.running[shard.number] = None
            self._unfinished += 1
            try:
                result: Result | BaseException = await collect(shard)
            except Exception as error:  # noqa: BLE001 - any error of a worker
                result = error
            if isinstance(result, Result) and result.status is not None:
                self._unfinished -= 1
            del self.running[shard.number]
            await take(result)
        # No shard takes the place of the last one: the others share its rate.
        self.senders = max(1, self.senders - 1)


_UPDATE_SECONDS: Final = 0.5

_BETWEEN_TOKENS: Final = 3.0
"""Seconds between two renewals that shards ask for, at least."""


class SharedState:
    """Keeps what the shards share up to date: the token, the rate, the limit of the server.

    * `tokens`: the token, and its renewals.
    * `channel`: publishes what is set here.
    * `scheduler`: knows the shards that run; gets the limit, for displays.
    * `rate`: the rate of all shards together, in requests per second.
    * `clock`: returns seconds.
    """

    def __init__(
        self,
        tokens: TokenSource,
        channel: Channel,
        scheduler: ShardScheduler,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._channel = channel
        self._scheduler = scheduler
        self._rate = rate
        self._clock = clock
        self._limit = SharedLimit()
        self._renewable_at = -inf

    async def run(self) -> None:
        """Update the shared state until cancelled. Raises as `update`."""
        while True:
            await self.update()
            await asyncio.sleep(_UPDATE_SECONDS)

    async def update(self) -> None:
        """Update the shared state once.

        Raises `CredentialsError` and `OutageError` when there is no usable token, and
        `StoppedError` when the gate is closed.
        """
        await self._update_token()
        senders = self._scheduler.senders
        limits = [status.pace.limit for status in self._scheduler.statuses]
        self._scheduler.limit = limit = self._limit.take(limits, senders, self._clock())
        self._channel.change(share=Share.of(self._rate, senders, limit))

    async def _update_token(self) -> None:
        number = self._channel.orders.token_number
        token = self._tokens.cached()
        if token is None:
            token = await self._tokens.current()
        elif self._clock() >= self._renewable_at and any(
            status.stale_token == number for status in self._scheduler.statuses
        ):
            token = await self._tokens.renewed(token)
        if token is not self._channel.orders.token:
            self._channel.change(token=token, token_number=number + 1)
            # Each shard asks by itself.
            self._renewable_at = self._clock() + _BETWEEN_TOKENS


@asynccontextmanager
async def in_background(
    *work: Awaitable[None], failed: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Run `work` while the body runs, then cancel it; `failed` gets the error that ends one."""

    def ended(task: asyncio.Future[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failed(error)

    tasks = [asyncio.ensure_future(each) for each in work]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
