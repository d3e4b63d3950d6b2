import pytest

from collector.http.faults import Fault, Nature
from collector.http.limits import wait_ends_at
from collector.http.silence import Silence
from collector.pace import RateController


def open_circuit(patience: float) -> RateController:
    """Open the circuit at 100 seconds, by an outage."""
    control = RateController(1e6, companies=3, probe_seconds=35.0, patience=patience)
    for number in range(8):
        permit = control.issue_permit(100.0)
        control.failed(permit, 100.0, str(number), is_evidence=True, was_accepted=False)
    assert control.open_cause is not None
    return control


@pytest.mark.parametrize("is_first", [False, True])
def test_patience_ends_after_the_result_of_a_probe_that_is_in_flight(*, is_first: bool) -> None:
    """In an outage of an hour as before the first answer: its last probe may be answered."""
    patience = 60.0
    control = open_circuit(1e9 if is_first else patience)
    silence = Silence(patience=patience) if is_first else Silence()
    if is_first:
        silence.sent(100.0)
        for _ in range(8):
            silence.failed(Fault("connection refused", Nature.TRANSIENT))
    assert wait_ends_at(control, silence) == 160.0
    probe = control.issue_permit(120.0)
    # It would count as lost before patience ends.
    assert wait_ends_at(control, silence) == 160.0
    control.failed(probe, 121.0, "1", is_evidence=True, was_accepted=False)
    assert wait_ends_at(control, silence) == 160.0
    last = control.issue_permit(159.0)
    assert wait_ends_at(control, silence) == 159.0 + 35.0
    control.failed(last, 189.0, "1", is_evidence=True, was_accepted=False)
    assert wait_ends_at(control, silence) == 160.0


def test_nothing_ends_while_the_circuit_is_closed() -> None:
    """Nor does a request in flight."""
    control = RateController(1e6, companies=3, probe_seconds=35.0, patience=60.0)
    control.issue_permit(100.0)
    assert wait_ends_at(control, Silence()) == float("inf")
