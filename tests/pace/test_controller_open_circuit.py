import pytest

from collector.core.outcome import Blame
from collector.pace import Cause, Permit
from tests.pace.sender import CAUSES, PROBE_SECONDS, RTT, START, Sender, open_circuit


def test_the_first_refusal_opens_the_circuit() -> None:
    """Only a probe is sent, after 0.2 s; the rate does not change until the circuit closes."""
    sender = Sender(50)
    sender.run(5)
    assert sender.refuse() is Blame.RATE
    assert sender.cause() is Cause.REFUSED
    assert sender.control.rate == 50
    assert sender.waits == pytest.approx(0.2)
    assert sender.news == [("blocked", {"cause": "refused", "rate": 50, "last_error": None})]


def test_refusals_of_requests_sent_before_the_circuit_opened_say_nothing_new() -> None:
    """Neither while it lasts nor when it is over."""
    sender = Sender(50)
    sender.run(5)
    first, *others = sender.sends(7)
    sender.refuse(first)
    leaves = sender.control.next_at()
    for permit in others[:3]:
        assert sender.refuse(permit) is Blame.RATE
    assert sender.control.next_at() == leaves
    sender.answer()
    rate = sender.control.rate
    for permit in others[3:]:
        assert sender.refuse(permit) is Blame.RATE
    assert sender.cause() is None
    assert sender.control.rate == rate
    assert sender.events == ["blocked", "reopened"]


def test_late_refusals_do_not_lower_the_rate_after_the_circuit_opened_again() -> None:
    """They say nothing new then either."""
    sender = Sender(50)
    sender.run(5)
    first, *others = sender.sends(40)
    sender.refuse(first)
    sender.answer()
    for permit in others:
        sender.refuse(permit)
    sender.run(1)
    rate = sender.control.rate
    sender.refuse()
    sender.answer()
    assert sender.control.rate > 0.7 * rate


def test_a_refusal_of_a_request_sent_since_opens_the_circuit_again() -> None:
    """That is news."""
    sender = Sender(50)
    sender.run(5)
    sender.refuse()
    sender.answer()
    assert sender.refuse() is Blame.RATE
    assert sender.cause() is Cause.REFUSED


@pytest.mark.parametrize(
    ("cause", "waits"),
    [
        (Cause.REFUSED, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15, 15]),
        (Cause.UNAVAILABLE, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15, 15]),
        (Cause.FAILING, [1, 2, 4, 8, 16, 30, 30]),
    ],
)
def test_probes_go_singly_at_doubling_intervals(cause: Cause, waits: list[float]) -> None:
    """From the failure of one to the next; none is sent meanwhile."""
    sender = Sender(50)
    sender.run(5)
    open_circuit(sender, cause)
    waited = []
    for _ in waits:
        waited.append(sender.waits)
        probe = sender.send()
        assert sender.control.next_at() == probe.at + PROBE_SECONDS
        sender.now += 3
        if cause is Cause.REFUSED:
            assert sender.refuse(probe) is Blame.SERVICE
        elif cause is Cause.UNAVAILABLE:
            assert sender.unavailable(probe) is Blame.SERVICE
        else:
            assert sender.fail(probe) is Blame.SERVICE
    assert waited == pytest.approx(waits)
    assert sender.cause() is cause


@CAUSES
def test_a_lost_probe_makes_way_for_another(cause: Cause) -> None:
    """What comes of it later counts no more than of any other."""
    sender = Sender(50)
    sender.run(5)
    open_circuit(sender, cause)
    lost = sender.send()
    sender.now = lost.at + 1
    assert sender.waits == pytest.approx(PROBE_SECONDS - 1)
    probe = sender.send()
    assert probe.at == pytest.approx(lost.at + PROBE_SECONDS)
    sender.answer(lost)
    sender.refuse(lost)
    sender.fail(lost)
    assert sender.cause() is cause
    assert sender.control.next_at() == probe.at + PROBE_SECONDS
    sender.answer(probe)
    assert sender.cause() is None


@CAUSES
def test_a_probe_that_was_given_back_makes_way_at_once(cause: Cause) -> None:
    """It was not sent; another permit that was released is no probe."""
    sender = Sender(50)
    other = sender.send()
    sender.run(5)
    open_circuit(sender, cause)
    probe = sender.send()
    sender.control.released(other)
    assert sender.waits == pytest.approx(PROBE_SECONDS)
    sender.control.released(probe)
    assert sender.waits < 0.05
    sender.answer()
    assert sender.cause() is None


@CAUSES
def test_answers_to_earlier_requests_do_not_close_the_circuit(cause: Cause) -> None:
    """The server has to accept a probe."""
    sender = Sender(50)
    others = sender.sends(5)
    sender.run(5)
    open_circuit(sender, cause)
    leaves = sender.control.next_at()
    for permit in others:
        sender.answer(permit)
    assert sender.cause() is cause
    assert sender.control.next_at() == leaves


@CAUSES
def test_an_urgent_request_ignores_an_open_circuit(cause: Cause) -> None:
    """At the rate, and it is no probe."""
    sender = Sender(50)
    sender.run(5)
    open_circuit(sender, cause)
    sender.control.refused(sender.control.issue_permit(sender.now), sender.now, pause=60)
    leaves = sender.control.next_at(is_urgent=True)
    assert leaves < sender.now + 0.1
    probe_at = sender.control.next_at()
    urgent = sender.control.issue_permit(leaves, is_urgent=True)
    assert urgent == Permit(leaves, -1, -1, is_paced=False)
    assert sender.control.next_at(is_urgent=True) == pytest.approx(leaves + 0.02, abs=0.03)
    assert sender.control.next_at() == probe_at


@pytest.mark.parametrize("more", [0.0, 1.0, 30.0])
def test_retry_after_pauses_all_and_is_extended_but_never_shortened(more: float) -> None:
    """Answers to requests sent before the circuit opened may ask for a longer pause, too."""
    sender = Sender(50)
    sender.run(5)
    first, second, third = sender.sends(3)
    sender.refuse(first, pause=20)
    assert sender.waits == pytest.approx(20)
    ends = sender.control.next_at()
    sender.refuse(second, pause=5)
    assert sender.control.next_at() == ends
    sender.refuse(third, pause=20 + more)
    assert sender.control.next_at() == pytest.approx(sender.now + 20 + more)
    probe = sender.send()
    sender.refuse(probe, pause=7)
    assert sender.waits == pytest.approx(7)


def test_a_pause_shorter_than_the_interval_changes_nothing() -> None:
    """`Retry-After: 0` does not permit an immediate retry."""
    sender = Sender(50)
    sender.run(5)
    sender.refuse(pause=0.001)
    assert sender.waits == pytest.approx(0.2)
    sender.refuse(pause=0.001)
    assert sender.waits == pytest.approx(0.4)


def test_retry_after_opens_the_circuit_whenever_the_request_was_sent() -> None:
    """A server that asks for a pause gets it."""
    sender = Sender(50)
    sender.run(5)
    first, second = sender.sends(2)
    sender.refuse(first)
    sender.answer()
    assert sender.cause() is None
    assert sender.refuse(second, pause=9) is Blame.RATE
    assert sender.cause() is Cause.REFUSED
    assert sender.waits == pytest.approx(9)


def test_closing_the_circuit_goes_just_below_what_was_accepted() -> None:
    """0.97 of it, and the limit is known; the news has both."""
    sender = Sender(50)
    sender.run(5)
    sender.refuse()
    sender.answer()
    assert sender.cause() is None
    assert sender.control.limit == pytest.approx(50, rel=0.01)
    assert sender.control.rate == pytest.approx(48.5, rel=0.01)
    assert sender.news[1] == (
        "reopened",
        {"blocked_for_seconds": 0.22, "rate": round(sender.control.rate, 2)},
    )
    assert sender.control.next_at() == pytest.approx(sender.now - RTT + 1 / sender.control.rate)


def test_closing_the_circuit_is_never_above_the_rate_that_was_refused() -> None:
    """Although more were accepted before, in a burst or at a higher rate."""
    sender = Sender(80)
    sender.run(5)
    sender.refuse()
    sender.answer()
    sender.run(1)
    for _ in range(3):
        refused_at = sender.control.rate
        sender.run(0.1)
        sender.refuse()
        sender.answer()
        assert sender.control.rate <= 0.97 * refused_at + 1e-9


def test_a_quota_is_what_was_accepted_in_its_time() -> None:
    """600 are used up in 12 s, then all are refused until the minute is over, and again.

    After the second such time growth comes late, and is slow.
    """
    sender = Sender(50)
    sender.run(12)
    while sender.now < START + 60:
        sender.refuse()
    refused_until = sender.now
    sender.answer()
    assert sender.control.limit == pytest.approx(600 / (refused_until - START), rel=0.01)
    sender.run(40)
    while sender.now < START + 180:
        sender.refuse()
    sender.answer()
    rate = sender.control.rate
    sender.run(119)
    assert sender.control.rate == rate
    sender.run(21)
    assert rate * 1.01 < sender.control.rate < rate * 1.03


# Hints


# Outages


def test_a_probe_that_was_accepted_and_failed_tells_the_limit_as_an_answer_does() -> None:
    """It was not refused."""
    sender = Sender(50)
    sender.run(5)
    sender.refuse()
    assert sender.fail(was_accepted=True) is Blame.CELL
    assert sender.control.rate == pytest.approx(48.5, rel=0.01)
    assert sender.events == ["blocked", "reopened"]
