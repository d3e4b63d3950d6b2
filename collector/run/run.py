"""The composition root of a run: opens everything, connects it, closes it, returns how it ended."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from collector.core.errors import ExitCode, IgnoredDatesError
from collector.core.threads import in_thread
from collector.http.client import StatisticsClient
from collector.http.credentials import Credentials
from collector.http.first_tries import SAMPLE
from collector.http.network import DIRECT, Network
from collector.http.token import TokenProvider
from collector.pace import PaceView, Share
from collector.plan import Part, Plan, absent_in_turns, cells_in_turns
from collector.run.attempt import AttemptRecord
from collector.run.base import BaseRun
from collector.run.collection import Collection
from collector.run.lost_lines import checked_end
from collector.run.recorder import Recorder
from collector.run.result import End, end_by, end_of, without_answers
from collector.run.shard_context import ShardContext
from collector.run.shutdown import Shutdown
from collector.run.verdict import all_empty, settled_end, why_unsuccessful
from collector.settings import RunSettings
from collector.store.age import Age
from collector.store.append_file import AppendFile
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.plan_lock import LockWait
from collector.store.recount import recount
from collector.store.recovery import Recovered, recover
from collector.store.run_directory import RunDirectory, RunFiles
from collector.telemetry.reporter import Telemetry
from collector.telemetry.stats import RunStats

__all__ = ["End", "Run"]


class Run(BaseRun):
    """One attempt at a run, from the lock of its directory to the last line. `execute` it once.

    * `plan`: the cells of the whole run.
    * `settings`: with a shard among them, the run collects the cells of that one only, at its
      share of the rate.
    * `credentials`: what a token is requested with, the token itself, or a provider of tokens.
    * `output`: the run directory.
    * `network`: how the service is reached.
    * `on_durable`: called with the file of answers as it is opened, and when lines of it are
      synced; None if nothing needs that.
    * `context`: what the process that distributes shards knows; None without one.
    """

    def __init__(  # noqa: PLR0913 - see the class
        self,
        plan: Plan,
        settings: RunSettings,
        credentials: Credentials | TokenProvider,
        output: Path,
        *,
        network: Network = DIRECT,
        on_durable: Callable[[AppendFile], None] | None = None,
        context: ShardContext | None = None,
    ) -> None:
        self._part = Part(plan, settings.shard)
        share = Share.of(settings.rate, settings.shard.total) if context is None else context.share
        super().__init__(
            plan,
            settings,
            PartFiles(output, settings.shard),
            stats=RunStats(len(self._part), is_known=False),
            credentials=credentials,
            network=network,
            share=share,
            dates=None if context is None else context.dates,
        )
        self.gate = self._session.gate
        self._first_after = share.first_after(settings.shard.number)
        self._on_durable = on_durable
        self._is_handed_out = context is not None
        self._handed = None if context is None else context.handed_over
        self._wait = LockWait(self._is_stopped)
        self._telemetry = Telemetry(
            settings.metrics_file, self.stats, self.gate.view, self._log, shard=settings.shard
        )
        self._collection: Collection | None = None
        self._shutdown = Shutdown(self._log, self._session.redact, drain=self._drain)

    @property
    def pace(self) -> PaceView:
        """The rate at this moment."""
        view = self.gate.view()
        last_error = view.last_error or self._session.token_error or self._wait.reason
        return view._replace(last_error=last_error)

    async def execute(self) -> End:
        """Collect every missing cell, and return how the run ended. Expected errors become its end.

        The directory is locked, checked and repaired before anything is sent. In a new one a token
        is requested before the manifest is written: refused credentials leave nothing behind. When
        no cell is missing, nothing is sent; a manifest that has recorded that stays as it is.
        """
        end = End(ExitCode.BUG)
        try:
            end = await self._shutdown.end_of(self._open(), self.settings.deadline)
        finally:
            self.remarks += await self._telemetry.ended(end.exit_code)
        return end

    async def _open(self) -> End:
        await self._telemetry.check()
        with ExitStack() as opened:
            open_directory = partial(
                RunDirectory.open, self.files, is_handed_out=self._is_handed_out, wait=self._wait
            )
            # In a thread: a disk, or a file server, may take its time.
            directory = await in_thread(lambda: opened.enter_context(open_directory()))
            find = partial(
                recover,
                *(self.files, self._part, describe_service(self.settings)),
                age=partial(Age.of, timezone=self.settings.timezone),
                is_stopped=self._is_stopped,
                handed=self._handed,
                listing=directory.listing,
            )
            recovered = await in_thread(find)
            self._found(recovered)
            self.has_begun.set()
            async with self._telemetry.working() as self.remarks:
                return await self._attempt(directory, recovered)

    def _drain(self, _why: End) -> None:
        self.gate.close()
        if self._collection is not None:
            self._collection.drain()

    async def _attempt(self, directory: RunDirectory, recovered: Recovered) -> End:
        """Collect what is missing, and write how it ended into the manifest, however it ends."""
        self.remarks += (*recovered.remarks, *self._session.reserve_descriptors())
        if not self._is_handed_out:
            self.remarks += self.announcer.compare(recovered.attempts, recovered.kept.total())
        # In a thread for the fingerprint of the plan: a million ids take a second.
        record = await in_thread(AttemptRecord, directory, recovered, self.plan, self.settings)
        end = End(ExitCode.BUG)
        with ExitStack() as log:
            try:
                end = await self._shutdown.outcome(self._work(directory, recovered, record, log))
            except asyncio.CancelledError:
                end = self._shutdown.end or End(ExitCode.STOPPED_EARLY)
                raise
            finally:
                has_answers = self._is_handed_out or self.stats.answered_cells
                end = end if has_answers else without_answers(end)
                # After the connections are closed: the disk needs file descriptors too.
                if directory.has_begun:
                    count = partial(recount, self.files, self._part, recovered.before)
                    end = await checked_end(end, directory, self.stats, count, self._session.redact)
                    if not self._is_handed_out:
                        await in_thread(record.compare_names, self.stats)
                    self._note(record, *self._findings(record, directory))
                    self._telemetry.last_sample()
                    self._log.info("run_ended", exit_code=end.exit_code.value, error=end.error)
                    if self.events.loss is not None:
                        self._note(record, f"{self.files.log.name}: {self.events.loss}")
                    await record.end(end.exit_code, end.error, self.stats, self.gate.control.limit)
        return end

    async def _work(
        self, directory: RunDirectory, recovered: Recovered, record: AttemptRecord, log: ExitStack
    ) -> End:
        """Open the session, verify the dates, open the files, and collect."""
        if self._first_after:
            self.gate.hold(self._first_after)
        async with self._session as session:
            # If other shards have answered all cells there is nothing to request.
            if directory.is_new and not recovered.is_complete:
                await session.tokens.current()
            if not recovered.has_lines and not self._is_handed_out:
                # After an answer, all that is left may be cells that are broken. The shards of a
                # cluster begin after the first tries: see `cluster/first_cells.py`.
                session.judge_first_tries(self._end_with)
            try:
                another = partial(next, cells_in_turns(self.plan, recovered.done))
                await self._establish(recovered, another)
            except IgnoredDatesError:
                if self._dates.ignored is not None:
                    await record.begin(recovered.dates, self.remarks)
                raise
            files = await record.begin(self._dates.record, self.remarks)
            log.enter_context(session.events.into(files.log.append))
            self._log_start()
            first = recovered.done.first()
            answered = None if first is None else self.plan[first]
            client = session.client(self._dates.query, another, answered)
            end = await self._collect(files, recovered, client)
            self._shutdown.disarm()
            return end

    async def _collect(self, files: RunFiles, found: Recovered, client: StatisticsClient) -> End:
        """Collect every missing cell, and decide what the run is ended by."""
        session, stats = self._session, self.stats
        sample = 0 if session.first_tries.is_over else SAMPLE
        self._collection = Collection(
            absent_in_turns(found.done, self._part, sample),
            client.fetch,
            Recorder(files, stats, self._log, self._on_durable, found.checkpointer),
            self.settings,
            stats=stats,
            dates=self._dates,
            gate=self.gate,
            stop_by=self._end_with,
        )
        if (error := await self._collection.run()) is not None:
            return end_of(error, session.redact, self._log, self.files.log)
        if (stopped := self._shutdown.end) is None:
            await self._dates.verify_last_answers()
        elif stats.missing or self._dates.is_doubtful or stopped.exit_code is ExitCode.IMPLAUSIBLE:
            return stopped
        error = why_unsuccessful(
            stats, self.settings, self.gate.silence, session.first_tries, session.clock()
        )
        return settled_end(stats) if error is None else end_by(error, session.redact)

    def _log_start(self) -> None:
        kept, rate = self.stats.kept.total(), str(self.settings.rate)
        proxy = self._session.network.described()
        self._log.info("run_started", cells=len(self._part), kept=kept, rate=rate, proxy=proxy)
        for remark in self.remarks:
            self._log.warning("remark", text=remark)

    def _findings(self, record: AttemptRecord, directory: RunDirectory) -> Iterator[str | None]:
        """Yield remarks about what the attempt has shown of dates, answers, server and machine."""
        yield record.dates_found(self._dates)
        yield from (self._dates.close(), self._session.surplus, self._session.suspension)
        yield all_empty(self.stats, self.settings)
        yield None if self.stats.drift is None else self.stats.drift.remark
        yield from directory.remarks

    def _note(self, record: AttemptRecord, *remarks: str | None) -> None:
        for remark in filter(None, remarks):
            self.remarks += (remark,)
            record.remark(remark)
            self._log.warning("remark", text=remark)
