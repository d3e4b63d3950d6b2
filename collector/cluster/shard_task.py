"""One shard of a run, in a worker of a cluster."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf
from typing import Final
from uuid import uuid4

from distributed import get_client, get_worker

from collector.cluster.cluster import check_addresses
from collector.cluster.messages import Common, Orders, Result, ShardStatus, Task
from collector.cluster.shard_channel import LONGEST_SILENCE, ShardChannel
from collector.cluster.site import Site
from collector.cluster.token_feed import TokenFeed
from collector.core.clock import AwakeClock
from collector.core.errors import ExitCode, InputError
from collector.core.text import json_text
from collector.core.threads import in_thread
from collector.http.credentials import AccessToken
from collector.run.result import End
from collector.run.run import Run
from collector.run.shard_context import ShardContext

__all__ = ["collect_shard"]

_STATUS_SECONDS: Final = 0.5

_LOCKED_SECONDS: Final = LONGEST_SILENCE + 30.0
"""How long to wait for a shard that another worker has locked: a worker that Dask has given up may
still run the shard until it finds that it gets no orders."""

_RESTORE_SECONDS: Final = 3.0
"""How long to wait for a lock file that another process removes: the scheduler restores it."""

_BETWEEN_TRIES: Final = 0.5


def collect_shard(task: Task) -> Result:
    """Collect the shard of the task; Dask calls it in a thread of a worker."""
    worker = get_worker()
    try:
        check_addresses([worker.address], is_insecure=task.site.is_insecure)
    except InputError as error:
        return Result(End(ExitCode.STOPPED_EARLY, str(error)))
    if mismatch := _lasting_mismatch(task.site):
        text = f"{worker.address}: a worker of the cluster {mismatch}"
        return Result(End(ExitCode.STOPPED_EARLY, text))
    channel = ShardChannel(worker, get_client(), task)
    return asyncio.run(_Shard(channel.common(), task, channel).collect())


def _lasting_mismatch(site: Site) -> str | None:
    """Return what is different in this worker, if it stays so for a few seconds."""
    until = time.monotonic() + _RESTORE_SECONDS
    while mismatch := site.mismatch():
        if time.monotonic() > until:
            return mismatch
        time.sleep(_BETWEEN_TRIES)
    return None


class _Shard:
    """A run of one shard that follows orders and sends its status.

    * `common`: what all shards need.
    * `task`: the shard.
    * `channel`: to the process that started the run.
    """

    def __init__(self, common: Common, task: Task, channel: ShardChannel) -> None:
        self._common = common
        self._task = task
        self._channel = channel
        self._token_feed: TokenFeed | None = None
        self._was_stopped_at_once = False
        self._senders = 1
        self._incarnation = uuid4().hex

    async def collect(self) -> Result:
        orders = await in_thread(self._channel.read_orders)
        until = time.monotonic() + _LOCKED_SECONDS
        while True:
            run = self._run(orders)
            if orders.end is not None:
                end = orders.end
                break
            end = await self._execute(run, orders)
            if end.exit_code is not ExitCode.LOCKED or time.monotonic() > until:
                break
            await asyncio.sleep(_BETWEEN_TRIES)
            orders = await in_thread(self._channel.read_orders)
        if end.exit_code is ExitCode.LOCKED:
            end = End(ExitCode.STOPPED_EARLY, end.error)
        stats = run.stats
        # Of cells it knows nothing before it has read its files; one that died may have told more.
        status = self._status(run) if run.has_begun.is_set() else None
        return Result(end, run.remarks, status, stats.latencies, stats.company_latencies)

    def _run(self, orders: Orders) -> Run:
        common, token, shard = self._common, orders.token, self._task.shard
        self._token_feed = TokenFeed(orders) if token.ends_at < inf else None
        answered = common.answered[shard.number]
        return Run(
            common.plan,
            replace(common.settings, shard=shard),
            self._token_feed or AccessToken(token.secret),
            self._task.site.directory,
            network=common.network,
            context=ShardContext(orders.share, common.dates, common.surveyed, answered),
        )

    async def _execute(self, run: Run, orders: Orders) -> End:
        self._apply(run, orders)
        reporting = asyncio.create_task(self._report(run), name="report")
        reporting.add_done_callback(partial(_stop_if_failed, run))
        try:
            return await run.execute()
        finally:
            reporting.cancel()
            with suppress(asyncio.CancelledError):
                await reporting

    async def _report(self, run: Run) -> None:
        """Send statuses and follow orders until cancelled; stop the run if it is not heard.

        Raises what ends the orders, which is a bug.
        """
        channel = self._channel
        # The time in which this process was stopped does not count.
        clock = AwakeClock()
        channel.heard_at = clock()
        with clock.beating():
            # A task of its own: the Dask scheduler may take its time to answer.
            follow = channel.follow_orders(partial(self._apply, run), clock)
            following = asyncio.create_task(follow, name="orders")
            try:
                while not (why := channel.why_over(clock())):
                    channel.send_status(self._status(run))
                    await asyncio.wait([following], timeout=_STATUS_SECONDS)
                    if following.done():
                        following.result()
                run.stop(ExitCode.STOPPED_EARLY, why)
            finally:
                following.cancel()
                await asyncio.wait([following])
        with suppress(Exception):
            channel.delete()

    def _apply(self, run: Run, orders: Orders) -> None:
        run.gate.share(orders.share)
        self._senders = orders.share.senders
        if self._token_feed is not None:
            self._token_feed.put(orders)
        if orders.end is not None:
            run.stop(orders.end.exit_code, orders.end.error)
            if orders.at_once and not self._was_stopped_at_once:
                # Once: a second cancellation would interrupt the end of the run.
                self._was_stopped_at_once = True
                run.stop_at_once()

    def _status(self, run: Run) -> ShardStatus:
        pace = run.pace
        if pace.last_error is not None:
            # It may have the path of the directory, which need not be UTF-8.
            pace = pace._replace(last_error=json_text(pace.last_error))
        return ShardStatus(
            shard=self._task.shard.number,
            incarnation=self._incarnation,
            counts=run.stats.counts(),
            pace=pace,
            senders=self._senders,
            stale_token=None if self._token_feed is None else self._token_feed.stale,
        )


def _stop_if_failed(run: Run, reporting: asyncio.Task[None]) -> None:
    """Stop a shard that gets no orders any more; its end raises the error."""
    if not reporting.cancelled() and reporting.exception() is not None:
        run.stop(ExitCode.BUG)
