"""One shard of a run, in a worker of a cluster."""

import asyncio
import pickle
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar
from uuid import uuid4

from distributed import Variable, get_client, get_worker

from collector.cluster.cluster import check_addresses
from collector.cluster.messages import Orders, Result, ShardStatus, Site, Task, name_of_plan
from collector.cluster.token_feed import TokenFeed
from collector.core.errors import ExitCode, InputError
from collector.core.threads import in_thread
from collector.http.credentials import AccessToken
from collector.plan import Plan
from collector.run.result import End
from collector.run.run import Run

__all__ = ["collect_shard"]

_BEAT_SECONDS: Final = 0.5

_ALONE_SECONDS: Final = 60.0
"""Without an order for so long, whoever started the run is taken to be gone."""

_LOCKED_SECONDS: Final = _ALONE_SECONDS + 30.0
"""How long a shard is waited for that another worker holds: one that was given up as dead may
still be at work, and its shard with it, until it finds itself alone."""

_PUT_BACK_SECONDS: Final = 3.0
_BETWEEN_TRIES: Final = 0.5


def collect_shard(task: Task) -> Result:
    """Collect the shard that the task's settings name; called by Dask in a thread of a worker."""
    worker = get_worker()
    try:
        check_addresses([worker.address], is_insecure=task.settings.insecure_cluster)
    except InputError as error:
        return Result(End(ExitCode.STOPPED_EARLY, str(error)))
    if trouble := _trouble(task.site):
        text = f"{worker.address}: a worker of the cluster {trouble}"
        return Result(End(ExitCode.STOPPED_EARLY, text))
    channel = Variable(task.channel, client=get_client())

    def hear() -> Orders:
        return Orders.decode(channel.get(timeout="10 s"))

    def tell(report: ShardStatus) -> None:
        worker.log_event(task.channel, report.encoded())

    def take_away() -> None:
        channel.delete()
        Variable(name_of_plan(task.channel), client=get_client()).delete()

    return asyncio.run(_Shard(_plan(task.channel), task, hear, tell, take_away).collect())


def _trouble(site: Site) -> str | None:
    """Say what is different here, if it stays so: a lock that somebody removes is put back."""
    until = time.monotonic() + _PUT_BACK_SECONDS
    while trouble := site.trouble():
        if time.monotonic() > until:
            return trouble
        time.sleep(_BETWEEN_TRIES)
    return None


@lru_cache(maxsize=1)
def _plan(channel: str) -> Plan:
    """Fetch the plan, once for all shards of a run that this process collects."""
    sent = Variable(name_of_plan(channel), client=get_client()).get(timeout="60 s")
    plan: Plan = pickle.loads(sent)  # noqa: S301 - of whoever sent this code
    return plan


class _Shard:
    """A run of one shard that obeys orders and reports; `hear` blocks, `tell` does not.

    `take_away` deletes the orders, for there is a token in them.
    """

    def __init__(
        self,
        plan: Plan,
        task: Task,
        hear: Callable[[], Orders],
        tell: Callable[[ShardStatus], None],
        take_away: Callable[[], None],
    ) -> None:
        self._plan = plan
        self._task = task
        self._hear = hear
        self._tell = tell
        self._take_away = take_away
        self._feed: TokenFeed | None = None
        self._wants: int | None = None
        self._was_torn = False
        self._senders = 1
        self._life = uuid4().hex

    async def collect(self) -> Result:
        orders = await in_thread(self._hear)
        until = time.monotonic() + _LOCKED_SECONDS
        while True:
            run = self._run(orders)
            if orders.exit_code is not None:
                end = End(ExitCode(orders.exit_code), orders.why)
                break
            end = await self._execute(run, orders)
            if end.exit_code is not ExitCode.LOCKED or time.monotonic() > until:
                break
            await asyncio.sleep(_BETWEEN_TRIES)
            orders = await in_thread(self._hear)
        if end.exit_code is ExitCode.LOCKED:
            end = End(ExitCode.STOPPED_EARLY, end.error)
        stats = run.stats
        report = self._report(run)
        return Result(end, run.remarks, report, stats.latencies, stats.company_latencies)

    def _run(self, orders: Orders) -> Run:
        token = orders.handed_token
        self._feed = TokenFeed(token, self._want) if orders.is_renewable else None
        return Run(
            self._plan,
            self._task.settings,
            self._feed or AccessToken(token.secret),
            self._task.site.directory,
            context=self._task.context,
        )

    async def _execute(self, run: Run, orders: Orders) -> End:
        self._obey(run, orders)
        listening = asyncio.create_task(self._listen(run), name="listen")
        try:
            return await run.execute()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _listen(self, run: Run) -> None:
        """ShardStatus and obey until cancelled; stop the run when nobody gives orders any more."""
        beat, heard_at = -1, time.monotonic()
        while True:
            self._tell(self._report(run))
            await asyncio.sleep(_BEAT_SECONDS)
            # Whatever the trouble with the scheduler is, it may pass; the run goes on meanwhile.
            with suppress(Exception):
                orders = await in_thread(self._hear)
                if orders.beat != beat:
                    beat, heard_at = orders.beat, time.monotonic()
                self._obey(run, orders)
            if time.monotonic() - heard_at > _ALONE_SECONDS:
                run.stop(ExitCode.STOPPED_EARLY, "whoever started the run has gone")
                with suppress(Exception):
                    self._take_away()
                return

    def _obey(self, run: Run, orders: Orders) -> None:
        run.gate.share(orders.share)
        self._senders = orders.senders
        if self._feed is not None and self._feed.put(orders.handed_token):
            self._wants = None
        if orders.exit_code is not None:
            run.stop(ExitCode(orders.exit_code), orders.why)
            if orders.at_once and not self._was_torn:
                # Once: another cancellation would tear the run out of its orderly end.
                self._was_torn = True
                run.stop_at_once()

    def _want(self, number: int) -> None:
        self._wants = number

    def _report(self, run: Run) -> ShardStatus:
        stats, pace = run.stats, run.pace
        return ShardStatus(
            shard=self._task.settings.shard.number,
            life=self._life,
            planned=stats.planned,
            kept=_named(stats.kept),
            cells=_named(stats.cells),
            failure_kinds=_named(stats.failure_kinds),
            requests=stats.requests,
            in_flight=stats.in_flight,
            retries=stats.retries,
            retrying=stats.retrying,
            refused=stats.refused,
            resent=stats.resent,
            held_up=stats.held_up,
            statuses=dict(stats.statuses),
            broken=_named(stats.broken),
            rate=pace.rate,
            senders=self._senders,
            limit=pace.limit,
            open_cause=None if pace.open_cause is None else pace.open_cause.name,
            closed_for=pace.next_probe_in,
            wants=self._wants,
        )


_Name = TypeVar("_Name", bound=StrEnum)


def _named(counts: Mapping[_Name, int]) -> dict[str, int]:
    return {name.value: n for name, n in counts.items()}
