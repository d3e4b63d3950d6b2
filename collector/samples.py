"""How a run behaves over time: what it did in each interval, for the log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from collector.latencies import Latencies
from collector.tally import Tally

__all__ = ["Sample", "Sampler"]

_DIGITS: Final = 4
"""Of seconds and rates; percentiles are not truer than to 2.5 %."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What happened in an interval of so many `seconds`.

    `sent`, `accepted`, `refused` and `retried` are counts of the interval; `in_flight`, `allowed`
    (requests a second) and `done` (cells) are as they were at its end. Latencies (seconds) are of
    the answers of the interval, None if there were none.
    """

    seconds: float
    sent: int
    accepted: int
    refused: int
    retried: int
    in_flight: int
    allowed: float
    latency_p50: float | None
    latency_p90: float | None
    latency_p99: float | None
    done: int


@dataclass(frozen=True, slots=True)
class _Moment:
    seconds: float
    sent: int
    accepted: int
    refused: int
    retried: int
    latencies: Latencies

    @classmethod
    def of(cls, tally: Tally) -> "_Moment":
        return cls(
            seconds=tally.seconds,
            sent=tally.requests,
            accepted=tally.accepted,
            refused=tally.refused,
            retried=tally.retries,
            latencies=tally.latencies.copy(),
        )


class Sampler:
    """Cuts a run into intervals: each sample begins where the one before it ended.

    The first one begins with the tally, so that all of them together are the whole attempt.
    `allowed` gives the rate in force, in requests a second.
    """

    def __init__(self, tally: Tally, allowed: Callable[[], float]) -> None:
        self._tally = tally
        self._allowed = allowed
        self._before = _Moment(0.0, 0, 0, 0, 0, Latencies())

    def take(self) -> Sample:
        """Return what happened since the last sample."""
        before, now = self._before, _Moment.of(self._tally)
        self._before = now
        latencies = now.latencies - before.latencies
        return Sample(
            seconds=round(now.seconds - before.seconds, _DIGITS),
            sent=now.sent - before.sent,
            accepted=now.accepted - before.accepted,
            refused=now.refused - before.refused,
            retried=now.retried - before.retried,
            in_flight=self._tally.in_flight,
            allowed=round(self._allowed(), _DIGITS),
            latency_p50=_percentile(latencies, 0.5),
            latency_p90=_percentile(latencies, 0.9),
            latency_p99=_percentile(latencies, 0.99),
            done=self._tally.done,
        )


def _percentile(latencies: Latencies, share: float) -> float | None:
    return round(latencies.percentile(share), _DIGITS) if latencies.count else None
