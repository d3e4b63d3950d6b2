import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.telemetry.stats import Tally


class _Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _send(tally: Tally, clock: _Clock, rate: int, seconds: float) -> None:
    """Send evenly at `rate` requests a second for so long."""
    start = clock.now
    for number in range(int(rate * seconds)):
        clock.now = start + number / rate
        tally.request_sent(clock.now)
    clock.now = start + seconds


@pytest.mark.parametrize("start", [0.0, 1000.0, 1000.75])
@pytest.mark.parametrize("seconds", [1.0, 2.5, 5.0, 30.0])
def test_the_rate_of_an_even_stream_is_its_rate(start: float, seconds: float) -> None:
    """Whenever the run began, and however long it lasts already."""
    clock = _Clock(start)
    tally = Tally(10_000, clock=clock)
    _send(tally, clock, 40, seconds)
    assert tally.rate() == pytest.approx(40, rel=0.05)


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """What was long ago has no weight: neither a fast start nor a long pause shows for ever."""
    clock = _Clock(1000.0)
    tally = Tally(10_000, clock=clock)
    _send(tally, clock, 100, 20.0)
    _send(tally, clock, 10, 7.0)
    assert tally.rate() == pytest.approx(10, rel=0.15)
    clock.now += 100.0
    assert tally.rate() == 0.0
    _send(tally, clock, 50, 7.0)
    assert tally.rate() == pytest.approx(50, rel=0.15)
    assert tally.requests == 2000 + 70 + 350


def test_the_rate_falls_while_nothing_is_sent() -> None:
    """The display must not show the last rate for the whole of an outage."""
    clock = _Clock(1000.0)
    tally = Tally(10_000, clock=clock)
    _send(tally, clock, 100, 10.0)
    rates = [tally.rate()]
    for _ in range(6):
        clock.now += 1.0
        rates.append(tally.rate())
    assert rates == sorted(rates, reverse=True)
    assert rates[3] < 60
    assert rates[-1] == 0.0


def test_the_first_moment_shows_no_wild_rate() -> None:
    """Three requests in the first millisecond are not three thousand a second."""
    clock = _Clock(1000.9)
    tally = Tally(10, clock=clock)
    assert tally.rate() == 0.0
    for _ in range(3):
        clock.now += 0.0003
        tally.request_sent(clock.now)
    assert tally.rate() == 3.0


@given(st.floats(0.0, 1e6), st.lists(st.floats(0.0, 3.0), max_size=200))
def test_the_rate_is_bounded_by_what_was_sent(start: float, gaps: list[float]) -> None:
    """It is at least what came in the last five seconds, and counts nothing older than six."""
    clock = _Clock(start)
    tally = Tally(1, clock=clock)
    sent: list[float] = []
    for gap in gaps:
        clock.now += gap
        tally.request_sent(clock.now)
        sent.append(clock.now)
        in_five = sum(at > clock.now - 5.0 for at in sent)
        in_six = sum(at >= clock.now - 6.0 - 1e-6 for at in sent)
        assert in_five / 6.0 - 1e-6 <= tally.rate() <= in_six
    assert tally.requests == len(gaps)


def test_requests_of_a_long_run_are_not_kept() -> None:
    """Memory does not grow with the time: only the last seconds are remembered."""
    clock = _Clock(0.0)
    tally = Tally(1, clock=clock)
    for _ in range(1000):
        clock.now += 1.0
        tally.request_sent(clock.now)
    kept = max(len(value) for value in vars(tally).values() if hasattr(value, "__len__"))
    assert kept < 20


def test_answers_are_counted_by_status_with_their_latency() -> None:
    """All that are no refusals because of the rate are accepted, errors too."""
    tally = Tally(10)
    assert tally.accepted == 0
    for status, seconds in [(200, 0.1), (200, 0.1), (500, 2.0), (429, 0.01), (503, 0.01)]:
        tally.answered(status, seconds)
    tally.refused += 2
    tally.broken[FailureKind.TIMEOUT] += 1
    assert tally.statuses == {200: 2, 500: 1, 429: 1, 503: 1}
    assert tally.accepted == 3
    assert tally.latencies.count == 5
    assert tally.latencies.longest == 2.0
    assert tally.latencies.percentile(0.5) == pytest.approx(0.1, rel=0.025)


def test_seconds_count_from_the_beginning() -> None:
    """Of the tally, which is that of the run."""
    clock = _Clock(50.0)
    tally = Tally(1, clock=clock)
    assert tally.seconds == 0.0
    clock.now = 62.5
    assert tally.seconds == 12.5


def test_the_time_left_follows_from_the_cells_done() -> None:
    """Unknown before the first one; failed cells are done as well; nothing is left at the end."""
    clock = _Clock(100.0)
    tally = Tally(10, clock=clock)
    clock.now = 120.0
    assert tally.seconds_left() is None
    tally.cells.update({CellState.DATA: 2, CellState.EMPTY: 1, CellState.FAILED: 1})
    tally.failure_kinds[FailureKind.HTTP] += 1
    assert tally.done == 4
    assert tally.seconds_left() == pytest.approx(30.0)
    tally.cells[CellState.DATA] += 6
    assert tally.seconds_left() == 0.0


def test_nothing_planned_has_no_time_left_to_tell() -> None:
    """And no division by zero."""
    tally = Tally(0, clock=_Clock(1.0))
    assert (tally.done, tally.seconds_left(), tally.rate()) == (0, None, 0.0)


def test_states_of_cells_are_pinned() -> None:
    """They stand in the manifest, in `status --json`, and behind `--fail-on`."""
    assert [state.value for state in CellState] == ["data", "empty", "failed", "missing"]


def test_what_earlier_attempts_answered_is_done_and_not_missing() -> None:
    """Of a run that goes on, done are those found and those of this attempt, failed ones too."""
    tally = Tally(100, clock=_Clock(0.0))
    assert (tally.done, tally.missing) == (0, 100)
    tally.kept.update({CellState.DATA: 30, CellState.EMPTY: 10})
    assert (tally.done, tally.missing) == (40, 60)
    tally.cells.update({CellState.DATA: 5, CellState.EMPTY: 4, CellState.FAILED: 1})
    assert (tally.done, tally.missing) == (50, 50)


def test_the_time_left_goes_by_the_pace_of_this_attempt() -> None:
    """What was found done took no time now: it neither speeds the guess up nor begins it."""
    clock = _Clock(0.0)
    tally = Tally(1000, clock=clock)
    tally.kept[CellState.DATA] = 900
    clock.now = 10.0
    assert tally.seconds_left() is None
    tally.cells[CellState.DATA] = 10
    assert tally.seconds_left() == pytest.approx(90.0)


def test_the_average_rate_is_that_of_the_whole_attempt() -> None:
    """The first request opens the count; with one or none there is no rate yet."""
    clock = _Clock(100.0)
    tally = Tally(1000, clock=clock)
    assert tally.average_rate() == 0.0
    tally.request_sent(clock.now)
    clock.now += 1.0
    assert tally.average_rate() == 0.0
    _send(tally, clock, 20, 10.0)
    assert tally.average_rate() == pytest.approx(200 / 11)
