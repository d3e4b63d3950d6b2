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
    """Counted from the failure of the last probe, not from its sending; up to the longest."""
    circuit, now, waited = open_circuit(cause), SINCE, list[float]()
    for _ in waits:
        waited.append(circuit.next_at - now)
        circuit.probe_sent(circuit.next_at)
        now = circuit.next_at - LOST_AFTER + 3.0
        circuit.probe_failed(now)
        assert circuit.refused_until == now
    assert waited == pytest.approx(waits)
    assert circuit.since == SINCE


def test_a_circuit_may_open_with_a_longer_interval() -> None:
    """An outage that flaps continues with its last interval."""
    circuit = open_circuit(Cause.FAILING, 16.0)
    assert circuit.next_at == SINCE + 16.0
    circuit.probe_sent(circuit.next_at)
    circuit.probe_failed(SINCE + 16.1)
    assert circuit.next_at == pytest.approx(SINCE + 16.1 + 30.0)


def test_while_a_probe_is_on_its_way_no_other_leaves() -> None:
    """Not before it is given up for lost; a lost probe does not lengthen the interval."""
    circuit = open_circuit()
    circuit.probe_sent(SINCE + 0.2)
    assert circuit.is_probe(SINCE + 0.2)
    assert circuit.next_at == SINCE + 0.2 + LOST_AFTER
    circuit.probe_sent(SINCE + 36.0)
    assert not circuit.is_probe(SINCE + 0.2)
    assert circuit.is_probe(SINCE + 36.0)
    assert circuit.interval == 0.2


def test_nothing_is_a_probe_before_one_has_left_or_after_it_came_back() -> None:
    """A request sent before the circuit opened is none either."""
    circuit = open_circuit()
    assert not circuit.is_probe(SINCE)
    circuit.probe_sent(SINCE + 1)
    assert not circuit.is_probe(SINCE)
    circuit.probe_failed(SINCE + 2)
    assert not circuit.is_probe(SINCE + 1)


def test_a_probe_that_was_given_back_makes_way_at_once() -> None:
    """It says nothing: neither the interval nor the end of what is known moves."""
    circuit = open_circuit()
    circuit.probe_sent(SINCE + 0.3)
    circuit.probe_released()
    assert circuit.next_at == SINCE + 0.2
    assert (circuit.interval, circuit.refused_until) == (0.2, SINCE)
    assert not circuit.is_probe(SINCE + 0.3)


@given(st.lists(st.floats(0, 3600), max_size=10))
def test_a_pause_is_extended_and_never_shortened(pauses: list[float]) -> None:
    """The latest of all ends counts, whichever is said first."""
    circuit = open_circuit()
    for pause in pauses:
        circuit.pause_until(SINCE + pause)
    assert circuit.next_at == max([SINCE + 0.2, *(SINCE + pause for pause in pauses)])
    assert circuit.refused_until == max([SINCE, *(SINCE + pause for pause in pauses)])


def test_a_failed_probe_does_not_shorten_a_pause() -> None:
    """Nor does a pause shorten the interval, nor the time that a probe has."""
    circuit = open_circuit()
    circuit.pause_until(SINCE + 60)
    circuit.probe_sent(SINCE + 60)
    assert circuit.next_at == SINCE + 60 + LOST_AFTER
    circuit.pause_until(SINCE + 120)
    assert circuit.next_at == SINCE + 120
    circuit.probe_failed(SINCE + 61)
    assert circuit.next_at == circuit.refused_until == SINCE + 120
