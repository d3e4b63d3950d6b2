"""The composition root of a run on a cluster: hands out shards, and says how it ended."""

import concurrent.futures
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from distributed import Client

from collector.cluster.aggregate import ClusterPace, ClusterStats
from collector.cluster.channel import Channel
from collector.cluster.cluster import check_addresses, check_workers, error_by, open_cluster
from collector.cluster.division import number_of_shards, share_of_each
from collector.cluster.messages import Result, ShardStatus, Site, Task
from collector.cluster.scheduler import ShardScheduler, SharedState, beside
from collector.cluster.shared_directory import (
    ClusterLog,
    HeldDirectory,
    SurveyedDirectory,
    hold,
    survey_directory,
    sync_answers,
)
from collector.cluster.workers import WorkerMonitor
from collector.core.errors import CollectorError, ExitCode, StoppedError, gravest
from collector.core.threads import in_thread
from collector.dates.guard import DatesGuard
from collector.http.credentials import Credentials
from collector.pace import PaceView, Share
from collector.plan import Plan, Shard
from collector.run.result import End, end_by, end_by_bug
from collector.run.run import ShardContext
from collector.run.session import Session
from collector.run.shutdown import Shutdown
from collector.settings import RunSettings
from collector.store.coverage import read_coverage
from collector.store.files import PartFiles, parts_in
from collector.store.manifest import DatesRecord
from collector.telemetry.reporter import Telemetry

__all__ = ["ClusterRun"]

_GRACE_SECONDS: Final = 15.0
"""How long shards that are being stopped are waited for: five seconds for what is in flight, and
the time until they hear of it."""

_AT_ONCE_SECONDS: Final = 3.0
"""How long shards that are to give up what is in flight have to hear of it."""

_CAN_RESUME: Final = {ExitCode.COMPLETE, ExitCode.SOME_FAILED}
"""Ends of a shard after which the others go on."""


class ClusterRun:
    """One attempt at a run, as shards on a Dask cluster; see `collector.run.view.RunView`.

    This process asks for the token and finds out about the dates; the shards do the rest, as many
    at a time as the cluster has workers. Each has the same share of the rate, and more when no
    shard is left to hand out and some have ended.
    """

    def __init__(
        self, plan: Plan, settings: RunSettings, credentials: Credentials, output: Path
    ) -> None:
        self.plan = plan
        self.settings = settings
        self.files = PartFiles(output.resolve())
        self.stats = ClusterStats(len(plan))
        self.remarks: tuple[str, ...] = ()
        self._session = Session(
            settings,
            credentials,
            share=Share.of(settings.rate),
            companies=len(plan.companies),
            stats=self.stats.own,
            concurrency=settings.concurrency,
            patience=settings.max_outage,
            log_level=settings.log_level,
        )
        self._log = self._session.log
        self._pace = ClusterPace(settings.rate, self._session.gate.control.rate)
        self._dates = DatesGuard(plan, settings, self._log)
        # Under another name: those of the shards are in their own logs.
        self._telemetry = Telemetry(
            settings.metrics_file, self.stats, self._pace.view, self._log, event="cluster_sample"
        )
        self._ends: list[End] = []
        self._at_work: set[int] = set()
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
        """The pattern of the files with the answers."""
        return self.files.directory / "statistics-*.jsonl"

    @property
    def failures(self) -> Path:
        """The pattern of the files with the cells that failed for good."""
        return self.files.directory / "errors-*.jsonl"

    @property
    def pace(self) -> PaceView:
        """The rate of all shards together at this moment."""
        return self._pace.view()

    @property
    def dates_record(self) -> DatesRecord | None:
        """What is known of the meaning of dates; None without dates."""
        return self._dates.record

    def stop(self, exit_code: ExitCode, why: str | None = None) -> None:
        """End the run early from outside, as a signal does; the shards end in order."""
        self._shutdown.stop(End(exit_code, why))

    def stop_at_once(self) -> None:
        """After `stop`: give up what is in flight."""
        self._shutdown.stop_at_once()

    async def execute(self) -> End:
        """Collect every missing cell, and say how it ended; what stops a run is no exception."""
        end = End(ExitCode.BUG)
        try:
            end = await self._shutdown.end_of(self._open(), self.settings.deadline)
            await self._count(end)
        finally:
            self.remarks += await self._telemetry.ended(end.exit_code)
        return end

    async def _open(self) -> End:
        await self._telemetry.check()
        async with self._telemetry.working() as self.remarks:
            return await self._attempt()

    def _is_stopped(self) -> bool:
        return self._shutdown.is_stopped

    def _drain(self, told: End) -> None:
        self._session.gate.close()
        if self._channel is not None:
            self._channel.end = told

    def _give_up(self) -> float | None:
        if self._channel is None or (self._monitor and self._monitor.is_deserted):
            return 0.0
        if self._channel.at_once:
            return None
        self._channel.at_once = True
        return _AT_ONCE_SECONDS

    async def _attempt(self) -> End:
        if self.settings.scheduler is not None:
            check_addresses([self.settings.scheduler], is_insecure=self.settings.insecure_cluster)
        past = await in_thread(
            survey_directory, self.files, self.plan, self.settings, self._is_stopped
        )
        self.stats.found_before(past.recovered.kept)
        if past.recovered.is_settled:
            # Nothing is to be sent: neither a cluster nor a token is needed for that.
            await in_thread(sync_answers, self.files.directory)
            self.remarks += past.recovered.remarks
            await self._establish(past)
            self._shutdown.disarm()
            return End(ExitCode.COMPLETE)
        # Whoever is to work must be there before anything is sent.
        async with open_cluster(self.settings, self._is_stopped) as client:
            with hold(self.files.directory) as held, self._cluster_log:
                workers = await check_workers(client, held.site)
                async with self._session as session:
                    await session.tokens.current()
                    await self._establish(past)
                    end = await self._distribute(client, session, held, workers, past)
                held.check()
                return end

    async def _establish(self, past: SurveyedDirectory) -> None:
        verifier = self._session.verifier(self._dates.query)
        directory = self.files.directory
        self.remarks += tuple(await self._dates.establish(verifier, past.recovered, directory))

    async def _distribute(
        self,
        client: Client,
        session: Session,
        held: HeldDirectory,
        workers: list[str],
        past: SurveyedDirectory,
    ) -> End:
        """Hand out all shards, as many at a time as there are workers, and gather what came."""
        found = [files.shard for files in parts_in(self.files.directory) if files.exist()]
        total = number_of_shards(len(self.plan), len(workers), found)
        self.stats.found_by_shard(await in_thread(past.by_shard, self.plan, total))
        scheduler = ShardScheduler(total, len(workers))
        # Reckoned here once: it goes to the workers with the plan, and a million ids take a second.
        await in_thread(lambda: self.plan.fingerprint)
        rate, senders = self.settings.rate, scheduler.senders
        share = share_of_each(rate, senders)
        token = await session.tokens.current()
        self._log.info("cluster_started", workers=len(workers), shards=total)
        hear = partial(self._hear, scheduler)
        async with Channel(client, self.plan, token, share, senders, hear) as self._channel:
            if self._shutdown.is_stopped:
                raise StoppedError
            shared = SharedState(session.tokens, self._channel, scheduler, self._pace, rate)
            self._monitor = WorkerMonitor(
                client, self.settings, self._log, self._shutdown, self._end_with
            )
            task = partial(self._shard, held.site, self._channel)
            keepers = shared.keep(), self._monitor.keep(), held.keep()
            async with beside(*keepers, failed=self._keeper_failed):
                await scheduler.work(client, task, self._take, self._is_stopped)
        self._channel = None
        return self._end()

    def _shard(self, site: Site, channel: Channel, number: int, total: int) -> Task:
        shard = Shard(number, total)
        self._at_work.add(number)
        settings = replace(self.settings, shard=shard, metrics_file=None, deadline=None)
        return Task(settings, site, ShardContext(channel.share, self._dates.record), channel.name)

    def _take(self, number: int, result: Result | BaseException) -> None:
        """Take what came of a shard; one that could not go on ends them all."""
        if isinstance(result, BaseException):
            end = self._end_by(result)
        else:
            end = result.end
            self._at_work.discard(number)
            self.stats.finish(result)
            new = (text for text in result.remarks if text not in self.remarks)
            self.remarks += tuple(new)
        self._cluster_log.open()
        self._ends.append(end)
        self._log.info("shard_ended", exit_code=end.exit_code.value, error=end.error)
        if end.exit_code not in _CAN_RESUME:
            if end.exit_code is ExitCode.BAD_INPUT and self._cluster_log.is_open:
                # To people that code means that nothing was sent.
                end = End(ExitCode.STOPPED_EARLY, end.error)
            told = End(ExitCode.STOPPED_EARLY, "another shard of the run has ended it")
            self._shutdown.stop(end, told)

    def _hear(self, scheduler: ShardScheduler, report: ShardStatus) -> None:
        if scheduler.hear(report):
            self._cluster_log.open()
            self.stats.take(report)
            self._pace.take(scheduler.reports.values())

    def _keeper_failed(self, error: BaseException) -> None:
        """End the run: without what goes on beside the shards nobody works on."""
        if isinstance(error, CollectorError):
            self._end_with(error)
        elif not isinstance(error, StoppedError):
            self._shutdown.stop(self._end_by(error))

    def _end_with(self, error: CollectorError) -> None:
        self._shutdown.stop(end_by(error, self._session.redact))

    def _end_by(self, error: BaseException) -> End:
        """Return the end by what kept a shard from coming to one of its own."""
        if self._shutdown.end is not None and isinstance(error, concurrent.futures.CancelledError):
            return self._shutdown.end
        if (gone := error_by(error)) is not None:
            return end_by(gone, self._session.redact)
        self._log.error("bug", exc_info=error)
        return end_by_bug(error, self.files.log)

    def _end(self) -> End:
        if self._shutdown.end is not None and self.stats.missing:
            return self._shutdown.end
        worst = gravest(end.exit_code for end in self._ends)
        return next((end for end in self._ends if end.exit_code == worst), End(ExitCode.COMPLETE))

    async def _count(self, end: End) -> None:
        """Count what this process has sent, and on the disk what shards have not told of."""
        self.stats.add_up()
        if self._at_work and self.stats.missing and end.exit_code not in _CAN_RESUME:
            with suppress(CollectorError):
                coverage = await in_thread(read_coverage, self.files.directory)
                self.stats.found_on_disk(coverage.counts())
