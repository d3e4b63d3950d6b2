"""The shards at work: as many at a time as there are workers, until none is left."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from distributed import Client, Future, as_completed

from collector.engine.messages import Report, Result, Task
from collector.engine.shard_task import collect_shard

__all__ = ["Crew"]

_CANCELLING_SECONDS: Final = 3.0


class Crew:
    """Hands out shards to a cluster, and takes what comes of them.

    `senders` is how many share the rate, at least 1; `reports` is the newest of each at work.
    """

    def __init__(self, shards: int, workers: int) -> None:
        self.senders = min(workers, shards)
        self.reports: dict[int, Report] = {}
        self._shards = shards
        self._at_work: set[int] = set()

    def hear(self, report: Report) -> bool:
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
