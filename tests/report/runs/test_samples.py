"""The samples of shards, added up over time."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.plan import Shard
from collector.report.runs.samples import LoggedSample, mean_latency, read_samples, samples_by_time
from collector.store.files import PartFiles
from collector.store.recorded_run import find_run
from tests.store.split_runs import split_run

_AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

_SAMPLE = (
    '{{"at":"2026-11-23T02:00:{at:02}Z","level":"info","event":"sample","seconds":10.0,'
    '"sent":{sent},"accepted":{sent},"refused":0,"retried":0,"in_flight":1,"allowed":5.0,'
    '"latency_p50":0.1,"latency_p90":0.1,"latency_p99":0.1,"done":1}}\n'
)


def _sample(end: float, seconds: float = 10, sent: int = 100, **more: float | None) -> LoggedSample:
    fields = {"latency_p50": 0.1, "latency_p90": 0.2, "latency_p99": 0.4, "allowed": 10.0} | more
    return LoggedSample(
        at=_AT + timedelta(seconds=end),
        seconds=seconds,
        sent=sent,
        refused=sent // 10,
        retried=sent // 20,
        **fields,  # type: ignore[arg-type]
    )


def test_the_samples_of_one_log_are_as_they_are() -> None:
    """A run without shards is drawn as ever."""
    log = [_sample(13), _sample(17.5, 4.5)]
    assert samples_by_time([log]) is log
    assert samples_by_time([[], []]) == []


def test_what_shards_did_at_the_same_time_is_added_up() -> None:
    """Rates and counts are sums; the latency is the mean by the requests."""
    one = [_sample(10, sent=100, latency_p50=0.1), _sample(20, sent=100)]
    other = [_sample(10, sent=300, latency_p50=0.5, allowed=30.0)]
    first, second = samples_by_time([one, other])
    assert (first.at, first.seconds) == (_AT + timedelta(seconds=10), 10)
    assert (first.sent, first.refused, first.retried) == (400, 40, 20)
    assert first.allowed == pytest.approx(40)
    assert first.latency_p50 == pytest.approx((0.1 * 100 + 0.5 * 300) / 400)
    assert second.sent == 100
    assert second.allowed == pytest.approx(10)


def test_a_sample_that_reaches_into_two_steps_is_taken_apart() -> None:
    """By the seconds in each."""
    first, second = samples_by_time([[_sample(14, sent=100)], []])
    assert (first.sent, second.sent) == (60, 40)
    assert [first.allowed, second.allowed] == pytest.approx([6, 4])


def test_an_unknown_latency_is_none() -> None:
    """No answer came; one that is known counts alone."""
    none, some = _sample(10, latency_p50=None), _sample(10, latency_p50=0.3)
    (told,) = samples_by_time([[none], [none]])
    assert told.latency_p50 is None
    (told,) = samples_by_time([[none], [some]])
    assert told.latency_p50 == pytest.approx(0.3)
    assert mean_latency([(None, 5)]) is None
    assert mean_latency([(0.2, 0), (0.4, 0)]) == pytest.approx(0.3)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0.5, 40.0), st.integers(0, 10_000)), min_size=1, max_size=6),
        min_size=2,
        max_size=5,
    )
)
def test_nothing_is_lost_and_nothing_counted_twice(logs: list[list[tuple[float, int]]]) -> None:
    """Whenever the samples were taken: all that was sent is in a step, up to rounding."""
    made: list[list[LoggedSample]] = []
    for log in logs:
        end = 0.0
        samples = []
        for seconds, sent in log:
            end += seconds
            samples.append(_sample(end, seconds, sent))
        made.append(samples)
    told = samples_by_time(made)
    sent = sum(sent for log in logs for _, sent in log)
    assert abs(sum(sample.sent for sample in told) - sent) <= 0.5 * len(told) + 0.2
    ends = [sample.at for sample in told]
    assert ends == sorted(set(ends))
    assert all(sample.seconds == 10 for sample in told)
    assert all(math.isfinite(sample.allowed) for sample in told)


def test_a_sample_of_no_length_counts() -> None:
    """The last one of an attempt that ended at once."""
    assert sum(sample.sent for sample in samples_by_time([[_sample(3, 0.0, 7)], []])) == 7


def test_the_samples_of_all_logs_are_read(tmp_path: Path) -> None:
    """What is damaged in one of them is left out, and a part without a log has none.

    An older version counted other requests, as `accepted`.
    """
    run = split_run(tmp_path / "run", [], 3)
    text = _SAMPLE.format(at=10, sent=50)
    PartFiles(run, Shard(0, 3)).log.write_text(text + text[:40])
    nested = f'{{"event":"sample","x":{"[" * 100_000}\n'
    PartFiles(run, Shard(2, 3)).log.write_text(f"torn\n{nested}" + _SAMPLE.format(at=10, sent=7))
    logs = read_samples(find_run(run))
    assert [[sample.sent for sample in log] for log in logs] == [[50], [], [7]]
    (told,) = samples_by_time(logs)
    assert told.sent == 57
    assert told.allowed == pytest.approx(10)
