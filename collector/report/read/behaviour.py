"""How the runs went over time, from the samples in their logs."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collector.errors import InputError
from collector.report.model import Behaviour, Interval
from collector.store.recorded_run import RecordedRun
from collector.store.repair import damaged_spans
from collector.store.run_directory import LOG

__all__ = ["Sample", "read_behaviour", "read_samples"]

_RUNS: Final = 5
"""The newest runs that are drawn."""

_INTERVALS: Final = 200
"""Of one run; more points than a phone has across would not be seen."""

_SHORT: Final = 2.0
"""Seconds."""

_MARK: Final = b'"event":"sample"'


class Sample(msgspec.Struct, gc=False):
    """A `sample` event of the log; see `collector.samples.Sample`."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    sent: int
    accepted: int
    refused: int
    retried: int
    allowed: float
    latency_p50: float | None
    latency_p90: float | None
    latency_p99: float | None


_decoder: Final = msgspec.json.Decoder(Sample)


def read_behaviour(runs: Sequence[RecordedRun]) -> tuple[Behaviour, ...]:
    """Return how the newest runs went, in at most 200 intervals each.

    Raises `InputError` when a log cannot be read.
    """
    return tuple(
        Behaviour(str(run.directory), _intervals(read_samples(run.directory / LOG)))
        for run in runs[-_RUNS:]
    )


def read_samples(path: Path) -> list[Sample]:
    """Read the samples in a log. Raises `InputError` when it cannot be read."""
    samples: list[Sample] = []

    def take(line: bytes) -> bool:
        if _MARK in line:
            try:
                samples.append(_decoder.decode(line))
            except msgspec.DecodeError:  # torn by a crash, or of another version
                return False
        return True

    try:
        damaged_spans(path, take)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return samples


def _intervals(samples: Sequence[Sample]) -> tuple[Interval, ...]:
    """Join neighbours until there are few enough, and what is short with what was before it."""
    size = max(1, ceil(len(samples) / _INTERVALS))
    parts: list[list[Sample]] = []
    for sample in samples:
        # The last sample of an attempt may cover a moment only, which says nothing by itself.
        if parts and (len(parts[-1]) < size or sample.seconds < _SHORT):
            parts[-1].append(sample)
        else:
            parts.append([sample])
    return tuple(map(_interval, parts))


def _interval(samples: Sequence[Sample]) -> Interval:
    seconds = sum(sample.seconds for sample in samples)
    last = samples[-1]
    return Interval(
        ended_at=last.at.astimezone(UTC),
        seconds=seconds,
        sent=_rate((sample.sent for sample in samples), seconds),
        refused=_rate((sample.refused for sample in samples), seconds),
        retried=_rate((sample.retried for sample in samples), seconds),
        allowed=last.allowed,
        latency_p50=_mean([(sample.latency_p50, sample.accepted) for sample in samples]),
        latency_p90=_mean([(sample.latency_p90, sample.accepted) for sample in samples]),
        latency_p99=_mean([(sample.latency_p99, sample.accepted) for sample in samples]),
    )


def _rate(counts: Iterable[int], seconds: float) -> float:
    return sum(counts) / seconds if seconds else 0.0


def _mean(latencies: Sequence[tuple[float | None, int]]) -> float | None:
    """Return the mean of percentiles, by the answers of each; those of all together are lost."""
    known = [(latency, max(answers, 1)) for latency, answers in latencies if latency is not None]
    if not known:
        return None
    return sum(latency * answers for latency, answers in known) / sum(n for _, n in known)
