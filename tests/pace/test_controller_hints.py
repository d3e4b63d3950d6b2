from math import inf

import pytest

from tests.pace.sender import RTT, Sender


def test_a_hint_that_nothing_is_left_stops_growth_until_the_reset() -> None:
    """And nothing else: neither the rate nor the next permit changes."""
    sender = Sender(inf)
    sender.run(2)
    rate, leaves = sender.control.rate, sender.control.next_at()
    sender.control.hinted(sender.now, 0, 5)
    assert (sender.control.rate, sender.control.next_at()) == (rate, leaves)
    sender.run(4.9)
    assert sender.control.rate == rate
    sender.run(1)
    assert sender.control.rate > rate


def test_a_hint_that_there_is_room_raises_nothing() -> None:
    """Growth continues as before."""
    sender, other = Sender(inf), Sender(inf)
    for one in (sender, other):
        one.run(1)
    sender.control.hinted(sender.now, 10**9, 3600)
    assert sender.control.rate == other.control.rate
    for one in (sender, other):
        one.run(1)
    assert sender.control.rate == other.control.rate


def test_a_hint_tells_when_to_look_again_after_a_refusal() -> None:
    """The probe is sent when the allowance is renewed; the hint counts for a minute at most."""
    sender = Sender(50)
    sender.run(5)
    sender.control.hinted(sender.now, 0, 8)
    expected = sender.now + 8
    sender.refuse()
    assert sender.control.next_at() == pytest.approx(expected)
    probe = sender.send()
    sender.control.hinted(sender.now, 0, 86400)
    sender.refuse(probe)
    assert sender.waits == pytest.approx(60, abs=RTT + 1e-6)


def test_a_hint_does_not_shorten_a_pause() -> None:
    """The longer one counts."""
    sender = Sender(50)
    sender.run(5)
    sender.control.hinted(sender.now, 0, 8)
    sender.refuse(pause=30)
    assert sender.waits == pytest.approx(30)


def test_a_liar_is_disbelieved_after_20_contradictions() -> None:
    """It accepts what it says there is no room for; then the rate grows as if it said nothing."""
    sender = Sender(inf)
    sender.run(1)
    rate = sender.control.rate
    for number in range(21):
        sender.control.hinted(sender.now, 0, 60)
        if number < 20:
            sender.answer()
            assert sender.control.rate == rate
    sender.answer()
    assert sender.control.rate > rate


def test_refusals_show_that_the_hints_may_be_right() -> None:
    """Contradictions before a refusal do not add up with those after it."""
    sender = Sender(50)
    for _ in range(4):
        for _ in range(9):
            sender.answer()
            sender.control.hinted(sender.now, 0, 60)
        permit = sender.send()
        sender.control.hinted(sender.now, 0, 60)
        sender.refuse(permit)
        assert sender.waits == pytest.approx(60 - RTT)
        sender.answer()


def test_a_liar_does_not_delay_a_probe() -> None:
    """A limit that it has besides what it says is found as any other."""
    sender = Sender(50)
    for _ in range(100):
        sender.answer()
        sender.control.hinted(sender.now, 0, 60)
    sender.refuse()
    assert sender.waits == pytest.approx(0.2)
