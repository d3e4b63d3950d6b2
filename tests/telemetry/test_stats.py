import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.telemetry.stats import RunStats


class _Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _send(stats: RunStats, clock: _Clock, rate: int, seconds: float) -> None:
    """Send evenly at `rate` requests per second for so long."""
    start = clock.now
    for number in range(int(rate * seconds)):
        clock.now = start + number / rate
        stats.request_sent()
    clock.now = start + seconds


@pytest.mark.parametrize("start", [0.0, 1000.0, 1000.75])
@pytest.mark.parametrize("seconds", [1.0, 2.5, 5.0, 30.0])
def test_the_rate_of_an_even_stream_is_its_rate(start: float, seconds: float) -> None:
    """Whenever the run began, and however long it lasts already."""
    clock = _Clock(start)
    stats = RunStats(10_000, clock=clock)
    _send(stats, clock, 40, seconds)
    assert stats.rate() == pytest.approx(40, rel=0.05)


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """What was long ago has no weight: neither a fast start nor a long pause shows for ever."""
    clock = _Clock(1000.0)
    stats = RunStats(10_000, clock=clock)
    _send(stats, clock, 100, 20.0)
    _send(stats, clock, 10, 7.0)
    assert stats.rate() == pytest.approx(10, rel=0.15)
    clock.now += 100.0
    assert stats.rate() == 0.0
    _send(stats, clock, 50, 7.0)
    assert stats.rate() == pytest.approx(50, rel=0.15)
    assert stats.requests == 2000 + 70 + 350


def test_the_rate_falls_while_nothing_is_sent() -> None:
    """The display must not show the last rate for the whole of an outage."""
    clock = _Clock(1000.0)
    stats = RunStats(10_000, clock=clock)
    _send(stats, clock, 100, 10.0)
    rates = [stats.rate()]
    for _ in range(6):
        clock.now += 1.0
        rates.append(stats.rate())
    assert rates == sorted(rates, reverse=True)
    assert rates[3] < 60
    assert rates[-1] == 0.0


def test_the_first_moment_shows_no_wild_rate() -> None:
    """Three requests in the first millisecond are not three thousand a second."""
    clock = _Clock(1000.9)
    stats = RunStats(10, clock=clock)
    assert stats.rate() == 0.0
    for _ in range(3):
        clock.now += 0.0003
        stats.request_sent()
    assert stats.rate() == 3.0


@given(st.floats(0.0, 1e6), st.lists(st.floats(0.0, 3.0), max_size=200))
def test_the_rate_is_bounded_by_what_was_sent(start: float, gaps: list[float]) -> None:
    """It is at least what came in the last five seconds, and counts nothing older than six."""
    clock = _Clock(start)
    stats = RunStats(1, clock=clock)
    sent: list[float] = []
    for gap in gaps:
        clock.now += gap
        stats.request_sent()
        sent.append(clock.now)
        in_five = sum(at > clock.now - 5.0 for at in sent)
        in_six = sum(at >= clock.now - 6.0 - 1e-6 for at in sent)
        assert in_five / 6.0 - 1e-6 <= stats.rate() <= in_six
    assert stats.requests == len(gaps)


def test_requests_of_a_long_run_are_not_kept() -> None:
    """Memory does not grow with the time: only the last seconds are remembered."""
    clock = _Clock(0.0)
    stats = RunStats(1, clock=clock)
    for _ in range(1000):
        clock.now += 1.0
        stats.request_sent()
    kept = max(len(value) for value in vars(stats).values() if hasattr(value, "__len__"))
    assert kept < 20


def test_answers_are_counted_by_status_with_their_latency() -> None:
    """Of any status."""
    stats = RunStats(10)
    for status, seconds in [(200, 0.1), (200, 0.1), (500, 2.0), (429, 0.01), (503, 0.01)]:
        stats.answered(status, seconds)
    assert stats.statuses == {200: 2, 500: 1, 429: 1, 503: 1}
    assert stats.latencies.count == 5
    assert stats.latencies.longest == 2.0
    assert stats.latencies.percentile(0.5) == pytest.approx(0.1, rel=0.025)


def test_each_request_that_has_ended_is_one_of_three() -> None:
    """It was answered, rate-limited, or it failed: the parts add up to what was sent."""
    stats = RunStats(10)
    assert stats.failed == 0
    for _ in range(9):
        stats.request_sent()
    for status in (200, 200, 200, 500, 429, 503):
        stats.answered(status, 0.1)
    stats.broken[FailureKind.TIMEOUT] += 1
    stats.resent = 1
    # One 200 was no valid answer, and one request is in flight.
    stats.good, stats.refused, stats.in_flight = 2, 2, 1
    assert stats.failed == 4
    assert stats.good + stats.refused + stats.failed + stats.in_flight == stats.requests
    stats.in_flight = 0
    assert stats.failed == 5


def test_seconds_count_from_the_beginning() -> None:
    """Of the stats, which are those of the run."""
    clock = _Clock(50.0)
    stats = RunStats(1, clock=clock)
    assert stats.seconds == 0.0
    clock.now = 62.5
    assert stats.seconds == 12.5


def test_the_time_left_follows_from_the_cells_done() -> None:
    """Unknown before the first one; failed cells are done as well; nothing is left at the end."""
    clock = _Clock(100.0)
    stats = RunStats(10, clock=clock)
    clock.now = 120.0
    assert stats.seconds_left() is None
    stats.cells.update({CellState.DATA: 2, CellState.EMPTY: 1, CellState.FAILED: 1})
    stats.failure_kinds[FailureKind.HTTP] += 1
    assert stats.done == 4
    assert stats.seconds_left() == pytest.approx(30.0)
    stats.cells[CellState.DATA] += 6
    assert stats.seconds_left() == 0.0


def test_nothing_planned_has_no_time_left_to_tell() -> None:
    """And no division by zero."""
    stats = RunStats(0, clock=_Clock(1.0))
    assert (stats.done, stats.seconds_left(), stats.rate()) == (0, None, 0.0)


def test_states_of_cells_are_pinned() -> None:
    """They are in the manifest, in `status --json`, and behind `--fail-on`."""
    assert [state.value for state in CellState] == ["data", "empty", "failed", "missing"]


def test_what_earlier_attempts_answered_is_done_and_not_missing() -> None:
    """In a resumed run, done are those found and those of this invocation, failed ones too."""
    stats = RunStats(100, clock=_Clock(0.0))
    assert (stats.done, stats.missing) == (0, 100)
    stats.kept.update({CellState.DATA: 30, CellState.EMPTY: 10})
    assert (stats.done, stats.missing) == (40, 60)
    stats.cells.update({CellState.DATA: 5, CellState.EMPTY: 4, CellState.FAILED: 1})
    assert (stats.done, stats.missing) == (50, 50)


def test_the_time_left_goes_by_the_pace_of_this_attempt() -> None:
    """What was found done took no time now: it neither speeds the guess up nor begins it."""
    clock = _Clock(0.0)
    stats = RunStats(1000, clock=clock)
    stats.kept[CellState.DATA] = 900
    clock.now = 10.0
    assert stats.seconds_left() is None
    stats.cells[CellState.DATA] = 10
    assert stats.seconds_left() == pytest.approx(90.0)


def test_the_average_rate_is_that_of_the_whole_attempt() -> None:
    """The first request opens the count; with one or none there is no rate yet."""
    clock = _Clock(100.0)
    stats = RunStats(1000, clock=clock)
    assert stats.average_rate() == 0.0
    stats.request_sent()
    clock.now += 1.0
    assert stats.average_rate() == 0.0
    _send(stats, clock, 20, 10.0)
    assert stats.average_rate() == pytest.approx(200 / 11)


def test_what_follows_the_end_is_no_time_of_the_run() -> None:
    """Neither in its duration nor in its average rate."""
    clock = _Clock(0.0)
    stats = RunStats(100, clock=clock)
    _send(stats, clock, 10, 5.0)
    rate = stats.average_rate()
    stats.end()
    clock.now += 5.0
    assert stats.seconds == 5.0
    assert stats.average_rate() == rate
