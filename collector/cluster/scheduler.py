"""The scheduler of a run: submits shards to workers, and keeps what they share up to date.

As many shards run at a time as the cluster has workers. They share one token, the rate, and the
limit of the server that they find.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from distributed import Client, Future, as_completed

from collector.cluster.aggregate import ClusterPace
from collector.cluster.channel import Channel
from collector.cluster.division import SharedLimit, share_of_each
from collector.cluster.messages import Result, ShardStatus, Task
from collector.cluster.shard_task import collect_shard
from collector.http.token import TokenSource

__all__ = ["ShardScheduler", "SharedState", "in_background"]

_CANCELLING_SECONDS: Final = 3.0


class ShardScheduler:
    """Submits shards to a cluster, and takes their results.

    `senders` is how many shards share the rate, at least 1. `statuses` has the newest status of
    each shard that runs, by its number.
    """

    def __init__(self, shards: int, workers: int) -> None:
        self.senders = min(workers, shards)
        self.statuses: dict[int, ShardStatus] = {}
        self._shards = shards
        self._running: set[int] = set()

    def update(self, status: ShardStatus) -> bool:
        """Take a status; return whether its shard runs. A status may come late."""
        if status.shard not in self._running:
            return False
        self.statuses[status.shard] = status
        return True

    async def run(
        self,
        client: Client,
        task: Callable[[int, int], Task],
        take: Callable[[int, Result | BaseException], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        """Run as many shards at a time as there are senders, until none is left.

        * `client`: of the Dask cluster.
        * `task`: returns the task of a shard, by its number and by how many shards there are.
        * `take`: gets the number of a shard, and its result or the error that Dask met.
        * `is_stopped`: once it returns True, no more shards start.
        """
        waiting = iter(range(self._shards))
        futures: dict[Future[Result], int] = {}

        def submit() -> list[Future[Result]]:
            number = None if is_stopped() else next(waiting, None)
            if number is None:
                return []
            made = task(number, self._shards)
            future = client.submit(collect_shard, made, key=made.key, pure=False)
            futures[future] = number
            self._running.add(number)
            return [future]

        first = [future for _ in range(self.senders) for future in submit()]
        completed = as_completed(first, loop=client.loop)
        try:
            async for future in completed:
                result = await _result(future)
                number = futures.pop(future)
                self._running.discard(number)
                self.statuses.pop(number, None)
                take(number, result)
                completed.update(submit())
                # If no shard took its place, the others share its rate. The number never grows
                # again: a shard could send more before the others have learned to send less.
                self.senders = max(1, len(self._running))
        finally:
            # The Dask scheduler itself may have ended.
            with suppress(Exception):
                async with asyncio.timeout(_CANCELLING_SECONDS):
                    await client.cancel(list(futures), force=True)


async def _result(future: Future[Result]) -> Result | BaseException:
    """Return the result of a shard, or the error that Dask met."""
    try:
        result: Result = await future
    except Exception as error:  # noqa: BLE001 - any error of a worker
        return error
    return result


_UPDATE_SECONDS: Final = 0.5

_BETWEEN_TOKENS: Final = 3.0
"""Seconds between two renewals that shards ask for, at least."""


class SharedState:
    """Keeps what the shards share up to date: the token, the rate, the limit of the server.

    * `tokens`: the token, and its renewals.
    * `channel`: publishes what is set here.
    * `scheduler`: knows the shards that run, and their statuses.
    * `pace`: gets the limit, for displays.
    * `rate`: the rate of all shards together, in requests per second.
    """

    def __init__(
        self,
        tokens: TokenSource,
        channel: Channel,
        scheduler: ShardScheduler,
        pace: ClusterPace,
        rate: float,
    ) -> None:
        self._tokens = tokens
        self._channel = channel
        self._scheduler = scheduler
        self._pace = pace
        self._rate = rate
        self._limit = SharedLimit()
        self._renewable_at = 0.0

    async def run(self) -> None:
        """Update the shared state until cancelled.

        Raises `CredentialsError` and `OutageError` when there is no usable token, and
        `StoppedError` when the gate is closed.
        """
        while True:
            await self._update_token()
            self._share()
            await asyncio.sleep(_UPDATE_SECONDS)

    async def _update_token(self) -> None:
        stale = {status.stale_token for status in self._scheduler.statuses.values()}
        token = self._tokens.cached()
        if token is None:
            token = await self._tokens.current()
        elif self._channel.token_number in stale and time.monotonic() >= self._renewable_at:
            token = await self._tokens.renewed(token)
        if self._channel.set_token(token):
            # Each shard asks by itself.
            self._renewable_at = time.monotonic() + _BETWEEN_TOKENS

    def _share(self) -> None:
        senders = self._scheduler.senders
        limits = [status.limit for status in self._scheduler.statuses.values()]
        self._pace.limit = limit = self._limit.take(limits, senders, time.monotonic())
        self._channel.share = share_of_each(self._rate, senders, limit)
        self._channel.senders = senders


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
