"""Verification of the dates with an API that fails for a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from collector.core.outcome import Answer, Blame, Counters, Failure, FailureKind, Meaning, Outcome
from collector.dates.probe import Verdict
from collector.dates.verify import DatesVerifier
from collector.plan.date_params import DateQuery

_NOW = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class _Client:
    """Fails so many times first, three times because of an outage; then has 7 per day."""

    failures: int
    asked: int = 0

    async def ask_with(
        self, _company_id: str, parameters: Mapping[str, str], *, is_retry: bool = False
    ) -> Outcome:
        """Answer for the days that are asked for."""
        del is_retry
        self.asked += 1
        if self.asked <= self.failures:
            blame = Blame.SERVICE if self.asked <= 3 else Blame.CELL
            return Failure(
                FailureKind.HTTP, 502, "HTTP 502", None, _NOW, 1, blame, meaning=Meaning.TRANSIENT
            )
        total = 0
        if parameters:
            first, last = (datetime.fromisoformat(day).toordinal() for day in parameters.values())
            total = 7 * (last + 1 - first)
        return Answer(b"{}", Counters(total, total, 0, 0, 1, {}), _NOW, 1)


async def test_an_outage_that_used_up_companies_is_followed_by_another_verification() -> None:
    """All companies had failed by the time that it was over, and that says nothing."""
    client = _Client(failures=7)

    async def sleep(_seconds: float) -> None:
        """Continue at once."""

    verifier = DatesVerifier(
        DateQuery("from_date", "until_date"),
        None,
        lambda _query: client,
        cast("Any", SimpleNamespace(sleep=sleep, control=SimpleNamespace(open_cause=None))),
        cast("Any", SimpleNamespace(info=lambda *_, **__: None)),
    )
    finding, requests = await verifier.verify(["1"])
    assert finding.dates is Verdict.HONOURED
    assert requests == client.asked
