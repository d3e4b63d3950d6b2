"""The scheduler of a run: hands shards to workers, and keeps what they share up to date.

As many shards run at a time as there are workers, until none is left. They share one token, the
rate and the limit that they find.
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

__all__ = ["ShardScheduler", "SharedState", "beside"]

_CANCELLING_SECONDS: Final = 3.0


class ShardScheduler:
    """Hands out shards to a cluster, and takes what comes of them.

    `senders` is how many share the rate, at least 1; `reports` is the newest of each at work.
    """

    def __init__(self, shards: int, workers: int) -> None:
        self.senders = min(workers, shards)
        self.reports: dict[int, ShardStatus] = {}
        self._shards = shards
        self._at_work: set[int] = set()

    def hear(self, report: ShardStatus) -> bool:
        """Take a report; return whether its shard is at work, for some come late."""
        if report.shard not in self._at_work:
            return False
        self.reports[report.shard] = report
        return True

    async def work(
        self,
        client: Client,
        task: Callable[[int, int], Task],
        take: Callable[[int, Result | BaseException], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        """Keep as many shards at work as there are senders, until none is left, or it is stopped.

        `task` makes that of a shard, by its number and by how many there are; `take` gets what each
        has returned, or what kept it from returning, by its number.
        """
        waiting = iter(range(self._shards))
        futures: dict[Future[Result], int] = {}

        def submit() -> list[Future[Result]]:
            number = None if is_stopped() else next(waiting, None)
            if number is None:
                return []
            its = task(number, self._shards)
            future = client.submit(collect_shard, its, key=f"{its.channel}-{number}", pure=False)
            futures[future] = number
            self._at_work.add(number)
            return [future]

        first = [future for _ in range(self.senders) for future in submit()]
        completed = as_completed(first, loop=client.loop)
        try:
            async for future in completed:
                result = await _result(future)
                number = futures.pop(future)
                self._at_work.discard(number)
                self.reports.pop(number, None)
                take(number, result)
                completed.update(submit())
                # If nobody took its place, the others share what it had. It never grows again: who
                # is told to send more must not hear of it before others have come down.
                self.senders = max(1, len(self._at_work))
        finally:
            # The scheduler may be what has gone.
            with suppress(Exception):
                async with asyncio.timeout(_CANCELLING_SECONDS):
                    await client.cancel(list(futures), force=True)


async def _result(future: Future[Result]) -> Result | BaseException:
    """Return what a shard has returned, or what kept it from returning."""
    try:
        result: Result = await future
    except Exception as error:  # noqa: BLE001 - whatever a worker has met
        return error
    return result


_CARE_SECONDS: Final = 0.5

_BETWEEN_TOKENS: Final = 3.0
"""Seconds between two tokens that shards want, at least."""


class SharedState:
    """Keeps the token of all good, and shares the rate (requests a second) and the limit found."""

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

    async def keep(self) -> None:
        """Work until cancelled.

        Raises `CredentialsError` and `OutageError` when there is no token any more, and
        `StoppedError` when the gate is shut.
        """
        while True:
            await self._hand_out_token()
            self._share()
            await asyncio.sleep(_CARE_SECONDS)

    async def _hand_out_token(self) -> None:
        wanted = {report.wants for report in self._scheduler.reports.values()}
        token = self._tokens.cached()
        if token is None:
            token = await self._tokens.current()
        elif self._channel.token_number in wanted and time.monotonic() >= self._renewable_at:
            token = await self._tokens.renewed(token) or token
        if self._channel.hand_out(token):
            # One company that is always refused must not have tokens asked for without end.
            self._renewable_at = time.monotonic() + _BETWEEN_TOKENS

    def _share(self) -> None:
        senders = self._scheduler.senders
        limits = [report.limit for report in self._scheduler.reports.values()]
        self._pace.limit = limit = self._limit.take(limits, senders, time.monotonic())
        self._channel.share = share_of_each(self._rate, senders, limit)
        self._channel.senders = senders


@asynccontextmanager
async def beside(
    *keepers: Awaitable[None], failed: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Do other things while the body works; `failed` is told of what ends one of them early."""

    def ended(keeping: asyncio.Future[None]) -> None:
        if not keeping.cancelled() and (error := keeping.exception()) is not None:
            failed(error)

    tasks = [asyncio.ensure_future(shared) for shared in keepers]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
