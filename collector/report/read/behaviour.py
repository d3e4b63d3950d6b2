"""How the runs went over time, from the samples in their logs."""

from collections.abc import Iterable, Sequence
from datetime import UTC
from math import ceil
from typing import Final

from collector.report.model import Behaviour, Interval
from collector.report.read.samples import LoggedSample, mean_latency, read_samples, samples_by_time
from collector.store.recorded_run import RecordedRun

__all__ = ["read_behaviour"]

_RUNS: Final = 5
"""The newest runs that are drawn."""

_INTERVALS: Final = 200
"""Of one run; more points than a phone has across would not be seen."""

_SHORT: Final = 2.0
"""Seconds."""


def read_behaviour(runs: Sequence[RecordedRun]) -> tuple[Behaviour, ...]:
    """Return how the newest runs went, in at most 200 intervals each.

    Raises `InputError` when a log cannot be read.
    """
    return tuple(
        Behaviour(str(run.directory), _intervals(samples_by_time(read_samples(run))))
        for run in runs[-_RUNS:]
    )


def _intervals(samples: Sequence[LoggedSample]) -> tuple[Interval, ...]:
    """Join neighbours until there are few enough, and what is short with what was before it."""
    size = max(1, ceil(len(samples) / _INTERVALS))
    parts: list[list[LoggedSample]] = []
    for sample in samples:
        # The last sample of an attempt may cover a moment only, which says nothing by itself.
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
        latency_p50=mean_latency([(sample.latency_p50, sample.accepted) for sample in samples]),
        latency_p90=mean_latency([(sample.latency_p90, sample.accepted) for sample in samples]),
        latency_p99=mean_latency([(sample.latency_p99, sample.accepted) for sample in samples]),
    )


def _rate(counts: Iterable[int], seconds: float) -> float:
    return sum(counts) / seconds if seconds else 0.0
