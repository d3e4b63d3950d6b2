"""Reads how runs went, from their manifests, their lines, and the samples in their logs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import chain
from math import ceil
from typing import Any, Final

from collector.core.errors import InputError
from collector.report.cells import Cells
from collector.report.model import Tile
from collector.report.runs.model import Behaviour, Interval, RunFacts
from collector.report.runs.samples import LoggedSample, mean_latency, read_samples, samples_by_time
from collector.store.recorded_run import RecordedRun

__all__ = ["read_behaviour", "read_facts"]

_RUNS: Final = 5
"""The newest runs whose behaviour is drawn."""

_INTERVALS: Final = 200
"""Intervals per run, at most: a phone shows no more points."""

_SHORT: Final = 2.0
"""Seconds below which a sample is joined to the sample before it."""

# Of several lines of a cell in a run the newest counts.
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
    """Return the facts of runs. Raises `InputError` when a manifest has no attempt."""
    answered = {
        run: counts for run, *counts in cells.rows(_ANSWERED.format(is_empty=cells.is_empty))
    }
    failed = dict(cells.rows(_FAILED))
    facts = []
    for number, run in enumerate(runs):
        data, empty = answered.get(number, (0, 0))
        lost = failed.get(number, 0)
        # The manifest has the number of planned cells, even if the list of companies is lost.
        missing = max(0, run.manifest.plan.cells - data - empty - lost)
        facts.append(_facts(run, Tile(data, empty, lost, missing)))
    return tuple(facts)


def read_behaviour(runs: Sequence[RecordedRun]) -> tuple[Behaviour, ...]:
    """Return how the newest 5 runs went, in at most 200 intervals each.

    Raises `InputError` when a log cannot be read.
    """
    return tuple(map(_behaviour, runs[-_RUNS:]))


def _behaviour(run: RecordedRun) -> Behaviour:
    logs = read_samples(run)
    samples = samples_by_time(logs)
    size = max(1, ceil(len(samples) / _INTERVALS))
    is_joined = size > 1 or len(logs) > 1
    return Behaviour(str(run.directory), _intervals(samples, size), is_joined)


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
        is_running=run.held_by is not None,
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
        has_first_days=plan.has_first_days,
        remarks=tuple(last.get("remarks") or ()),
    )


class _Requests:
    """The requests of all attempts; `uncounted` says that some have samples and no counts."""

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
        """Add up a count; a lower bound if there are uncounted attempts."""
        counted = sum(requests.get(name, 0) for requests in self._counted)
        return int(counted + sum(getattr(sample, name) for sample in self._samples))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _intervals(samples: Sequence[LoggedSample], size: int) -> tuple[Interval, ...]:
    """Join `size` neighbours each, and short samples with the sample before them."""
    parts: list[list[LoggedSample]] = []
    for sample in samples:
        # The last sample of an attempt may cover a moment only, whose rates mean nothing.
        if parts and (len(parts[-1]) < size or sample.seconds < _SHORT):
            parts[-1].append(sample)
        else:
            parts.append([sample])
    return tuple(map(_interval, parts))


def _interval(samples: Sequence[LoggedSample]) -> Interval:
    seconds = sum(sample.seconds for sample in samples)
    last = samples[-1]
    return Interval(
        ended_at=last.at.astimezone(UTC),
        seconds=seconds,
        sent=_rate((sample.sent for sample in samples), seconds),
        refused=_rate((sample.refused for sample in samples), seconds),
        retried=_rate((sample.retried for sample in samples), seconds),
        allowed=last.allowed,
        latency_p50=mean_latency([(sample.latency_p50, sample.sent) for sample in samples]),
        latency_p90=mean_latency([(sample.latency_p90, sample.sent) for sample in samples]),
        latency_p99=mean_latency([(sample.latency_p99, sample.sent) for sample in samples]),
    )


def _rate(counts: Iterable[int], seconds: float) -> float:
    return sum(counts) / seconds if seconds else 0.0
