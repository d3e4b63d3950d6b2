"""Verification of the dates by a few requests, before the first cell and when answers repeat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from structlog.typing import FilteringBoundLogger

from collector.core.errors import IgnoredDatesError
from collector.dates.probe import Finding, Verdict, verify_dates
from collector.dates.runner import ProbeClient, ProbeRunner
from collector.http.gate import Gate
from collector.plan import today_in
from collector.plan.date_params import DateQuery

__all__ = ["MOST_REQUESTS", "DatesVerifier", "Verified"]

MOST_REQUESTS: Final = 24
"""Most requests of one verification. It takes 4 if the first company has data on most days."""


class Verified(NamedTuple):
    """Result of a verification, and how many requests it took."""

    finding: Finding
    requests: int


@dataclass(frozen=True, slots=True)
class DatesVerifier:
    """Verifies what dates mean; see `collector.dates.probe.verification` for the method.

    * `query`: the names and the spelling of the dates.
    * `timezone`: IANA name of the zone that decides which day is today; None for the local one.
    * `client_of`: returns a client that sends windows as the given query says.
    * `gate`: waits between tries, and shows whether the circuit is open.
    * `log`: takes the event of each verification.
    """

    query: DateQuery
    timezone: str | None
    client_of: Callable[[DateQuery], ProbeClient]
    gate: Gate
    log: FilteringBoundLogger

    async def verify(self, ids: Sequence[str], at_once: int = 1) -> Verified:
        """Verify the dates by some of the companies, with at most `at_once` requests in flight.

        While the server answers nothing at all, the verification starts again, until the gate gives
        up; also after an outage, which has used up companies. Raises `IgnoredDatesError` when the
        dates are ignored.
        """
        query = self.query.as_given()
        today = today_in(self.timezone, datetime.now(UTC))
        requests = 0
        while True:
            client = self.client_of(query)
            runner = ProbeRunner(client, most=MOST_REQUESTS, sleep=self.gate.sleep, at_once=at_once)
            finding = await runner.run(verify_dates(ids, query, today, asks_ahead=at_once > 1))
            requests += runner.requests
            is_circuit_open = not runner.was_answered and self.gate.control.open_cause is not None
            if finding.is_conclusive or not (is_circuit_open or runner.met_outage):
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
                f"{finding.evidence[0]}; collector check finds the form that it accepts"
            )
        return Verified(finding, requests)
