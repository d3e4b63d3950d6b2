"""The composition root of a run on a cluster: distributes shards, and returns how it ended."""

import asyncio
import concurrent.futures
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from distributed import Client

from collector.cluster.aggregate import ClusterPace, ClusterStats
from collector.cluster.channel import Channel
from collector.cluster.cluster import check_addresses, check_workers, error_by, open_cluster
from collector.cluster.division import number_of_shards, share_of_each
from collector.cluster.first_cells import try_first_cells
from collector.cluster.messages import Common, Result, ShardStatus, Task
from collector.cluster.scheduler import ShardScheduler, SharedState, in_background
from collector.cluster.shared_directory import (
    ClusterLog,
    LockedDirectory,
    SurveyedDirectory,
    lock_directory,
    survey_directory,
    sync_answers,
)
from collector.cluster.site import Site
from collector.cluster.workers import WorkerMonitor
from collector.core.cell import CellState
from collector.core.endpoint import STATISTICS
from collector.core.errors import CollectorError, ExitCode, StoppedError, gravest
from collector.core.threads import in_thread
from collector.dates.guard import DatesGuard
from collector.http.credentials import Credentials
from collector.http.network import DIRECT, Network
from collector.pace import PaceView, Share
from collector.plan import Plan, Shard
from collector.run.lost_lines import Announcer
from collector.run.result import End, end_by, end_of, without_answers
from collector.run.session import Session
from collector.run.shard_context import ShardContext
from collector.run.shutdown import Shutdown
from collector.run.verdict import all_empty, implausible_counts, too_many_failed
from collector.settings import RunSettings
from collector.store.coverage import read_coverage
from collector.store.earlier import recorded_drift
from collector.store.files import PartFiles, parts_in
from collector.store.manifest import DatesRecord
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


class ClusterRun:
    """One attempt at a run, as shards on a Dask cluster; see `collector.run.view.RunView`.

    This process requests the token and verifies the dates; the shards do the rest, as many at a
    time as the cluster has workers. Each has the same share of the rate, and a larger one when no
    shard is left to start and some have ended.
    """

    def __init__(
        self,
        plan: Plan,
        settings: RunSettings,
        credentials: Credentials,
        output: Path,
        network: Network = DIRECT,
    ) -> None:
        self.plan, self.settings = plan, settings
        # Workers may be in another directory.
        self.files = PartFiles(output.absolute())
        self.stats = ClusterStats(len(plan))
        self.remarks: tuple[str, ...] = ()
        self._session = Session(
            settings,
            credentials,
            share=Share.of(settings.rate),
            network=network,
            companies=len(plan.companies),
            stats=self.stats.own,
            concurrency=settings.concurrency,
            patience=settings.patience,
            first_patience=settings.first_patience,
            log_level=settings.least_level,
        )
        self.events, self._log = self._session.events, self._session.log
        self._pace = ClusterPace(settings.rate, self._session.gate.control.rate)
        self._dates = DatesGuard(plan, settings, self._log)
        # Another event name: the logs of the shards have samples of their own.
        self._telemetry = Telemetry(
            settings.metrics_file, self.stats, self._pace.view, self._log, event="cluster_sample"
        )
        self.announcer = Announcer()
        self.has_begun = asyncio.Event()
        self._ends: list[End] = []
        self._unfinished: set[int] = set()
        self._channel: Channel | None = None
        self._monitor: WorkerMonitor | None = None
        self._cluster_log = ClusterLog(self.files, self._session.events)
        self._shutdown = Shutdown(
            self._log,
            self._session.redact,
            grace=_GRACE_SECONDS,
            drain=self._drain,
            give_up=self._give_up,
        )

    @property
    def answers(self) -> Path:
        """The pattern of the files of answers."""
        return self.files.directory / f"{STATISTICS.stem}-*.jsonl"

    @property
    def failures(self) -> Path:
        """The pattern of the files of cells that failed for good."""
        return self.files.directory / "errors-*.jsonl"

    @property
    def pace(self) -> PaceView:
        """The rate of all shards together; that of this process while it waits for the service."""
        own, view = self._session.gate.view(), self._pace.view()
        if self._channel is None and own.open_cause is not None:
            view = own
        return view._replace(last_error=view.last_error or self._session.token_error)

    @property
    def dates_record(self) -> DatesRecord | None:
        """What is known about the meaning of dates; None without dates."""
        return self._dates.record

    def stop(self, exit_code: ExitCode, why: str | None = None) -> None:
        """End the run early, as a signal does; the shards stop gracefully."""
        self._shutdown.stop(End(exit_code, why))

    def stop_at_once(self) -> None:
        """After `stop`: abandon the requests in flight."""
        self._shutdown.stop_at_once()

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

    def _is_stopped(self) -> bool:
        return self._shutdown.is_stopped

    def _drain(self, reason: End) -> None:
        self._session.gate.close()
        if self._channel is not None:
            self._channel.stop(reason)
        elif self._monitor is None:
            loop = asyncio.get_running_loop()
            loop.call_later(_OWN_GRACE_SECONDS, self._shutdown.stop_at_once)

    def _give_up(self) -> float | None:
        if self._channel is None or (self._monitor and self._monitor.has_no_workers):
            return 0.0
        if self._channel.is_at_once:
            return None
        self._channel.stop_at_once()
        return _AT_ONCE_SECONDS

    async def _attempt(self) -> End:
        if self.settings.scheduler is not None:
            check_addresses([self.settings.scheduler], is_insecure=self.settings.insecure_cluster)
        past = await in_thread(
            survey_directory, self.files, self.plan, self.settings, self._is_stopped
        )
        self.stats.found(past.recovered.kept, past.recovered.empty_companies)
        gone = self.announcer.compare(past.attempts, past.recovered.kept.total())
        self.remarks += gone
        for text in gone:
            self._log.warning("remark", text=text)
        if past.recovered.has_lines:
            self._session.gate.silence.answered()
        if past.recovered.is_settled:
            # Nothing is missing: neither a cluster nor a token is needed.
            self.has_begun.set()
            await in_thread(sync_answers, self.files.directory)
            self.remarks += past.recovered.remarks
            await self._establish(past)
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
                    await self._establish(past)
                    await try_first_cells(session, self.plan, self._dates.query, self.stats.own)
                    if self._shutdown.is_stopped:
                        raise StoppedError
                    end = await self._distribute(client, session, locked, workers, past)
                locked.check()
                return end

    async def _establish(self, past: SurveyedDirectory) -> None:
        verifier = self._session.verifier(self._dates.query)
        directory = self.files.directory
        self.remarks += tuple(await self._dates.establish(verifier, past.recovered, directory))

    async def _distribute(
        self,
        client: Client,
        session: Session,
        locked: LockedDirectory,
        workers: list[str],
        past: SurveyedDirectory,
    ) -> End:
        """Run all shards, as many at a time as there are workers, and take their results."""
        found = [files.shard for files in parts_in(self.files.directory) if files.exist()]
        missing = len(self.plan) - past.recovered.kept.total()
        total = number_of_shards(missing, len(workers), found)
        self.stats.found_by_shard(await in_thread(past.by_shard, self.plan, total))
        surveyed = await in_thread(past.elsewhere.surveyed, total)
        answered = await in_thread(past.elsewhere_by_shard, self.plan, total)
        if surveyed is not None:
            self.remarks += tuple(past.elsewhere.remarks)
        scheduler = ShardScheduler(total, len(workers))
        # Computed once: it is sent with the plan, and for a million ids it takes a second.
        await in_thread(lambda: self.plan.fingerprint)
        rate, senders = self.settings.rate, scheduler.senders
        share = share_of_each(rate, senders)
        token = await session.tokens.current()
        proxy = session.network.described()
        self._log.info("cluster_started", workers=len(workers), shards=total, proxy=proxy)
        on_status = partial(self._take_status, scheduler)
        common = Common(self.plan, session.network, surveyed)
        async with Channel(client, common, token, share, senders, on_status) as self._channel:
            if self._shutdown.is_stopped:
                raise StoppedError
            shared = SharedState(session.tokens, self._channel, scheduler, self._pace, rate)
            self._monitor = WorkerMonitor(
                client, self.settings, self._log, self._shutdown, self._end_with, session.clock
            )
            task = partial(self._shard, locked.site, self._channel, answered)
            work = self._channel.run(), shared.run(), self._monitor.run(), locked.run()
            async with in_background(*work, failed=self._background_failed):
                await scheduler.run(client, task, self._take_result, self._is_stopped)
        self._channel = None
        return self._end()

    def _shard(
        self,
        site: Site,
        channel: Channel,
        answered: Sequence[Mapping[CellState, int]],
        number: int,
        total: int,
    ) -> Task:
        shard = Shard(number, total)
        self._unfinished.add(number)
        mine = replace(self.settings, max_failed=None, max_empty=None, ping_url=None)
        settings = replace(mine, shard=shard, metrics_file=None, deadline=None)
        dates = self._dates.record
        context = ShardContext(channel.share, dates, answered=answered[number])
        return Task(settings, site, context, channel.name, channel.statuses)

    def _take_result(self, number: int, result: Result | BaseException) -> None:
        """Take the result of a shard; one that could not finish stops all of them."""
        if isinstance(result, BaseException):
            end = self._end_by(result)
        else:
            end = result.end
            self._unfinished.discard(number)
            self.stats.finish(result)
            self.remarks += tuple(text for text in result.remarks if text not in self.remarks)
        self._cluster_log.open()
        self._ends.append(end)
        self._log.info("shard_ended", exit_code=end.exit_code.value, error=end.error)
        if end.exit_code not in _OTHERS_CONTINUE:
            if end.exit_code is ExitCode.BAD_INPUT and self._cluster_log.is_open:
                # That code promises that nothing was sent.
                end = End(ExitCode.STOPPED_EARLY, end.error)
            reason = End(ExitCode.STOPPED_EARLY, "another shard of the run has ended it")
            self._shutdown.stop(end, reason)

    def _take_status(self, scheduler: ShardScheduler, status: ShardStatus) -> None:
        if scheduler.update(status):
            self._cluster_log.open()
            self.stats.take(status)
            self._pace.take(status, scheduler.statuses)
            if (error := too_many_failed(self.stats, self.settings)) is not None:
                self._end_with(error)

    def _background_failed(self, error: BaseException) -> None:
        """End the run: no shard can continue without that work."""
        if isinstance(error, CollectorError):
            self._end_with(error)
        elif not isinstance(error, StoppedError):
            self._shutdown.stop(self._end_by(error))

    def _end_with(self, error: CollectorError) -> None:
        self._shutdown.stop(end_by(error, self._session.redact))

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
        """Count what this process has sent, and the answers on disk that no status has counted."""
        self.stats.add_up()
        is_lost = end.exit_code is ExitCode.STORAGE and self._cluster_log.is_open
        is_unfinished = self._unfinished and self.stats.missing
        if is_lost or (is_unfinished and end.exit_code not in _OTHERS_CONTINUE):
            try:
                coverage = await in_thread(read_coverage, self.files.directory)
                self.stats.found_on_disk(coverage.counts())
            except CollectorError:
                self.stats.is_known = not is_lost
