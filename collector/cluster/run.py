"""The composition root of a run on a cluster: distributes shards, and returns how it ended."""

import asyncio
import concurrent.futures
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from distributed import Client

from collector.cluster.aggregate import ClusterStats
from collector.cluster.channel import Channel, open_channel
from collector.cluster.cluster import check_addresses, check_workers, error_by, open_cluster
from collector.cluster.first_cells import try_first_cells
from collector.cluster.messages import Common, Orders, Result, ShardStatus
from collector.cluster.scheduler import ShardScheduler, SharedState, in_background
from collector.cluster.shared_directory import (
    ClusterLog,
    LockedDirectory,
    SurveyedDirectory,
    lock_directory,
    survey_directory,
    sync_answers,
)
from collector.cluster.workers import WorkerMonitor
from collector.core.endpoint import STATISTICS
from collector.core.errors import CollectorError, ExitCode, StoppedError, gravest
from collector.core.text import json_text
from collector.core.threads import in_thread
from collector.http.credentials import Credentials
from collector.http.network import DIRECT, Network
from collector.pace import PaceView, Share
from collector.plan import Plan
from collector.run.base import BaseRun
from collector.run.result import End, end_by, end_of, without_answers
from collector.run.shutdown import Shutdown
from collector.run.verdict import all_empty, implausible_counts, too_many_failed
from collector.settings import RunSettings
from collector.store.coverage import read_coverage
from collector.store.earlier import recorded_drift
from collector.store.files import PartFiles
from collector.telemetry.reporter import Telemetry

__all__ = ["ClusterRun"]

_GRACE_SECONDS: Final = 15.0
"""How long to wait for shards that were stopped: five seconds for requests in flight, and the time
until they receive the order."""

_OWN_GRACE_SECONDS: Final = 5.0
"""How long to wait for the requests of this process, as long as no shard was started."""

_AT_ONCE_SECONDS: Final = 3.0
"""How long shards may take to receive the order to stop at once."""

_OTHERS_CONTINUE: Final = {ExitCode.COMPLETE, ExitCode.SOME_FAILED}
"""Ends of a shard after which the others continue."""


class ClusterRun(BaseRun):
    """One attempt at a run, as shards on a Dask cluster.

    This process requests the token and verifies the dates; the shards do the rest, as many at a
    time as the cluster has workers. Each has the same share of the rate, and a larger one when no
    shard is left to start and some have ended.
    """

    stats: ClusterStats

    def __init__(
        self,
        plan: Plan,
        settings: RunSettings,
        credentials: Credentials,
        output: Path,
        network: Network = DIRECT,
    ) -> None:
        super().__init__(
            plan,
            settings,
            # Workers may be in another directory.
            PartFiles(output.absolute()),
            stats=ClusterStats(len(plan)),
            credentials=credentials,
            network=network,
            share=Share.of(settings.rate),
        )
        directory = self.files.directory
        self.answers = directory / f"{STATISTICS.stem}-*.jsonl"
        self.failures = directory / "errors-*.jsonl"
        self._scheduler = ShardScheduler(self._session.gate.view())
        # Another event name: the logs of the shards have samples of their own.
        self._telemetry = Telemetry(
            settings.metrics_file,
            self.stats,
            lambda: self._scheduler.pace,
            self._log,
            event="cluster_sample",
        )
        self._ends: list[End] = []
        self._channel: Channel | None = None
        self._monitor: WorkerMonitor | None = None
        self._cluster_log = ClusterLog(self.files, self.events)
        self._shutdown = Shutdown(
            self._log,
            self._session.redact,
            grace=_GRACE_SECONDS,
            drain=self._drain,
            give_up=self._give_up,
        )

    @property
    def pace(self) -> PaceView:
        """The rate of all shards together; that of this process while it waits for the service."""
        own, view = self._session.gate.view(), self._scheduler.pace
        if self._channel is None and own.open_cause is not None:
            view = own
        return view._replace(last_error=view.last_error or self._session.token_error)

    async def execute(self) -> End:
        """Collect every missing cell, and return how it ended. Expected errors become its end."""
        end = End(ExitCode.BUG)
        try:
            end = await self._shutdown.end_of(self._open(), self.settings.deadline)
            await self._count(end)
            if self.stats.is_known and not self.stats.answered_cells:
                end = without_answers(end)
            is_whole = self.stats.is_known and not self.stats.missing
            compare = partial(recorded_drift, self.files.directory, is_whole=is_whole)
            self.stats.drift = await in_thread(compare)
        finally:
            unwritten = await self._telemetry.ended(end.exit_code)
            drift = None if self.stats.drift is None else self.stats.drift.remark
            self.remarks += tuple(filter(None, (all_empty(self.stats, self.settings), drift)))
            self.remarks += self._cluster_log.remarks + unwritten
        return end

    async def _open(self) -> End:
        await self._telemetry.check()
        async with self._telemetry.working() as self.remarks:
            return await self._attempt()

    def _drain(self, reason: End) -> None:
        self._session.gate.close()
        if self._channel is not None:
            # It may have the path of the directory, which need not be UTF-8.
            error = None if reason.error is None else json_text(reason.error)
            self._channel.change(end=End(reason.exit_code, error))
        elif self._monitor is None:
            loop = asyncio.get_running_loop()
            loop.call_later(_OWN_GRACE_SECONDS, self._shutdown.stop_at_once)

    def _give_up(self) -> float | None:
        if self._channel is None or (self._monitor and self._monitor.has_no_workers):
            return 0.0
        if self._channel.orders.at_once:
            return None
        self._channel.change(at_once=True)
        return _AT_ONCE_SECONDS

    async def _attempt(self) -> End:
        if self.settings.scheduler is not None:
            check_addresses([self.settings.scheduler], is_insecure=self.settings.insecure_cluster)
        past = await in_thread(
            survey_directory, self.files, self.plan, self.settings, self._is_stopped
        )
        self._found(past.recovered)
        gone = self.announcer.compare(past.attempts, past.recovered.kept.total())
        self.remarks += gone
        for text in gone:
            self._log.warning("remark", text=text)
        if past.recovered.is_settled:
            # Nothing is missing: neither a cluster nor a token is needed.
            self.has_begun.set()
            await in_thread(sync_answers, self.files.directory)
            self.remarks += past.recovered.remarks
            await self._establish(past.recovered)
            self._shutdown.disarm()
            return self._end()
        # The workers must be there before anything is sent.
        async with (
            open_cluster(self.settings, self._is_stopped) as client,
            lock_directory(self.files.directory) as locked,
        ):
            self.has_begun.set()
            with self._cluster_log:
                workers = await check_workers(client, locked.site)
                async with self._session as session:
                    await session.tokens.current()
                    if not past.recovered.has_lines:
                        # After an answer, all that is left may be cells that are broken.
                        session.judge_first_tries(self._end_with)
                    await self._establish(past.recovered)
                    await try_first_cells(session, self.plan, self._dates.query, self.stats)
                    if self._shutdown.is_stopped:
                        raise StoppedError
                    end = await self._distribute(client, locked, len(workers), past)
                locked.check()
                return end

    async def _distribute(
        self, client: Client, locked: LockedDirectory, workers: int, past: SurveyedDirectory
    ) -> End:
        """Run all shards, as many at a time as there are workers, and take their results."""
        session, scheduler, rate = self._session, self._scheduler, self.settings.rate
        division = await in_thread(past.divided, self.files.directory, self.plan, workers)
        self.stats.found_by_shard(division.before)
        if division.surveyed is not None:
            self.remarks += tuple(past.elsewhere.remarks)
        total = len(division.before)
        scheduler.senders = min(workers, total)
        share = Share.of(rate, scheduler.senders)
        orders = Orders(share=share, token=await session.tokens.current())
        proxy = session.network.described()
        self._log.info("cluster_started", workers=workers, shards=total, proxy=proxy)
        mine = replace(self.settings, max_failed=None, max_empty=None, ping_url=None)
        settings = replace(mine, metrics_file=None, deadline=None)
        known = self._dates.record, division.surveyed, division.answered
        common = Common(self.plan, settings, session.network, *known)
        site = replace(locked.site, is_insecure=settings.insecure_cluster)
        async with open_channel(client, common, orders, site) as self._channel:
            if self._shutdown.is_stopped:
                raise StoppedError
            self._monitor = WorkerMonitor(
                client, self.settings, self._log, self._shutdown, self._end_with, session.clock
            )
            work = (
                self._channel.send_orders(),
                self._channel.take_statuses(self._take_status),
                SharedState(session.tokens, self._channel, scheduler, rate).run(),
                self._monitor.run(),
                locked.run(),
            )
            async with in_background(*work, failed=self._background_failed):
                collect = self._channel.collect
                await scheduler.run(total, collect, self._take_result, self._is_stopped)
        self._channel = None
        return self._end()

    async def _take_result(self, result: Result | BaseException) -> None:
        """Take the result of a shard; one that could not finish stops all of them."""
        if isinstance(result, BaseException):
            end = self._end_by(result)
        else:
            end = result.end
            self.stats.finish(result)
            self.remarks += tuple(text for text in result.remarks if text not in self.remarks)
        await self._cluster_log.open()
        self._ends.append(end)
        self._log.info("shard_ended", exit_code=end.exit_code.value, error=end.error)
        if end.exit_code not in _OTHERS_CONTINUE:
            if end.exit_code is ExitCode.BAD_INPUT and self._cluster_log.is_open:
                # That code promises that nothing was sent.
                end = End(ExitCode.STOPPED_EARLY, end.error)
            reason = End(ExitCode.STOPPED_EARLY, "another shard of the run has ended it")
            self._shutdown.stop(end, reason)

    async def _take_status(self, status: ShardStatus) -> None:
        if self._scheduler.update(status):
            self.stats.take(status)
            if (error := too_many_failed(self.stats, self.settings)) is not None:
                self._end_with(error)
            await self._cluster_log.open()

    def _background_failed(self, error: BaseException) -> None:
        """End the run: no shard can continue without that work."""
        if not isinstance(error, StoppedError):
            self._shutdown.stop(self._end_by(error))

    def _end_by(self, error: BaseException) -> End:
        """Return the end of a shard that returned no result, because of this error."""
        if self._shutdown.end is not None and isinstance(error, concurrent.futures.CancelledError):
            return self._shutdown.end
        return end_of(error_by(error) or error, self._session.redact, self._log, self.files.log)

    def _end(self) -> End:
        if self._shutdown.end is not None and self.stats.missing:
            return self._shutdown.end
        worst = gravest(end.exit_code for end in self._ends)
        if worst is None or worst in _OTHERS_CONTINUE:
            implausible = implausible_counts(self.stats, self.settings)
            if implausible is not None:
                return end_by(implausible, self._session.redact)
        return next((end for end in self._ends if end.exit_code == worst), End(ExitCode.COMPLETE))

    async def _count(self, end: End) -> None:
        """Count the answers on disk that no status has counted."""
        is_lost = end.exit_code is ExitCode.STORAGE and self._cluster_log.is_open
        is_unfinished = self._scheduler.has_unfinished and self.stats.missing
        if is_lost or (is_unfinished and end.exit_code not in _OTHERS_CONTINUE):
            try:
                coverage = await in_thread(read_coverage, self.files.directory)
                self.stats.found_on_disk(coverage.counts())
            except CollectorError:
                self.stats.is_known = not is_lost
