import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace.circuit import Cause, OpenCircuit

SINCE = 1000.0
LOST_AFTER = 35.0


def open_circuit(cause: Cause = Cause.REFUSED, interval: float | None = None) -> OpenCircuit:
    """Open the circuit."""
    return OpenCircuit(cause, SINCE, cause.first if interval is None else interval, LOST_AFTER)


@pytest.mark.parametrize(
    ("cause", "waits"),
    [
        (Cause.REFUSED, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0]),
        (Cause.UNAVAILABLE, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0]),
        (Cause.FAILING, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
    ],
)
def test_probes_that_fail_come_at_doubling_intervals(cause: Cause, waits: list[float]) -> None:
    """Counted from when the one before failed, not from when it left; up to the longest."""
    block, now, waited = open_circuit(cause), SINCE, list[float]()
    for _ in waits:
        waited.append(block.next_at - now)
        block.depart(block.next_at)
        now = block.next_at - LOST_AFTER + 3.0
        block.probe_failed(now)
        assert block.closed_until == now
    assert waited == pytest.approx(waits)
    assert block.since == SINCE


def test_a_blockade_may_begin_with_a_longer_interval() -> None:
    """An outage that flaps goes on where it was."""
    block = open_circuit(Cause.FAILING, 16.0)
    assert block.next_at == SINCE + 16.0
    block.depart(block.next_at)
    block.probe_failed(SINCE + 16.1)
    assert block.next_at == pytest.approx(SINCE + 16.1 + 30.0)


def test_while_a_probe_is_on_its_way_no_other_leaves() -> None:
    """Not before it is given up for lost; a lost probe does not lengthen the interval."""
    block = open_circuit()
    block.depart(SINCE + 0.2)
    assert block.is_probe(SINCE + 0.2)
    assert block.next_at == SINCE + 0.2 + LOST_AFTER
    block.depart(SINCE + 36.0)
    assert not block.is_probe(SINCE + 0.2)
    assert block.is_probe(SINCE + 36.0)
    assert block.interval == 0.2


def test_nothing_is_a_probe_before_one_has_left_or_after_it_came_back() -> None:
    """What left before the blockade is none either."""
    block = open_circuit()
    assert not block.is_probe(SINCE)
    block.depart(SINCE + 1)
    assert not block.is_probe(SINCE)
    block.probe_failed(SINCE + 2)
    assert not block.is_probe(SINCE + 1)


def test_a_probe_that_was_given_back_makes_way_at_once() -> None:
    """It says nothing: neither the interval nor the end of what is known moves."""
    block = open_circuit()
    block.depart(SINCE + 0.3)
    block.probe_released()
    assert block.next_at == SINCE + 0.2
    assert (block.interval, block.closed_until) == (0.2, SINCE)
    assert not block.is_probe(SINCE + 0.3)


@given(st.lists(st.floats(0, 3600), max_size=10))
def test_a_pause_is_extended_and_never_shortened(pauses: list[float]) -> None:
    """The latest of all ends counts, whichever is said first."""
    block = open_circuit()
    for pause in pauses:
        block.pause_until(SINCE + pause)
    assert block.next_at == max([SINCE + 0.2, *(SINCE + pause for pause in pauses)])
    assert block.closed_until == max([SINCE, *(SINCE + pause for pause in pauses)])


def test_a_failed_probe_does_not_shorten_a_pause() -> None:
    """Nor does a pause shorten the interval, nor the time that a probe has."""
    block = open_circuit()
    block.pause_until(SINCE + 60)
    block.depart(SINCE + 60)
    assert block.next_at == SINCE + 60 + LOST_AFTER
    block.pause_until(SINCE + 120)
    assert block.next_at == SINCE + 120
    block.probe_failed(SINCE + 61)
    assert block.next_at == block.closed_until == SINCE + 120
