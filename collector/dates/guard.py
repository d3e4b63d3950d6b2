"""Sees to it that every line of a run is of the days that it says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.errors import IgnoredDatesError
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
    """Knows what the dates of a run mean; `record` is for the manifest, None without dates.

    `query` is how windows are to be sent, `ignored` the evidence once it is known that there are
    lines of other days than they say. What is `known` already is not found out again.
    """

    def __init__(
        self,
        plan: Plan,
        settings: RunSettings,
        log: FilteringBoundLogger,
        known: DatesRecord | None = None,
    ) -> None:
        self.query: DateQuery = date_query(settings)
        self.record: DatesRecord | None = None
        self.ignored: str | None = None
        self._known = known
        self._plan = plan
        self._trust = settings.trust_dates
        self._is_whole = settings.shard.is_whole
        self._log = log
        self._verifier: DatesVerifier | None = None
        self._is_looking = False
        self._is_unsettled = False
        self._has_looked_back = False
        self._watch: RepetitionWatch | None = None
        if len(plan.windows) > 1 and not settings.trust_dates:
            self._watch = RepetitionWatch(len(plan.windows))

    async def establish(
        self, verifier: DatesVerifier, recovered: Recovered, output: Path
    ) -> Sequence[str]:
        """Know what the dates mean before anything is begun; return what people should know.

        What was proved in an earlier attempt is not proved again. Raises `IgnoredDatesError` when
        they are ignored, `DatesError` when new lines would not fit those that are there, and
        `InputError` when the days cannot be sent.
        """
        self._verifier = verifier
        first, last = self._plan.windows[0], self._plan.windows[-1]
        if first == SERVER_DEFAULT:
            return ()
        given, before = self.query, recovered.dates
        given.as_given().check(first, last)
        has_lines, is_complete = recovered.has_lines, recovered.is_complete
        if has_lines:
            refuse_spoilt(before, output)
        if is_verified(before) or recovered.is_settled:
            record = before
        else:
            # What others know is older than a doubt.
            record = None if recovered.is_doubted else self._known
            record = record or await self._found(has_lines=has_lines)
        if record is None:
            return ()
        if has_lines and not is_complete:
            refuse_mixing(before, record, output, is_known=recovered.is_known)
        self.record = record
        self.query = replace(given, until_exclusive=record.until_exclusive)
        self.query.check(first, last)
        return doubts(record, given)

    async def notice(self, cell: Cell, outcome: Outcome) -> None:
        """Look on whether answers repeat; when they do, prove the dates once more.

        Raises `IgnoredDatesError` when they are ignored by now.
        """
        watch = self._watch
        if watch is None:
            return
        if isinstance(outcome, Failure):
            watch.failed(cell.company_id)
        else:
            watch.answered(cell.company_id, outcome.counters)
        if watch.suspicious and not self._is_looking:
            await self._look_into(watch, watch.suspicious)

    async def look_back(self) -> None:
        """After the last answer, prove the dates once more if most of the last ones repeat.

        Raises `IgnoredDatesError` when they are ignored by now.
        """
        if self._watch is not None and (companies := self._watch.suspicious_in_the_end):
            await self._look_into(self._watch, companies)
        self._has_looked_back = True

    @property
    def is_doubtful(self) -> bool:
        """Whether the latest answers repeat, and nobody has found out why."""
        if self._watch is None or self.ignored is not None:
            return False
        is_owed = bool(self._watch.suspicious_in_the_end) and not self._has_looked_back
        return self._is_unsettled or is_owed

    def close(self) -> str | None:
        """Take note that no more answers come; return what a person should know of them."""
        if self._watch is None:
            return None
        self._watch.close()
        # A shard has seen some windows of each company only; `collector status` looks at all.
        return self._watch.remark if self._is_whole else None

    async def _found(self, *, has_lines: bool) -> DatesRecord:
        if self._trust:
            return trusted(self.query)
        assert self._verifier is not None, "establish comes first"  # noqa: S101 - for the type checker
        try:
            finding, requests = await self._verifier.verify(self._plan.companies.ids)
        except IgnoredDatesError as error:
            if has_lines:
                # They were collected when that was not known.
                self.ignored = str(error)
            raise
        return recorded(finding, self.query, datetime.now(UTC), requests)

    async def _look_into(self, watch: RepetitionWatch, companies: Sequence[str]) -> None:
        assert self._verifier is not None, "establish comes first"  # noqa: S101 - for the type checker
        self._is_looking = self._is_unsettled = True
        self._log.warning("answers_repeat", companies=companies)
        try:
            finding, _ = await self._verifier.verify(companies)
        except IgnoredDatesError as error:
            self.ignored = str(error)
            raise
        finally:
            self._is_looking = False
        self._is_unsettled = finding.dates is not Verdict.HONOURED
        watch.false_alarm()
