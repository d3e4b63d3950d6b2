"""Finds out by a few requests what dates mean, before the first cell and when there are doubts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from structlog.typing import FilteringBoundLogger

from collector.core.errors import IgnoredDatesError
from collector.dates.probe import Finding, Verdict, verify_dates
from collector.dates.runner import Client, ProbeRunner
from collector.http.gate import Gate
from collector.plan import today_in
from collector.plan.date_params import DateQuery

__all__ = ["MOST_REQUESTS", "DatesVerifier", "Verified"]

MOST_REQUESTS: Final = 24
"""Requests of one proof, at most. It takes 4 if the first company has data on most days."""


class Verified(NamedTuple):
    """What was found out, and how many requests it took."""

    finding: Finding
    requests: int


@dataclass(frozen=True, slots=True)
class DatesVerifier:
    """Proves what dates mean; see `collector.dates.probe.verification` for how.

    `client_of` gives a client that puts windows into queries in the given way.
    """

    query: DateQuery
    timezone: str | None
    client_of: Callable[[DateQuery], Client]
    gate: Gate
    log: FilteringBoundLogger

    async def verify(self, ids: Sequence[str]) -> Verified:
        """Ask about some of the companies.

        While nobody is answered at all it asks again, until the gate gives up; after an outage too,
        for that has used up companies. Raises `IgnoredDatesError` when the dates are ignored.
        """
        query = self.query.as_given()
        today = today_in(self.timezone, datetime.now(UTC))
        requests = 0
        while True:
            client = self.client_of(query)
            runner = ProbeRunner(client, most=MOST_REQUESTS, sleep=self.gate.sleep)
            finding = await runner.run(verify_dates(ids, query, today))
            requests += runner.requests
            is_blocked = not runner.was_answered and self.gate.control.open_cause is not None
            if finding.is_conclusive or not (is_blocked or runner.met_outage):
                break
        self.log.info(
            "dates_examined",
            verdict=finding.dates.value,
            until=finding.until.value,
            evidence=finding.evidence,
        )
        if finding.dates is Verdict.IGNORED:
            raise IgnoredDatesError(
                f"the API does not honour the dates as they are sent ({query}): "
                f"{finding.evidence[0]}; find out with collector check how it wants them"
            )
        return Verified(finding, requests)
