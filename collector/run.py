"""The composition root of a run: opens everything, wires it, closes it, and says how it ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from collector.errors import CollectorError, ExitCode, main_error
from collector.fetch.address import Addresses
from collector.fetch.client import StatisticsClient
from collector.fetch.credentials import AccessToken, Credentials, secrets_of
from collector.fetch.gate import Gate
from collector.fetch.retry import RetryPolicy
from collector.fetch.token import Token, TokenSource
from collector.fetch.token_issuer import TokenIssuer
from collector.fetch.wire import Wire
from collector.log import EventLog
from collector.models import Failure, Outcome
from collector.plan import Plan
from collector.pool import Job, Pool, Retriable
from collector.secrets import Redactor
from collector.settings import RunSettings
from collector.store.journal import Journal, Line
from collector.store.lines import error_line, result_line
from collector.store.manifest import Manifest, describe_plan, describe_settings
from collector.store.run_directory import RunDirectory
from collector.tally import CellState, Tally

__all__ = ["End", "Run"]


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended; `error` says for people why it stopped before its end."""

    exit_code: ExitCode
    error: str | None = None


class Run:
    """One run, from the first token to the last line. `execute` it once.

    Whoever shows it to people reads `tally` and `gate` meanwhile.
    """

    def __init__(
        self, plan: Plan, settings: RunSettings, credentials: Credentials, output: Path
    ) -> None:
        self.plan = plan
        self.settings = settings
        self.output = output
        self.tally = Tally(len(plan))
        self.gate = Gate(settings.rate)
        self._credentials = credentials
        self._redact = Redactor()
        self._redact.learn(*secrets_of(credentials))
        self._events = EventLog(settings.log_level, self._redact)
        self._log = self._events.logger
        self._task: asyncio.Task[object] | None = None
        self._stopped_by: ExitCode | None = None

    def stop(self, exit_code: ExitCode) -> None:
        """End the run early from outside, as a signal does; what was collected is kept.

        After the last cell there is nothing left to stop.
        """
        if self._task is not None:
            self._stopped_by = exit_code
            self._task.cancel()

    async def execute(self) -> End:
        """Collect every cell of the plan, and say how it ended; what stops a run is no exception.

        A token is asked for after the output was looked at, and before anything is created:
        bad input sends nothing, and credentials that are refused leave nothing on the disk.
        """
        self._task = task = asyncio.current_task()
        settings = self.settings
        try:
            RunDirectory.check(self.output)
            async with (
                Wire(
                    self.gate,
                    self.tally,
                    concurrency=settings.concurrency,
                    timeout=settings.timeout,
                ) as wire,
                self._tokens(wire) as tokens,
            ):
                await tokens.current()
                with RunDirectory.create(self.output) as directory:
                    return await self._record(directory, wire, tokens)
        except CollectorError as error:
            return End(error.exit_code, self._redact(str(error)))
        except asyncio.CancelledError:
            if task is None or self._stopped_by is None:
                raise
            task.uncancel()
            return End(self._stopped_by)

    async def _record(self, directory: RunDirectory, wire: Wire, tokens: TokenSource) -> End:
        """Collect into a directory, and let its manifest tell the truth however it ends."""
        manifest = Manifest(
            describe_plan(self.plan, self.settings.window),
            describe_settings(self.settings),
            started_at=datetime.now(UTC),
        )
        directory.write_manifest(manifest.as_json())
        with self._events.into(directory.log.append):
            self._log.info("run_started", cells=len(self.plan), rate=self.settings.rate)
            end = End(ExitCode.BUG)
            try:
                end = await self._collect(directory, wire, tokens)
                self._task = None
            except asyncio.CancelledError:
                end = End(self._stopped_by or ExitCode.STOPPED_EARLY)
                raise
            finally:
                manifest.ended(datetime.now(UTC), end.exit_code, end.error, self.tally)
                self._log.info("run_ended", exit_code=end.exit_code.value, error=end.error)
                directory.write_manifest(manifest.as_json())
        return end

    async def _collect(self, directory: RunDirectory, wire: Wire, tokens: TokenSource) -> End:
        """Run the pool beside the journal's writer until all is settled and on the disk."""
        journal = Journal(directory.statistics, directory.errors, on_durable=self._durable)
        pool = Pool(
            iter(self.plan),
            fetch=self._client(wire, tokens).fetch,
            decide=RetryPolicy(self.settings.max_attempts).decide,
            settle=partial(self._settle, journal),
            on_retry=self._log_retry,
            tally=self.tally,
            concurrency=self.settings.concurrency,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(journal.commit_groups(), name="journal")
                await pool.run()
                journal.close()
        except ExceptionGroup as failed:
            return self._failed(main_error(failed))
        failed_cells = self.tally.cells[CellState.FAILED]
        return End(ExitCode.SOME_FAILED if failed_cells else ExitCode.COMPLETE)

    def _failed(self, error: BaseException) -> End:
        if isinstance(error, CollectorError):
            return End(error.exit_code, self._redact(str(error)))
        self._log.error("bug", exc_info=error)
        return End(
            ExitCode.BUG,
            f"a bug in the collector ({type(error).__name__}); the traceback is in "
            f"{self.output / 'log.jsonl'}; what was collected so far is kept",
        )

    def _client(self, wire: Wire, tokens: TokenSource) -> StatisticsClient:
        settings = self.settings
        return StatisticsClient(
            wire=wire,
            gate=self.gate,
            tokens=tokens,
            tally=self.tally,
            redact=self._redact,
            address_of=Addresses(
                settings.base_url,
                from_param=settings.from_param,
                until_param=settings.until_param,
            ),
        )

    def _tokens(self, wire: Wire) -> TokenSource:
        if isinstance(self._credentials, AccessToken):
            return TokenSource(None, Token.of(self._credentials.token))
        return TokenSource(
            TokenIssuer(
                self._credentials,
                url=self.settings.token_url,
                wire=wire,
                gate=self.gate,
                max_attempts=self.settings.max_attempts,
                redact=self._redact,
                log=self._log,
            )
        )

    async def _settle(self, journal: Journal, job: Job, outcome: Outcome) -> None:
        """Turn the final outcome of a cell into its line."""
        cell = job.cell
        if isinstance(outcome, Failure):
            self._log.error("cell_failed", **_what_failed(job, outcome))
            line = error_line(cell, outcome, job.requests)
            await journal.append(Line(line, CellState.FAILED, outcome.kind))
        else:
            line = result_line(cell, outcome, job.requests)
            state = CellState.EMPTY if outcome.is_empty else CellState.DATA
            await journal.append(Line(line, state))

    def _log_retry(self, job: Job, failure: Failure, retry: Retriable) -> None:
        delay = round(max(retry.delay, self.gate.closed_for), 3)
        self._log.warning("try_failed", **_what_failed(job, failure), retry_in_seconds=delay)

    def _durable(self, lines: Sequence[Line]) -> None:
        """Count cells whose lines are on the disk."""
        self.tally.cells.update(line.state for line in lines)
        self.tally.failure_kinds.update(line.kind for line in lines if line.kind is not None)


def _what_failed(job: Job, failure: Failure) -> dict[str, object]:
    return {
        "company_id": job.cell.company_id,
        "window": str(job.cell.window),
        "kind": failure.kind.value,
        "status": failure.status,
        "message": failure.message,
        "attempts": job.requests,
    }
