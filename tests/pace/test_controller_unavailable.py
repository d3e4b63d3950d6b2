from collections.abc import Iterator
from math import inf

import pytest

from collector.core.outcome import Blame
from collector.pace import Cause
from tests.pace.sender import START, Sender


def test_a_single_503_is_an_error_and_a_pair_is_a_refusal() -> None:
    """A limiter answers so; the first one is the cell's, the second the rate's."""
    sender = Sender(50)
    sender.run(5)
    assert sender.unavailable() is Blame.CELL
    assert sender.cause() is None
    sender.run(0.5)
    assert sender.unavailable() is Blame.RATE
    assert sender.cause() is Cause.UNAVAILABLE
    assert sender.waits == pytest.approx(0.2)
    assert sender.news == [("blocked", {"cause": "unavailable", "rate": 50, "last_error": None})]
    sender.answer()
    assert sender.control.rate == pytest.approx(48.5, rel=0.03)


def test_503s_that_are_far_apart_are_errors() -> None:
    """However many."""
    sender = Sender(50)
    for _ in range(20):
        sender.run(2.1)
        assert sender.unavailable() is Blame.CELL
    assert sender.news == []


def test_between_a_503_and_the_next_growth_waits() -> None:
    """It may be the first of the limit's."""
    sender = Sender(inf)
    sender.run(4)
    rate = sender.control.rate
    assert sender.unavailable() is Blame.CELL
    sender.run(1.9)
    assert sender.control.rate == rate
    sender.run(0.5)
    assert sender.control.rate > rate


def test_503s_of_requests_sent_before_the_circuit_opened_do_not_open_it_again() -> None:
    """They say nothing new."""
    sender = Sender(50)
    sender.run(5)
    first, *others = sender.sends(6)
    sender.refuse(first)
    for permit in others[:2]:
        assert sender.unavailable(permit) is Blame.RATE
    sender.answer()
    for permit in others[2:]:
        sender.unavailable(permit)
    assert sender.cause() is None
    assert sender.unavailable() is Blame.CELL
    assert sender.events == ["blocked", "reopened"]


def alarm_falsely(sender: Sender) -> Iterator[Blame]:
    """Let pairs of 503s come every 3 seconds, 7 of them."""
    for _ in range(7):
        sender.unavailable()
        yield sender.unavailable()
        if sender.control.open_cause is not None:
            sender.answer()
        sender.run(3)


def test_six_cuts_in_a_row_for_503s_are_a_false_alarm() -> None:
    """Whatever the rate, they keep coming: the rate before all of them is restored."""
    sender = Sender(inf)
    sender.run(4)
    rate = sender.control.rate
    blames = list(alarm_falsely(sender))
    assert blames == [Blame.RATE] * 6 + [Blame.CELL]
    assert sender.news[-1] == ("status_503_is_no_refusal", {"rate": round(rate, 2)})
    assert sender.control.limit is None
    assert sender.control.rate >= rate


def test_after_a_false_alarm_pairs_of_503s_are_errors_for_a_minute() -> None:
    """While they keep coming, that is; then a pair is a refusal again."""
    # With an end to its rate: in a minute without one it would send tens of thousands.
    sender = Sender(60)
    sender.run(4)
    assert list(alarm_falsely(sender))[-1] is Blame.CELL
    for _ in range(5):
        assert sender.unavailable() is Blame.CELL
        assert sender.unavailable() is Blame.CELL
        sender.run(10)
    assert sender.cause() is None
    sender.run(11)
    assert sender.unavailable() is Blame.CELL
    assert sender.unavailable() is Blame.RATE


def test_after_a_false_alarm_the_restored_rate_counts_at_once() -> None:
    """For the next permit, that is; and it is not above the ceiling."""
    sender = Sender(50)
    sender.run(4)
    for _ in range(6):
        sender.meet_503s()
        sender.answer()
        sender.run(3)
    sender.unavailable()
    permit = sender.send()
    left = sender.control.next_at() - 1 / sender.control.rate
    assert sender.control.rate < 49
    sender.unavailable(permit)
    assert sender.control.rate == 50
    assert sender.control.next_at() == pytest.approx(left + 1 / 50)


def test_503s_that_last_are_an_outage_rather_than_a_quota() -> None:
    """Accepted requests over such a long time would give a tiny rate: it restarts at a quarter."""
    sender = Sender(50)
    sender.run(5)
    sender.meet_503s()
    while sender.now < START + 300:
        assert sender.unavailable() is Blame.SERVICE
    sender.answer()
    assert sender.control.rate == pytest.approx(12.5)
    assert sender.control.limit is None
    sender.run(6)
    assert sender.control.rate == 50


def test_429s_that_last_are_a_quota() -> None:
    """The other way round: a quota of an hour is no outage."""
    sender = Sender(50)
    sender.run(10)
    sender.refuse()
    while sender.now < START + 300:
        assert sender.refuse() is Blame.SERVICE
    sender.answer()
    assert sender.control.rate == pytest.approx(0.97 * 500 / 290, rel=0.1)


def test_an_outage_that_is_met_while_refused_is_no_quota() -> None:
    """Probes without an answer were not throttled; afterwards work resumes within a minute."""
    sender = Sender(50)
    sender.run(60)
    sender.refuse()
    while sender.now < START + 1800:
        assert sender.fail() is Blame.SERVICE
    sender.answer()
    sender.run(60)
    assert sender.control.rate > 40


def test_single_503s_are_evidence_of_an_outage_like_other_failures() -> None:
    """When they are not taken for refusals."""
    sender = Sender(50)
    for _ in range(7):
        assert sender.fail() is Blame.CELL
    assert sender.unavailable() is Blame.SERVICE
    assert sender.cause() is Cause.FAILING


def test_a_ban_that_returns_is_not_a_false_alarm() -> None:
    """However often all requests meet 503s for seconds, the rate is not restored."""
    sender = Sender(5)
    sender.run(5)
    for _ in range(8):
        sender.meet_503s()
        until = sender.now + 5
        while sender.now < until:
            assert sender.unavailable() is Blame.SERVICE
        sender.answer()
        sender.run(10)
    assert set(sender.events) == {"blocked", "reopened"}
