import pytest

from collector.core.outcome import Blame
from collector.pace import Cause
from tests.pace.sender import Sender, open_circuit

# Blame

REFUSED, UNAVAILABLE, FAILED, ACCEPTED = "refused", "unavailable", "failed", "accepted"

BLAMES = [
    (None, False, REFUSED, Blame.RATE, Cause.REFUSED),
    (None, False, UNAVAILABLE, Blame.CELL, None),
    (None, False, FAILED, Blame.CELL, None),
    (None, False, ACCEPTED, Blame.CELL, None),
    (Cause.REFUSED, False, REFUSED, Blame.RATE, Cause.REFUSED),
    (Cause.REFUSED, False, UNAVAILABLE, Blame.RATE, Cause.REFUSED),
    (Cause.REFUSED, False, FAILED, Blame.CELL, Cause.REFUSED),
    (Cause.REFUSED, False, ACCEPTED, Blame.CELL, Cause.REFUSED),
    (Cause.REFUSED, True, REFUSED, Blame.SERVICE, Cause.REFUSED),
    (Cause.REFUSED, True, UNAVAILABLE, Blame.SERVICE, Cause.REFUSED),
    (Cause.REFUSED, True, FAILED, Blame.SERVICE, Cause.REFUSED),
    (Cause.REFUSED, True, ACCEPTED, Blame.CELL, None),
    (Cause.UNAVAILABLE, False, REFUSED, Blame.RATE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, False, UNAVAILABLE, Blame.RATE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, False, FAILED, Blame.CELL, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, False, ACCEPTED, Blame.CELL, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, True, REFUSED, Blame.SERVICE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, True, UNAVAILABLE, Blame.SERVICE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, True, FAILED, Blame.SERVICE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, True, ACCEPTED, Blame.CELL, None),
    (Cause.FAILING, False, REFUSED, Blame.RATE, Cause.FAILING),
    (Cause.FAILING, False, UNAVAILABLE, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, False, FAILED, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, False, ACCEPTED, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, True, REFUSED, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, True, UNAVAILABLE, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, True, FAILED, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, True, ACCEPTED, Blame.SERVICE, Cause.FAILING),
]


@pytest.mark.parametrize(("cause", "is_probe", "what", "blame", "then"), BLAMES)
def test_to_whom_a_try_is_charged(
    cause: Cause | None,
    is_probe: bool,  # noqa: FBT001 - a table
    what: str,
    blame: Blame,
    then: Cause | None,
) -> None:
    """By what happened, whether it was the probe, and why the circuit is open; and what is then.

    A probe that fails is charged to the service, and the circuit stays open. If a refusal opened
    it, a probe that is accepted and fails closes it: then the failure is charged to the cell.
    """
    sender = Sender(50)
    other = sender.send()
    sender.run(5)
    if cause is not None:
        open_circuit(sender, cause)
    permit = sender.send() if is_probe else other
    leaves = sender.control.next_at()
    charged = {
        REFUSED: lambda: sender.refuse(permit),
        UNAVAILABLE: lambda: sender.unavailable(permit),
        FAILED: lambda: sender.fail(permit),
        ACCEPTED: lambda: sender.fail(permit, was_accepted=True),
    }[what]()
    assert (charged, sender.control.open_cause) == (blame, then)
    if cause is not None and not is_probe:
        assert sender.control.next_at() == leaves
