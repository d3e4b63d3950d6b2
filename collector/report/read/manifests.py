"""What the manifests say of the runs, and what their lines add to it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any, Final

from collector.errors import InputError
from collector.report.model import RunFacts, Tile
from collector.report.read.cells import Cells
from collector.report.read.samples import LoggedSample, read_samples
from collector.store.recorded_run import RecordedRun

__all__ = ["read_facts"]

# Of two lines of a cell in one run the newer one counts.
_ANSWERED: Final = """
SELECT run, count(*) FILTER (NOT is_empty), count(*) FILTER (is_empty) FROM (
    SELECT run, company_id, from_date, until_date, max_by({is_empty}, (fetched_at, rowid))
        AS is_empty
    FROM answers GROUP BY run, company_id, from_date, until_date
) GROUP BY run
"""
_FAILED: Final = """
SELECT run, count(*) FROM errors WHERE NOT EXISTS (
    SELECT 1 FROM answers WHERE answers.run = errors.run
        AND answers.company_id = errors.company_id
        AND answers.from_date IS NOT DISTINCT FROM errors.from_date
        AND answers.until_date IS NOT DISTINCT FROM errors.until_date
) GROUP BY run
"""


def read_facts(cells: Cells, runs: Sequence[RecordedRun]) -> tuple[RunFacts, ...]:
    """Return the facts of runs. Raises `InputError` when a manifest has no attempt in it."""
    answered = {
        run: counts for run, *counts in cells.rows(_ANSWERED.format(is_empty=cells.is_empty))
    }
    failed = dict(cells.rows(_FAILED))
    facts = []
    for number, run in enumerate(runs):
        data, empty = answered.get(number, (0, 0))
        lost = failed.get(number, 0)
        # The manifest knows how many were planned, even if the list of companies is lost.
        missing = max(0, run.manifest.plan.cells - data - empty - lost)
        facts.append(_facts(run, Tile(data, empty, lost, missing)))
    return tuple(facts)


def _facts(run: RecordedRun, cells: Tile) -> RunFacts:
    plan, dates = run.manifest.plan, run.manifest.dates
    attempts = run.manifest.attempts
    if not attempts:
        raise InputError(f"{run.parts[0].manifest}: is damaged (no attempt in it)")
    last: Mapping[str, Any] = attempts[-1]
    latency = last.get("latency_seconds") or {}
    shards = last.get("shards")
    limits = [attempt.get("limit_found") for attempt in attempts]
    requests = _Requests(run)
    return RunFacts(
        directory=str(run.directory),
        from_date=_day(plan.from_date),
        until_date=_day(plan.until_date),
        companies=plan.companies,
        windows=plan.windows,
        attempts=len(attempts),
        started_at=datetime.fromisoformat(last["started_at"]),
        ended_at=None if last["ended_at"] is None else datetime.fromisoformat(last["ended_at"]),
        exit_code=last["exit_code"],
        shards=None if shards is None else (shards["begun"], shards["count"]),
        is_at_work=run.held_by is not None,
        cells=cells,
        is_counted=not requests.uncounted,
        requests=requests.sum("sent"),
        refused=requests.sum("refused"),
        retried=requests.sum("retried"),
        requests_per_second=last.get("requests_per_second"),
        limit_found=next((limit for limit in reversed(limits) if limit is not None), None),
        latency_p50=latency.get("p50"),
        latency_p99=latency.get("p99"),
        verdict=None if dates is None else dates.verdict,
        until=None if dates is None else dates.until,
        remarks=tuple(last.get("remarks") or ()),
    )


class _Requests:
    """The requests of all attempts; `uncounted` are the samples of those that have no counts."""

    def __init__(self, run: RecordedRun) -> None:
        attempts = run.manifest.attempts
        self._counted = [attempt["requests"] for attempt in attempts if "requests" in attempt]
        self.uncounted = len(self._counted) < len(attempts)
        self._samples: list[LoggedSample] = []
        if self.uncounted:
            begins = [datetime.fromisoformat(attempt["started_at"]) for attempt in attempts]
            for sample in chain.from_iterable(read_samples(run)):
                number = sum(begin <= sample.at for begin in begins) - 1
                if "requests" not in attempts[max(number, 0)]:
                    self._samples.append(sample)

    def sum(self, name: str) -> int:
        """Add up a count; it is the least that there was if there are uncounted attempts."""
        counted = sum(requests.get(name, 0) for requests in self._counted)
        return int(counted + sum(getattr(sample, name) for sample in self._samples))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
