"""The composition root of a check: sends a few requests, shows nothing, writes nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from typing import Final

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.errors import CollectorError, ExitCode, OutageError
from collector.core.outcome import Failure
from collector.dates.probe import CheckFindings, Verdict, check_service
from collector.dates.runner import ProbeRunner
from collector.http.credentials import Credentials
from collector.http.network import DIRECT, Network
from collector.http.time_limit import TimeLimit
from collector.pace import Share
from collector.plan import today_in
from collector.run.session import Session
from collector.settings import CheckSettings
from collector.settings.prepare import date_query
from collector.telemetry.stats import RunStats

__all__ = ["MOST_REQUESTS", "Check", "CheckResult"]

MOST_REQUESTS: Final = 40
"""Requests of one check, at most: tokens and retries included."""

_PATIENCE_SECONDS: Final = 15.0
"""How long a check waits while the API is out of reach: the user is watching."""

_LONGEST_SECONDS: Final = 300.0
"""Time limit of a check, in addition to the time that its rate needs."""

_FAST_RATE: Final = 10.0
"""Requests per second. Above this the rate does not matter for so few requests."""

_TRY_AGAIN: Final = "the check ends here; try again when the API works"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check has found, and how it ended; `error` says why it stopped early."""

    exit_code: ExitCode
    findings: CheckFindings = field(default_factory=CheckFindings)
    requests: int = 0
    error: str | None = None


class Check:
    """One check of the service with the given settings. `execute` it once.

    `ids` are companies that it may ask about, and `network` is how the service is reached. It ends
    after `longest` seconds, in addition to the time that its rate needs.
    """

    def __init__(
        self,
        ids: Sequence[str],
        settings: CheckSettings,
        credentials: Credentials,
        *,
        network: Network = DIRECT,
        longest: float = _LONGEST_SECONDS,
    ) -> None:
        self._longest = longest + MOST_REQUESTS / min(settings.rate, _FAST_RATE)
        self._ids = ids
        self._settings = settings
        self._stats = RunStats(0)
        self._session = Session(
            settings,
            credentials,
            share=Share.of(settings.rate),
            network=network,
            companies=len(ids),
            stats=self._stats,
            concurrency=1,
            patience=_PATIENCE_SECONDS,
            first_patience=_PATIENCE_SECONDS,
            log_level="error",
            most_requests=MOST_REQUESTS,
        )
        self._findings = CheckFindings()
        self._task: asyncio.Task[object] | None = None
        self._stop_code: ExitCode | None = None

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return self._stats.requests

    def stop(self, exit_code: ExitCode) -> None:
        """End the check early, as a signal does. There is nothing to save."""
        self._stop_code = exit_code
        self.cancel()

    def cancel(self) -> None:
        """Cancel the request in flight."""
        if self._task is not None:
            self._task.cancel()

    async def execute(self) -> CheckResult:
        """Run the check, and return its result. Expected errors become part of it."""
        self._task = task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"  # noqa: S101 - for the type checker
        limit = TimeLimit(self._longest, clock=self._session.clock)
        limit.begin(task, self._session.clock())
        try:
            await self._ask()
        except OutageError as error:
            text = f"{self._session.redact(str(error))}; {_TRY_AGAIN}"
            return self._result(ExitCode.STOPPED_EARLY, text)
        except CollectorError as error:
            return self._result(error.exit_code, self._session.redact(str(error)))
        except asyncio.CancelledError:
            if limit.ended(task):
                return self._result(ExitCode.STOPPED_EARLY, f"it took too long; {_TRY_AGAIN}")
            if self._stop_code is None:
                raise
            task.uncancel()
            return self._result(self._stop_code)
        finally:
            limit.ended(task)
            limit.close()
            self._task = None
        return self._result(_exit_code(self._findings))

    async def _ask(self) -> None:
        query = date_query(self._settings).as_given()
        today = today_in(self._settings.timezone, datetime.now(UTC))
        self._session.reserve_descriptors()
        async with self._session as session:
            await session.tokens.current()
            runner = ProbeRunner(
                session.client(query, partial(next, _in_turn(self._ids))),
                most=MOST_REQUESTS,
                sleep=session.gate.sleep,
                may_continue=lambda: self._stats.requests + 2 <= MOST_REQUESTS,
            )
            await runner.run(check_service(self._ids, query, today, self._findings))

    def _result(self, exit_code: ExitCode, error: str | None = None) -> CheckResult:
        return CheckResult(exit_code, self._findings, self._stats.requests, error)


def _in_turn(ids: Sequence[str]) -> Iterator[Cell]:
    """Yield a cell of each company in turn, without end."""
    for company_id in cycle(ids):
        yield Cell(company_id, SERVER_DEFAULT)


def _exit_code(findings: CheckFindings) -> ExitCode:
    if findings.configured.dates is Verdict.IGNORED:
        return ExitCode.DATES
    if any(isinstance(answer, Failure) for answer in findings.answers.values()):
        return ExitCode.SOME_FAILED
    return ExitCode.COMPLETE
