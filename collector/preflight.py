"""Before the first cell it must be known what dates mean, and fit what lies on the disk."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from collector.date_query import DateQuery
from collector.errors import DatesError
from collector.fetch.gate import Gate
from collector.interview import Interview
from collector.models import SERVER_DEFAULT
from collector.plan import Plan, today_in
from collector.prepare import date_query
from collector.probe import Finding, Until, Verdict, prove
from collector.session import Session
from collector.settings import RunSettings
from collector.store.lines import timestamp
from collector.store.manifest import DatesRecord
from collector.tally import Tally

__all__ = [
    "MOST_REQUESTS",
    "Preflight",
    "doubts",
    "ignored_later",
    "recorded",
    "refuse_mixing",
    "refuse_spoilt",
]

MOST_REQUESTS: Final = 24
"""Requests of one proof, at most. It takes 4 if the first company has data on most days."""

_TRUSTED: Final = "trusted"


@dataclass(frozen=True, slots=True)
class Preflight:
    """Finds out what is not known yet; see `collector.probe.proof` for how."""

    plan: Plan
    settings: RunSettings
    gate: Gate
    tally: Tally
    log: FilteringBoundLogger

    async def establish(self, session: Session, before: DatesRecord | None) -> DatesRecord | None:
        """Return what is known of the dates by now; None when none are sent, or nothing is left.

        `before` is what the manifest says of earlier attempts: what was proved is not proved again.
        Raises `DatesError` when the dates are ignored, and `InputError` when they cannot be sent.
        """
        first, last = self.plan.windows[0], self.plan.windows[-1]
        if first == SERVER_DEFAULT:
            return None
        query = date_query(self.settings)
        query.check(first, last)
        if before is not None and before.verdict == Verdict.HONOURED.value:
            return before
        if self.settings.trust_dates:
            return DatesRecord(
                verdict=_TRUSTED, until=_TRUSTED, until_exclusive=query.until_exclusive
            )
        if not self.tally.missing:
            return before
        record = await self._prove(session, query)
        replace(query, until_exclusive=record.until_exclusive).check(first, last)
        return record

    async def _prove(self, session: Session, query: DateQuery) -> DatesRecord:
        before = self.tally.requests
        finding = await self._find_out(session, query)
        self.log.info(
            "dates_examined",
            verdict=finding.dates.value,
            until=finding.until.value,
            evidence=finding.evidence,
        )
        if finding.dates is Verdict.IGNORED:
            raise DatesError(
                f"the API does not honour the dates as they are sent ({query}): "
                f"{finding.evidence[0]}; nothing was collected; find out with collector check how "
                "it wants them, or give --trust-dates if you know better"
            )
        return recorded(finding, query, datetime.now(UTC), self.tally.requests - before)

    async def _find_out(self, session: Session, query: DateQuery) -> Finding:
        """Ask, and ask again while nobody is answered at all, until the gate gives up."""
        client = session.client(query)
        today = today_in(self.settings.timezone, datetime.now(UTC))
        while True:
            interview = Interview(
                client,
                most=self.tally.requests + MOST_REQUESTS,
                sent=lambda: self.tally.requests,
                rest=self.gate.rest,
            )
            probe = prove(self.plan.companies.ids, query.as_given(), today)
            finding = await interview.conduct(probe)
            if interview.was_answered or self.gate.blockade is None:
                return finding


def recorded(finding: Finding, query: DateQuery, at: datetime, requests: int) -> DatesRecord:
    """Return a finding as the manifest has it; what was not found out is as `query` says."""
    until_exclusive = finding.until is Until.EXCLUDED
    if finding.until is Until.INCONCLUSIVE:
        until_exclusive = query.until_exclusive
    return DatesRecord(
        verdict=finding.dates.value,
        until=finding.until.value,
        until_exclusive=until_exclusive,
        checked_at=timestamp(at),
        requests=requests,
        evidence=list(finding.evidence),
    )


def ignored_later(before: DatesRecord | None, evidence: str, at: datetime) -> DatesRecord:
    """Return the record of dates that turned out to be ignored in the middle of a run."""
    return DatesRecord(
        verdict=Verdict.IGNORED.value,
        until=Until.INCONCLUSIVE.value,
        until_exclusive=before is not None and before.until_exclusive,
        checked_at=timestamp(at),
        evidence=[evidence],
    )


def refuse_spoilt(before: DatesRecord | None, directory: Path) -> None:
    """Raise `DatesError` if the lines of a directory are known to be of other days."""
    if before is not None and before.is_ignored:
        raise DatesError(
            f"--output {directory}: the API ignored the dates when its lines were fetched "
            f"({'; '.join(before.evidence)}); give another --output"
        )


def refuse_mixing(before: DatesRecord | None, now: DatesRecord, directory: Path) -> None:
    """Raise `DatesError` if new lines would be of other days than those of the directory.

    `before` is what was known when those were written; None in directories of before it was proved.
    """
    was_exclusive = before is not None and before.until_exclusive
    if was_exclusive == now.until_exclusive:
        return
    was, is_now = (
        "as the day after it" if exclusive else "as it is"
        for exclusive in (was_exclusive, now.until_exclusive)
    )
    raise DatesError(
        f"--output {directory}: its lines were fetched with the last day of a window sent {was}, "
        f"and now it would be sent {is_now}, so they are of other days; give another --output"
    )


def doubts(record: DatesRecord, query: DateQuery) -> list[str]:
    """Say for people what is not known, or not as they think."""
    if record.verdict == Verdict.INCONCLUSIVE.value:
        evidence = "; ".join(record.evidence)
        text = f"it could not be found out whether the API honours the dates ({evidence})"
        return [f"{text}; look at the figures, or try collector check"]
    if record.until == Until.INCONCLUSIVE.value:
        text = f"it could not be found out whether the API includes {query.until_param}"
        return [f"{text}; it is taken for {'left out' if record.until_exclusive else 'included'}"]
    if query.until_exclusive and not record.until_exclusive:
        return ["--until-exclusive is set, but the API includes the last day: it is sent as it is"]
    return []
