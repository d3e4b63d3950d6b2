"""The scheduler of a run: submits shards to workers, and keeps what they share up to date.

As many shards run at a time as the cluster has workers. They share one token, the rate, and the
limit of the server that they find.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from math import inf
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
        self._waiting = iter(range(shards))
        self._running: set[int] = set()

    def update(self, status: ShardStatus) -> bool:
        """Take a status; return whether its shard runs. A status may come late."""
        if status.shard not in self._running:
            return False
        self.statuses[status.shard] = status
        return True

    def start(self) -> int | None:
        """Return the number of the next shard, which runs from now on; None if none is left."""
        number = next(self._waiting, None)
        if number is not None:
            self._running.add(number)
        return number

    def follow(self, number: int, *, is_stopped: bool) -> int | None:
        """Take the end of a shard; return the one that starts in its place, as `start` does.

        None starts if the run `is_stopped`.
        """
        self._running.discard(number)
        self.statuses.pop(number, None)
        following = None if is_stopped else self.start()
        # If no shard took its place, the others share its rate. The number never grows again: a
        # shard could send more before the others have learned to send less.
        self.senders = max(1, len(self._running))
        return following

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
        futures: dict[Future[Result], int] = {}

        def submit(number: int) -> Future[Result]:
            made = task(number, self._shards)
            future = client.submit(collect_shard, made, key=made.key, pure=False)
            futures[future] = number
            return future

        first = [] if is_stopped() else [self.start() for _ in range(self.senders)]
        submitted = [submit(number) for number in first if number is not None]
        completed = as_completed(submitted, loop=client.loop)
        try:
            async for future in completed:
                result = await _result(future)
                number = futures.pop(future)
                take(number, result)
                following = self.follow(number, is_stopped=is_stopped())
                if following is not None:
                    completed.add(submit(following))
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
    * `clock`: returns seconds.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each
        self,
        tokens: TokenSource,
        channel: Channel,
        scheduler: ShardScheduler,
        pace: ClusterPace,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._channel = channel
        self._scheduler = scheduler
        self._pace = pace
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
        self._share()

    async def _update_token(self) -> None:
        stale = {status.stale_token for status in self._scheduler.statuses.values()}
        token = self._tokens.cached()
        if token is None:
            token = await self._tokens.current()
        elif self._channel.token_number in stale and self._clock() >= self._renewable_at:
            token = await self._tokens.renewed(token)
        if self._channel.set_token(token):
            # Each shard asks by itself.
            self._renewable_at = self._clock() + _BETWEEN_TOKENS

    def _share(self) -> None:
        senders = self._scheduler.senders
        limits = [status.limit for status in self._scheduler.statuses.values()]
        self._pace.limit = limit = self._limit.take(limits, senders, self._clock())
        self._channel.set_share(share_of_each(self._rate, senders, limit), senders)


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
