"""The composition root of a run on a cluster: hands out shards, and says how it ended."""

import asyncio
import concurrent.futures
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from distributed import Client, Future, as_completed
from distributed.scheduler import KilledWorker

from collector import __version__
from collector.dates_guard import DatesGuard
from collector.dates_proof import DatesProof
from collector.end import End, end_by, end_by_bug
from collector.engine.channel import Channel
from collector.engine.cluster import check_addresses, check_workers, open_cluster
from collector.engine.division import SharedLimit, number_of_shards, share_of_each
from collector.engine.joint_tally import JointPace, JointTally
from collector.engine.messages import Report, Result, Site, Task
from collector.engine.shard_task import collect_shard
from collector.errors import (
    CollectorError,
    ExitCode,
    OutageError,
    StoppedError,
    StorageError,
    gravest,
)
from collector.fetch.credentials import Credentials, secrets_of
from collector.log import EventLog
from collector.pace import Share
from collector.plan import CellSet, Plan, Shard
from collector.run import Given
from collector.secrets import Redactor
from collector.session import Session, gate_for
from collector.settings import RunSettings
from collector.stopping import Stopping
from collector.store.append_file import AppendFile
from collector.store.coverage import read_coverage
from collector.store.files import CLUSTER_LOCK, PartFiles, parts_in
from collector.store.manifest import DatesRecord, describe_service
from collector.store.past import read_past
from collector.store.recovery import Recovered
from collector.store.shard_lock import lock_for_all, refuse_held
from collector.telemetry import Telemetry
from collector.threads import in_thread

__all__ = ["ClusterRun"]

_GRACE_SECONDS: Final = 15.0
"""How long shards that are being stopped are waited for: five seconds for what is in flight, and
the time until they hear of it."""

_AT_ONCE_SECONDS: Final = 3.0
"""How long shards that are to give up what is in flight have to hear of it."""

_CARE_SECONDS: Final = 0.5

_BETWEEN_TOKENS: Final = 3.0
"""Seconds between two tokens that shards want, at least."""

_CAN_GO_ON: Final = {ExitCode.COMPLETE, ExitCode.SOME_FAILED}
"""Ends of a shard after which the others go on."""


class ClusterRun:
    """One attempt at a run, as shards on a Dask cluster; see `collector.job.Job`.

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
        self.tally = JointTally(len(plan))
        self.gate = JointPace(settings.rate)
        self.remarks: tuple[str, ...] = ()
        self._credentials = credentials
        self._redact = Redactor()
        self._redact.learn(*secrets_of(credentials))
        self._events = EventLog(settings.log_level, self._redact)
        self._log = self._events.logger
        self._own_gate = gate_for(
            settings,
            Share.of(settings.rate),
            len(plan.companies),
            self._log,
            patience=settings.max_outage,
        )
        self._dates = DatesGuard(plan, settings, self._log)
        # Under another name: those of the shards are in their own logs.
        self._telemetry = Telemetry(
            settings.metrics_file, self.tally, self.gate, self._log, event="cluster_sample"
        )
        self._reports: dict[int, Report] = {}
        self._at_work: set[int] = set()
        self._senders = 0
        self._ends: list[End] = []
        self._channel: Channel | None = None
        self._log_is_open = False
        self._opened = ExitStack()
        self._stopping = Stopping(
            self._log,
            self._redact,
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
    def dates_record(self) -> DatesRecord | None:
        """What is known of the meaning of dates; None without dates."""
        return self._dates.record

    def stop(self, exit_code: ExitCode, why: str | None = None) -> None:
        """End the run early from outside, as a signal does; the shards end in order."""
        self._stopping.stop(End(exit_code, why))

    def stop_at_once(self) -> None:
        """After `stop`: give up what is in flight."""
        self._stopping.stop_at_once()

    async def execute(self) -> End:
        """Collect every missing cell, and say how it ended; what stops a run is no exception."""
        end = End(ExitCode.BUG)
        try:
            end = await self._stopping.end_of(self._open(), self.settings.deadline)
        finally:
            self.remarks += await self._telemetry.ended(end.exit_code)
        return end

    async def _open(self) -> End:
        await self._telemetry.check()
        async with self._telemetry.working() as self.remarks:
            return await self._attempt()

    def _drain(self, told: End) -> None:
        self._own_gate.shut()
        if self._channel is not None:
            self._channel.end = told

    def _give_up(self) -> float | None:
        if self._channel is None:
            return 0.0
        if self._channel.at_once:
            return None
        self._channel.at_once = True
        return _AT_ONCE_SECONDS

    async def _attempt(self) -> End:
        if self.settings.scheduler is not None:
            check_addresses([self.settings.scheduler], is_insecure=self.settings.insecure_cluster)
        past = await in_thread(self._look_back)
        async with self._session() as session:
            await session.tokens.current()
            proof = self._proof(session)
            self.remarks += tuple(await self._dates.establish(proof, past, self.files.directory))
            self.tally.add_up()
            async with open_cluster(self.settings) as client:
                with self._opened:
                    site = self._site()
                    workers = await check_workers(client, site)
                    end = await self._distribute(client, session, site, workers)
        return await self._counted(end)

    def _look_back(self) -> Recovered:
        """Read what earlier attempts say of the plan and of the dates; cells the shards look up."""
        directory = self.files.directory
        try:
            refuse_held(directory)
            parts = parts_in(directory)
        except OSError as error:
            raise StorageError(
                f"--output {directory}: cannot be read: {error.strerror}; give another --output"
            ) from error
        past = read_past(self.files, parts, self.plan, describe_service(self.settings))
        return Recovered(
            CellSet(len(self.plan)),
            is_complete=False,
            has_lines=any(files.has_answers() for files in parts),
            dates=past.dates,
            is_known=past.is_known,
        )

    def _site(self) -> Site:
        """Lock the directory for whoever hands out shards: for one, and until this one is done."""
        directory = self.files.directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = lock_for_all(directory)
            self._opened.callback(lock.release)
            self._opened.callback(lock.discard)
            return Site(directory, (directory / CLUSTER_LOCK).read_bytes(), __version__)
        except OSError as error:
            raise StorageError(
                f"--output {directory}: cannot be written: {error.strerror}; see that this user "
                "may write there, and that there is room"
            ) from error

    async def _distribute(
        self, client: Client, session: Session, site: Site, workers: list[str]
    ) -> End:
        """Hand out all shards, as many at a time as there are workers, and gather what came."""
        found = [files.shard for files in parts_in(site.directory) if files.exist()]
        total = number_of_shards(len(self.plan), len(workers), found)
        self._senders = min(len(workers), total)
        # Reckoned here once: it goes to the workers with the plan, and a million ids take a second.
        await in_thread(lambda: self.plan.fingerprint)
        name = f"collector-{uuid4().hex}"
        share = share_of_each(self.settings.rate, self._senders)
        token = await session.tokens.current()
        self._log.info("cluster_started", workers=len(workers), shards=total)
        async with Channel(client, name, self.plan, token, share, self._hear) as self._channel:
            if self._stopping.is_stopped:
                raise StoppedError
            async with self._caring_for(session, self._channel):
                await self._hand_out(client, site, name, total)
        self._channel = None
        return self._end()

    async def _hand_out(self, client: Client, site: Site, name: str, total: int) -> None:
        """Keep as many shards at work as there are senders, until none is left."""
        waiting = iter(range(total))
        futures: dict[Future[Result], int] = {}

        def submit() -> list[Future[Result]]:
            number = None if self._stopping.is_stopped else next(waiting, None)
            if number is None:
                return []
            task = self._shard(Shard(number, total), site, name)
            future = client.submit(collect_shard, task, key=f"{name}-{number}", pure=False)
            futures[future] = number
            self._at_work.add(number)
            return [future]

        first = [future for _ in range(self._senders) for future in submit()]
        completed = as_completed(first, loop=client.loop)
        try:
            async for future in completed:
                result = await _result(future)
                self._at_work.discard(futures.pop(future))
                self._take(result)
                completed.update(submit())
                # If nobody took its place, the others share what it had. It never grows again: who
                # is told to send more must not hear of it before others have come down.
                self._senders = max(1, len(self._at_work))
        finally:
            # The scheduler may be what has gone.
            with suppress(Exception):
                async with asyncio.timeout(_AT_ONCE_SECONDS):
                    await client.cancel(list(futures), force=True)

    def _shard(self, shard: Shard, site: Site, name: str) -> Task:
        assert self._channel is not None, "shards hear of their share there"  # noqa: S101
        settings = replace(self.settings, shard=shard, metrics_file=None, deadline=None)
        return Task(settings, site, Given(self._channel.share, self._dates.record), name)

    def _take(self, result: Result | BaseException) -> None:
        """Take what came of a shard; one that could not go on ends them all."""
        if isinstance(result, BaseException):
            end = self._end_by(result)
        else:
            end = result.end
            self.tally.finish(result)
            if result.report is not None:
                self._reports.pop(result.report.shard, None)
            new = (text for text in result.remarks if text not in self.remarks)
            self.remarks += tuple(new)
        self._open_log()
        self._ends.append(end)
        self._log.info("shard_ended", exit_code=end.exit_code.value, error=end.error)
        if end.exit_code not in _CAN_GO_ON:
            if end.exit_code is ExitCode.BAD_INPUT and self._log_is_open:
                # To people that code means that nothing was sent.
                end = End(ExitCode.STOPPED_EARLY, end.error)
            told = End(ExitCode.STOPPED_EARLY, "another shard of the run has ended it")
            self._stopping.stop(end, told)

    def _hear(self, report: Report) -> None:
        if report.shard in self._at_work:
            self._open_log()
            self._reports[report.shard] = report
            self.tally.take(report)
            self.gate.take(self._reports.values())

    @asynccontextmanager
    async def _caring_for(self, session: Session, channel: Channel) -> AsyncIterator[None]:
        """Keep the token of all good, and share the limit that is found, while the body works."""
        caring = asyncio.create_task(self._care(session, channel), name="care")
        caring.add_done_callback(self._cared)
        try:
            yield
        finally:
            caring.cancel()
            await asyncio.wait([caring])

    async def _care(self, session: Session, channel: Channel) -> None:
        shared = SharedLimit()
        renewable_at = 0.0
        while True:
            try:
                wanted = {report.wants for report in self._reports.values()}
                token = session.tokens.at_hand()
                if token is None:
                    token = await session.tokens.current()
                elif channel.token_number in wanted and time.monotonic() >= renewable_at:
                    token = await session.tokens.renewed(token) or token
                if channel.hand_out(token):
                    # One company that is always refused must not have tokens asked for without end.
                    renewable_at = time.monotonic() + _BETWEEN_TOKENS
            except (CollectorError, StoppedError) as error:
                if isinstance(error, CollectorError):
                    self._stopping.stop(end_by(error, self._redact))
                return
            limits = [report.limit for report in self._reports.values()]
            self.gate.limit = shared.take(limits, self._senders, time.monotonic())
            channel.share = share_of_each(self.settings.rate, self._senders, self.gate.limit)
            await asyncio.sleep(_CARE_SECONDS)

    def _cared(self, caring: asyncio.Task[None]) -> None:
        """Let nobody work on without care."""
        if not caring.cancelled() and (error := caring.exception()) is not None:
            self._stopping.stop(self._end_by(error))

    def _end_by(self, error: BaseException) -> End:
        """Return the end by what kept a shard from coming to one of its own."""
        if isinstance(error, concurrent.futures.CancelledError):
            text = f"the cluster has lost a shard: its scheduler may have ended ({error})"
            return self._stopping.end or end_by(OutageError(text), self._redact)
        if isinstance(error, OSError | TimeoutError):
            text = f"the cluster is out of reach ({str(error) or type(error).__name__})"
            return end_by(OutageError(text), self._redact)
        if isinstance(error, KilledWorker):
            text = "the workers of the cluster die again and again; see their logs"
            return end_by(OutageError(text), self._redact)
        self._log.error("bug", exc_info=error)
        return end_by_bug(error, self.files.log)

    def _end(self) -> End:
        if self._stopping.end is not None and self.tally.missing:
            return self._stopping.end
        worst = gravest(end.exit_code for end in self._ends)
        return next((end for end in self._ends if end.exit_code == worst), End(ExitCode.COMPLETE))

    async def _counted(self, end: End) -> End:
        """Count on the disk what no shard has told of, for the run was stopped before."""
        if self.tally.missing and end.exit_code not in _CAN_GO_ON:
            with suppress(CollectorError):
                coverage = await in_thread(read_coverage, self.files.directory)
                self.tally.found_on_disk(coverage.counts())
        return end

    def _open_log(self) -> None:
        """Log into the run directory what concerns all shards, as soon as one has begun there.

        A log alone would be taken for that of another program when the run is gone on with.
        """
        if self._log_is_open or not any(
            files.manifest.exists() for files in parts_in(self.files.directory)
        ):
            return
        self._log_is_open = True
        # A log that cannot be written must not end the run; see `EventLog`.
        with suppress(OSError):
            file = AppendFile.open(self.files.log)
            self._opened.callback(file.close)
            self._opened.enter_context(self._events.into(file.append))

    def _proof(self, session: Session) -> DatesProof:
        return DatesProof(
            self._dates.query, self.settings.timezone, session.client, self._own_gate, self._log
        )

    def _session(self) -> Session:
        return Session(
            self.settings,
            self._credentials,
            gate=self._own_gate,
            tally=self.tally.own,
            concurrency=self.settings.concurrency,
            patience=self.settings.max_outage,
            redact=self._redact,
            log=self._log,
        )


async def _result(future: Future[Result]) -> Result | BaseException:
    """Return what a shard has returned, or what kept it from returning."""
    try:
        result: Result = await future
    except Exception as error:  # noqa: BLE001 - whatever a worker has met
        return error
    return result
