"""What the manifests say of the runs."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from collector.errors import InputError
from collector.report.model import RunFacts
from collector.store.recorded_run import RecordedRun
from collector.store.run_directory import MANIFEST

__all__ = ["run_facts"]


def run_facts(run: RecordedRun) -> RunFacts:
    """Return the facts of a run: counts of all attempts together, the rest of the last one.

    Raises `InputError` when there was none.
    """
    plan, dates = run.manifest.plan, run.manifest.dates
    attempts = run.manifest.attempts
    if not attempts:
        raise InputError(f"{run.directory / MANIFEST}: is damaged (no attempt in it)")
    last: Mapping[str, Any] = attempts[-1]
    latency = last.get("latency_seconds") or {}
    return RunFacts(
        directory=str(run.directory),
        from_date=_day(plan.from_date),
        until_date=_day(plan.until_date),
        companies=plan.companies,
        windows=plan.windows,
        attempts=len(attempts),
        started_at=datetime.fromisoformat(last["started_at"]),
        ended_at=_moment(last.get("ended_at")),
        exit_code=last.get("exit_code"),
        is_at_work=run.held_by is not None,
        requests=_sum(attempts, "sent"),
        refused=_sum(attempts, "refused"),
        retried=_sum(attempts, "retried"),
        requests_per_second=last.get("requests_per_second"),
        limit_found=last.get("limit_found"),
        latency_p50=latency.get("p50"),
        latency_p99=latency.get("p99"),
        verdict=None if dates is None else dates.verdict,
        until=None if dates is None else dates.until,
        remarks=tuple(last.get("remarks") or ()),
    )


def _sum(attempts: list[dict[str, Any]], name: str) -> int:
    return sum((attempt.get("requests") or {}).get(name) or 0 for attempt in attempts)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
