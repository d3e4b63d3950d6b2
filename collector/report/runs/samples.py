"""The samples in the logs of a run; of a run with shards, the samples of all shards added up."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import floor
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collector.report.cells import each_line
from collector.store.recorded_run import RecordedRun

__all__ = ["LoggedSample", "mean_latency", "read_samples", "samples_by_time"]

_MARK: Final = b'"event":"sample"'

_STEP: Final = 10.0
"""Seconds; as often as a run takes a sample."""


class LoggedSample(msgspec.Struct, gc=False):
    """A `sample` event of the log; see `collector.telemetry.reporter.Sample`."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    sent: int
    refused: int
    retried: int
    allowed: float
    latency_p50: float | None
    latency_p90: float | None
    latency_p99: float | None


_decoder: Final = msgspec.json.Decoder(LoggedSample)


def read_samples(run: RecordedRun) -> list[list[LoggedSample]]:
    """Read the samples in each log of a run. Raises `InputError` when one cannot be read."""
    return [_read(path) for path in run.logs()]


def samples_by_time(logs: Sequence[Sequence[LoggedSample]]) -> Sequence[LoggedSample]:
    """Return the samples of all shards added up, in steps of 10 seconds; of one log, its samples.

    A sample that spans several steps is split evenly over its seconds.
    """
    if len(logs) == 1:
        return logs[0]
    steps: dict[int, list[tuple[LoggedSample, float]]] = {}
    for log in logs:
        for sample in log:
            for step, seconds in _steps(sample):
                steps.setdefault(step, []).append((sample, seconds))
    return [_together(step, pieces) for step, pieces in sorted(steps.items())]


def mean_latency(latencies: Sequence[tuple[float | None, float]]) -> float | None:
    """Return the mean of percentiles, weighted by requests: an approximation of the percentile."""
    known = [(latency, max(requests, 1)) for latency, requests in latencies if latency is not None]
    if not known:
        return None
    return sum(latency * requests for latency, requests in known) / sum(n for _, n in known)


def _steps(sample: LoggedSample) -> Iterator[tuple[int, float]]:
    """Yield the steps that a sample spans, and the seconds of it in each."""
    end = sample.at.timestamp()
    begin = end - max(sample.seconds, 1e-3)
    for step in range(floor(begin / _STEP), floor(end / _STEP) + 1):
        seconds = min(end, (step + 1) * _STEP) - max(begin, step * _STEP)
        if seconds > 0:
            yield step, seconds


def _together(step: int, pieces: Sequence[tuple[LoggedSample, float]]) -> LoggedSample:
    shares = [(sample, seconds / max(sample.seconds, 1e-3)) for sample, seconds in pieces]

    def count(name: str) -> int:
        return round(sum(float(getattr(sample, name)) * share for sample, share in shares))

    def latency(name: str) -> float | None:
        return mean_latency([(getattr(s, name), s.sent * share) for s, share in shares])

    return LoggedSample(
        at=datetime.fromtimestamp((step + 1) * _STEP, UTC),
        seconds=_STEP,
        sent=count("sent"),
        refused=count("refused"),
        retried=count("retried"),
        allowed=sum(sample.allowed * seconds for sample, seconds in pieces) / _STEP,
        latency_p50=latency("latency_p50"),
        latency_p90=latency("latency_p90"),
        latency_p99=latency("latency_p99"),
    )


def _read(path: Path) -> list[LoggedSample]:
    samples: list[LoggedSample] = []

    def take(line: bytes) -> bool:
        if _MARK in line:
            try:
                samples.append(_decoder.decode(line))
            except (msgspec.DecodeError, RecursionError):  # torn by a crash, or of another version
                return False
        return True

    each_line(path, take)
    return samples
