"""Guard that ensures that each line of a run covers the days that it states."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.errors import IgnoredDatesError, StoppedError
from collector.core.outcome import Failure, Outcome
from collector.dates.probe import Verdict
from collector.dates.record import (
    doubts,
    is_verified,
    recorded,
    refuse_mixing,
    refuse_spoilt,
    trusted,
)
from collector.dates.repetition import RepetitionWatch
from collector.dates.verify import DatesVerifier
from collector.plan import Plan
from collector.plan.date_params import DateQuery
from collector.settings import RunSettings
from collector.settings.prepare import date_query
from collector.store.manifest import DatesRecord
from collector.store.recovery import Recovered

__all__ = ["DOUBT", "DatesGuard"]

DOUBT: Final = (
    "the latest answers repeat, and it was not found out whether the API still honours the dates"
)


class DatesGuard:
    """Verifies what the dates of a run mean, and verifies them again when answers repeat.

    `record` is for the manifest, None without dates. `query` is how windows are sent. `ignored` is
    the evidence once lines are known to cover other days than they state. A record that is already
    `known` is not verified again. Raises `InputError` when the days cannot be sent.
    """

    def __init__(
        self,
        plan: Plan,
        settings: RunSettings,
        log: FilteringBoundLogger,
        known: DatesRecord | None = None,
    ) -> None:
        self.query: DateQuery = date_query(settings)
        self.query.as_given().check(plan.windows)
        self.record: DatesRecord | None = None
        self.ignored: str | None = None
        self._known = known
        self._plan = plan
        self._trust = settings.trust_dates
        self._concurrency = settings.concurrency
        self._is_whole = settings.shard.is_whole
        self._log = log
        self._verifier: DatesVerifier | None = None
        self._is_unsettled = False
        self._suspects: Sequence[str] = ()
        self._has_suspects = asyncio.Event()
        self._is_verified = asyncio.Event()
        self._is_stopped = False
        self._has_verified_last = False
        self._repetition: RepetitionWatch | None = None
        if len(plan.windows) > 1 and not settings.trust_dates:
            self._repetition = RepetitionWatch(len(plan.windows))

    async def establish(
        self, verifier: DatesVerifier, recovered: Recovered, output: Path
    ) -> Sequence[str]:
        """Determine what the dates mean before the first cell; return remarks for the user.

        Dates that an earlier attempt has verified are not verified again. Raises
        `IgnoredDatesError` when the server ignores them, `DatesError` when new lines would not fit
        the existing ones, and `InputError` when the days cannot be sent.
        """
        self._verifier = verifier
        windows = self._plan.windows
        if windows[0] == SERVER_DEFAULT:
            return ()
        configured, before = self.query, recovered.dates
        has_lines, is_complete = recovered.has_lines, recovered.is_complete
        if has_lines:
            refuse_spoilt(before, output)
        if is_verified(before) or recovered.is_settled:
            record = before
        else:
            # A record from elsewhere is older than a doubt.
            record = None if recovered.is_doubted else self._known
            record = record or await self._determine(has_lines=has_lines)
        if record is None:
            return ()
        if has_lines and not is_complete:
            refuse_mixing(before, record, output, is_known=recovered.is_known)
        self.record = record
        self.query = replace(configured, until_exclusive=record.until_exclusive)
        self.query.check(windows)
        return doubts(record, configured)

    def observe(self, cell: Cell, outcome: Outcome) -> bool:
        """Compare an outcome with earlier ones; return whether it makes `watch` send requests.

        If so, wait for `verified` in place of sending a request: they count as the caller's.
        """
        watch = self._repetition
        if watch is None:
            return False
        if isinstance(outcome, Failure):
            watch.failed(cell.company_id)
        else:
            watch.answered(cell.company_id, outcome.counters)
        if not watch.suspicious or self._suspects or self._is_stopped:
            return False
        # Taken now: the next answer may end the row, and that does not explain it.
        self._suspects = watch.suspicious
        self._is_verified.clear()
        self._has_suspects.set()
        return True

    async def verified(self) -> None:
        """Wait until `watch` has verified the dates, or has ended because the run is stopped.

        Does not return when `watch` raises: the caller sends nothing before it is cancelled.
        """
        await self._is_verified.wait()

    async def watch(self) -> None:
        """Verify the dates again whenever answers repeat, until cancelled.

        Raises `IgnoredDatesError` when the server now ignores them, and what the client raises.
        Ends when the run is stopped during a verification; the dates are then doubtful.
        """
        with suppress(StoppedError):
            while True:
                await self._has_suspects.wait()
                await self.verify_suspicion()
                self._is_verified.set()
        self._is_stopped = True
        self._is_verified.set()

    async def verify_suspicion(self) -> None:
        """Verify the dates again if answers repeat. Raises as `watch` does, and `StoppedError`."""
        if self._repetition is None or not self._suspects:
            return
        try:
            await self._verify_again(self._repetition, self._suspects)
        finally:
            self._suspects = ()
            self._has_suspects.clear()

    async def verify_last_answers(self) -> None:
        """After the last answer, verify the dates once more if most of the last ones repeat.

        Raises `IgnoredDatesError` when the server now ignores them.
        """
        if self._repetition is not None:
            companies = self._repetition.suspicious_in_the_end
            if companies:
                await self._verify_again(self._repetition, companies)
        self._has_verified_last = True

    @property
    def is_doubtful(self) -> bool:
        """Whether the latest answers repeat, and no verification has explained why."""
        if self._repetition is None or self.ignored is not None:
            return False
        is_due = bool(self._repetition.suspicious_in_the_end) and not self._has_verified_last
        return self._is_unsettled or is_due

    def close(self) -> str | None:
        """Record that no more answers come; return a remark for the user, if there is one."""
        if self._repetition is None:
            return None
        self._repetition.close()
        # A shard has only some windows of each company; `collector status` checks all of them.
        return self._repetition.remark if self._is_whole else None

    async def _determine(self, *, has_lines: bool) -> DatesRecord:
        if self._trust:
            return trusted(self.query)
        assert self._verifier is not None, "establish comes first"  # noqa: S101 - for the type checker
        try:
            finding, requests = await self._verifier.verify(
                self._plan.companies.ids, self._concurrency
            )
        except IgnoredDatesError as error:
            if has_lines:
                # They were collected before that was known.
                self.ignored = str(error)
            raise
        return recorded(finding, self.query, datetime.now(UTC), requests)

    async def _verify_again(self, watch: RepetitionWatch, companies: Sequence[str]) -> None:
        assert self._verifier is not None, "establish comes first"  # noqa: S101 - for the type checker
        self._is_unsettled = True
        self._log.warning("answers_repeat", companies=companies)
        try:
            finding, _ = await self._verifier.verify(companies)
        except IgnoredDatesError as error:
            self.ignored = str(error)
            raise
        self._is_unsettled = finding.dates is not Verdict.HONOURED
        watch.false_alarm()
