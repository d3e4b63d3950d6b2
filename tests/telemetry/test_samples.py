from dataclasses import asdict

import pytest

from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.telemetry.reporter import Sampler
from collector.telemetry.stats import RunStats


class _Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    """Give a clock that stands still until it is set."""
    return _Clock()


@pytest.fixture
def stats(clock: _Clock) -> RunStats:
    """Give the counts of a run that begins now."""
    return RunStats(100, clock=clock)


def _answer(stats: RunStats, *seconds: float, status: int = 200) -> None:
    for each in seconds:
        stats.request_sent()
        stats.answered(status, each)
        stats.good += status == 200


def test_a_sample_tells_of_its_interval_only(stats: RunStats, clock: _Clock) -> None:
    """Earlier counts and latencies are in the previous sample."""
    rate = 10.0
    sampler = Sampler(stats, lambda: rate)
    _answer(stats, *[0.1] * 90, *[9.0] * 10)
    stats.retries, stats.refused, stats.in_flight = 4, 7, 3
    stats.good = 91
    stats.kept[CellState.DATA], stats.cells[CellState.EMPTY] = 20, 5
    clock.now += 10.0
    first = sampler.take()
    assert asdict(first) == {
        "seconds": 10.0,
        "sent": 100,
        "answered": 91,
        "refused": 7,
        "retried": 4,
        "in_flight": 3,
        "allowed": 10.0,
        "latency_p50": pytest.approx(0.1, rel=0.025),
        "latency_p90": pytest.approx(0.1, rel=0.025),
        "latency_p99": pytest.approx(9.0, rel=0.025),
        "done": 25,
    }
    rate = 7.123456
    _answer(stats, *[0.5] * 60)
    stats.retries += 1
    stats.cells[CellState.FAILED] = 1
    clock.now += 10.25
    second = sampler.take()
    assert (second.seconds, second.sent, second.answered) == (10.25, 60, 60)
    assert (second.refused, second.retried, second.done, second.allowed) == (0, 1, 26, 7.1235)
    assert second.latency_p50 == second.latency_p99 == pytest.approx(0.5, rel=0.025)


def test_the_first_interval_begins_with_the_run(stats: RunStats, clock: _Clock) -> None:
    """What was sent before the sampler was made, as for a token, is not lost."""
    _answer(stats, 0.2)
    clock.now += 3.0
    sample = Sampler(stats, lambda: 1.0).take()
    assert (sample.seconds, sample.sent) == (3.0, 1)


def test_an_interval_without_answers_has_no_latencies(stats: RunStats) -> None:
    """None, and not the previous ones: nothing is known, and zero would be a very good one."""
    sampler = Sampler(stats, lambda: 1.0)
    _answer(stats, 0.2)
    sampler.take()
    stats.request_sent()
    stats.broken[FailureKind.TIMEOUT] += 1
    sample = sampler.take()
    assert (sample.sent, sample.answered) == (1, 0)
    assert (sample.latency_p50, sample.latency_p90, sample.latency_p99) == (None, None, None)


def test_all_samples_together_are_the_run(stats: RunStats, clock: _Clock) -> None:
    """However long the intervals are, even empty ones."""
    sampler = Sampler(stats, lambda: 1.0)
    samples = []
    for step in (0.0, 0.3, 10.0, 9.9, 0.0, 4.7):
        clock.now += step
        _answer(stats, *[step] * round(step * 7))
        _answer(stats, *[0.01] * round(step * 2), status=429)
        stats.refused += round(step * 2)
        stats.retries += round(step)
        samples.append(sampler.take())
    assert sum(sample.seconds for sample in samples) == pytest.approx(stats.seconds)
    assert sum(sample.sent for sample in samples) == stats.requests
    assert sum(sample.answered for sample in samples) == stats.good
    assert sum(sample.refused for sample in samples) == stats.refused
    assert sum(sample.retried for sample in samples) == stats.retries
