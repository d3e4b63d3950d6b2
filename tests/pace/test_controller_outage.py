from collections.abc import Callable
from itertools import cycle
from math import inf

import pytest

from collector.core.outcome import Blame
from collector.pace import Cause, Permit
from tests.pace.sender import CAUSES, PATIENCE, PROBE_SECONDS, RTT, START, Sender, open_circuit


def test_8_first_tries_in_a_row_of_3_companies_that_fail_are_an_outage() -> None:
    """Only a probe is sent, after a second; the cells before were charged, this one is not."""
    sender = Sender(50)
    sender.run(5)
    blames = [sender.fail(company=company) for company in "abcabcab"]
    assert blames == [Blame.CELL] * 7 + [Blame.SERVICE]
    assert sender.cause() is Cause.FAILING
    assert sender.waits == pytest.approx(1.0)
    assert sender.news == [("blocked", {"cause": "failing", "rate": 50, "last_error": None})]


@pytest.mark.parametrize(
    ("companies", "failing", "is_outage"),
    [
        (10, "abababababab", False),
        (10, "aaaaaaaaaaaa", False),
        (2, "abababab", True),
        (1, "aaaaaaaa", True),
        (10, "abcabca", False),
    ],
)
def test_fewer_companies_than_3_or_all_are_no_outage(
    companies: int,
    failing: str,
    is_outage: bool,  # noqa: FBT001 - a table
) -> None:
    """They may be broken themselves."""
    sender = Sender(50, companies=companies)
    for company in failing:
        sender.fail(company=company)
    assert (sender.control.open_cause is Cause.FAILING) is is_outage


def test_retries_are_no_evidence_of_an_outage() -> None:
    """At the end of a run only cells that are broken are left."""
    sender = Sender(50)
    for _ in range(50):
        assert sender.fail(is_evidence=False) is Blame.CELL
        assert sender.unavailable(is_evidence=False) is not Blame.SERVICE
        if sender.control.open_cause is not None:
            sender.answer()
    assert "failing" not in [fields.get("cause") for _, fields in sender.news]


def test_an_answer_between_failures_shows_that_the_service_is_up() -> None:
    """Whenever it was requested, a late one too."""
    sender = Sender(50)
    late = sender.send()
    for _ in range(7):
        sender.fail()
    doubts = [sender.control.is_doubtful]
    sender.now = late.at + 5
    sender.answer(late)
    doubts.append(sender.control.is_doubtful)
    assert sender.fail() is Blame.CELL
    doubts.append(sender.control.is_doubtful)
    assert doubts == [True, False, False]
    assert sender.cause() is None


def test_an_outage_does_not_count_in_the_time_of_a_quota() -> None:
    """What comes after it is another cycle."""
    sender = Sender(50)
    sender.run(10)
    sender.go_down()
    while sender.now < START + 600:
        sender.fail()
    sender.answer()
    sender.run(20)
    rate = sender.control.rate
    blocked = sender.now
    while sender.now < blocked + 10:
        sender.refuse()
    sender.answer()
    assert sender.control.rate > rate / 3


def test_failures_of_what_was_sent_before_or_during_an_outage_are_the_services() -> None:
    """Also when it is over."""
    sender = Sender(50)
    sender.run(5)
    others = sender.sends(6)
    sender.go_down()
    assert sender.fail(others[0]) is Blame.SERVICE
    assert sender.unavailable(others[1]) is Blame.SERVICE
    lost = sender.send()
    sender.now += PROBE_SECONDS
    sender.answer()
    assert sender.cause() is None
    assert sender.fail(others[2]) is Blame.SERVICE
    assert sender.unavailable(others[3]) is Blame.SERVICE
    assert sender.refuse(others[4]) is Blame.RATE
    assert sender.fail(lost, was_accepted=True) in {Blame.CELL, Blame.SERVICE}
    assert sender.fail() is Blame.CELL


def test_what_flaps_continues_with_the_interval() -> None:
    """An outage within 30 s of the last one; one that comes later begins anew."""
    sender = Sender(50)
    sender.go_down()
    for _ in range(3):
        sender.fail()
    assert sender.waits == pytest.approx(8)
    sender.answer()
    sender.run(20)
    sender.go_down()
    assert sender.waits == pytest.approx(8)
    sender.fail()
    assert sender.waits == pytest.approx(16)
    sender.answer()
    sender.run(31)
    sender.go_down()
    assert sender.waits == pytest.approx(1)


def test_a_circuit_opened_by_a_refusal_does_not_flap() -> None:
    """Only outages are."""
    sender = Sender(50)
    sender.run(5)
    for _ in range(6):
        sender.refuse()
    sender.answer()
    sender.go_down()
    assert sender.waits == pytest.approx(1)


@CAUSES
def test_patience_counts_from_when_the_circuit_opened(cause: Cause) -> None:
    """Probes that fail do not prolong it, pauses neither; an answer ends it."""
    sender = Sender(50, patience=PATIENCE)
    sender.run(5)
    assert sender.control.gives_up_at == inf
    open_circuit(sender, cause)
    began = sender.now
    assert sender.control.gives_up_at == pytest.approx(began + PATIENCE)
    for _ in range(5):
        sender.refuse(pause=60)
    assert sender.control.gives_up_at == pytest.approx(began + PATIENCE)
    sender.answer()
    assert sender.control.gives_up_at == inf
    open_circuit(sender, cause)
    assert sender.control.gives_up_at == pytest.approx(sender.now + PATIENCE)


def test_after_an_outage_it_comes_back_by_slow_start() -> None:
    """From a quarter of the rate up to what it was, and the limit found before is still known."""
    sender = Sender(100)
    sender.run(5)
    sender.refuse()
    sender.answer()
    rate, limit = sender.control.rate, sender.control.limit
    sender.go_down()
    sender.fail()
    sender.fail()
    sender.answer()
    assert sender.cause() is None
    assert sender.control.rate == pytest.approx(rate / 4)
    assert sender.control.limit == limit
    assert sender.control.next_at() == pytest.approx(sender.now - RTT + 4 / rate)
    sender.run(2)
    assert sender.control.rate == pytest.approx(rate / 4 * 1.5**2, rel=0.06)
    sender.run(2)
    assert rate <= sender.control.rate < rate * 1.01


def _fail_for(sender: Sender, seconds: float, companies: str) -> list[Blame]:
    """Let every try fail for so long, one company after the other."""
    until, blames, names = sender.now + seconds, list[Blame](), cycle(companies)
    while sender.now < until:
        permit = sender.send()
        blames.append(
            sender.control.failed(
                permit, sender.now, next(names), is_evidence=False, was_accepted=True
            )
        )
    return blames


def test_when_only_failing_cells_are_left_they_are_charged_after_some_minutes() -> None:
    """A minute per company: no other cell is left that could show whether it is an outage."""
    sender = Sender(50)
    sender.run(5)
    sender.control.no_more_cells()
    blames = _fail_for(sender, 90, "abc")
    assert set(blames[:7]) == {Blame.CELL}
    assert set(blames[7:]) == {Blame.SERVICE}
    assert len(blames) < 30
    later = _fail_for(sender, 120, "abc")
    assert later[-1] is Blame.CELL
    assert sender.cause() is None
    assert "only_failing_cells_are_left" in sender.events
    assert set(_fail_for(sender, 5, "abc")) == {Blame.CELL}


_Refuse = Callable[[Sender, Permit, str], Blame]

_REFUSALS: dict[Cause, _Refuse] = {
    Cause.REFUSED: lambda sender, permit, name: sender.control.refused(permit, sender.now, name),
    Cause.UNAVAILABLE: lambda sender, permit, name: sender.control.unavailable(
        permit, sender.now, name, is_evidence=False
    ),
}


def _refuse_for(sender: Sender, seconds: float, companies: str, refuse: _Refuse) -> list[Blame]:
    """Let every request be throttled for so long, one company after the other."""
    until, blames, names = sender.now + seconds, list[Blame](), cycle(companies)
    while sender.now < until:
        blames.append(refuse(sender, sender.send(), next(names)))
    return blames


@pytest.mark.parametrize("companies", ["a", "ab"])
@pytest.mark.parametrize("refuse", _REFUSALS.values(), ids=[c.name.lower() for c in _REFUSALS])
def test_one_or_two_companies_that_are_throttled_at_the_end_are_charged(
    companies: str, refuse: _Refuse
) -> None:
    """After a minute per company, so that the run ends: no other company is left to show more."""
    sender = Sender(50)
    sender.run(5)
    sender.control.no_more_cells()
    minutes = len(companies)
    before = _refuse_for(sender, 60 * minutes - 15, companies, refuse)
    # The first 503 alone is an error.
    assert set(before[1:]) <= {Blame.RATE, Blame.SERVICE}
    assert sender.cause() is not None
    after = _refuse_for(sender, 60, companies, refuse)
    assert after[-1] is Blame.CELL
    assert sender.cause() is None
    assert "only_failing_cells_are_left" in sender.events


@pytest.mark.parametrize("refuse", _REFUSALS.values(), ids=[c.name.lower() for c in _REFUSALS])
def test_three_companies_that_are_throttled_at_the_end_are_not_charged(refuse: _Refuse) -> None:
    """The rate is the cause then, and the limit may be a quota that is renewed in an hour."""
    sender = Sender(50)
    sender.run(5)
    sender.control.no_more_cells()
    blames = _refuse_for(sender, 3600, "abc", refuse)
    assert set(blames[1:]) <= {Blame.RATE, Blame.SERVICE}
    assert sender.cause() is not None
    sender.answer()
    assert sender.cause() is None


def test_an_outage_at_the_end_is_waited_for() -> None:
    """Retries are evidence as well when no first try is left; an answer ends it."""
    sender = Sender(50)
    sender.run(5)
    sender.control.no_more_cells()
    _fail_for(sender, 50, "abcde")
    assert sender.cause() is Cause.FAILING
    sender.answer()
    assert sender.cause() is None
    assert _fail_for(sender, 0.1, "a") == [Blame.CELL] * 2


def test_one_or_two_companies_that_fail_at_the_end_are_no_outage() -> None:
    """The usual case: they are charged at once, and the run ends."""
    sender = Sender(50)
    sender.run(5)
    sender.control.no_more_cells()
    assert set(_fail_for(sender, 10, "ab")) == {Blame.CELL}
