from itertools import pairwise
from math import inf

import pytest

from collector.pace import Permit, RateController
from tests.pace.sender import START, Sender


@pytest.mark.parametrize(
    ("ceiling", "rate"), [(inf, 10.0), (50.0, 50.0), (5.0, 5.0), (0.001, 0.001)]
)
def test_it_starts_at_the_ceiling_or_at_10_per_second(ceiling: float, rate: float) -> None:
    """A rate that is given is trusted until it is refused."""
    control = RateController(ceiling, companies=3, probe_seconds=35)
    assert (control.rate, control.ceiling, control.limit) == (rate, ceiling, None)
    assert control.open_cause is None
    assert control.gives_up_at == inf
    assert not control.is_doubtful


def test_requests_leave_evenly_at_the_rate() -> None:
    """What is urgent is counted among them."""
    sender = Sender(50)
    first = sender.send()
    assert sender.control.next_at() == pytest.approx(first.at + 0.02)
    sender.now = sender.control.next_at()
    sender.control.issue_permit(sender.now, is_urgent=True)
    assert sender.control.next_at() == pytest.approx(first.at + 0.04)


def test_a_permit_says_what_its_result_is_worth() -> None:
    """When it was issued, how many came before, the epoch, and whether it was paced."""
    sender = Sender(50)
    assert sender.send() == Permit(START, 0, 0, is_paced=False)
    second = sender.send()
    assert second == Permit(second.at, 1, 0, is_paced=True)
    assert second.at == pytest.approx(START + 0.02, abs=1e-4)
    sender.now += 1
    assert sender.send() == Permit(second.at + 1, 2, 0, is_paced=False)
    sender.refuse()
    assert sender.send().epoch == 1


def test_slow_start_is_half_as_fast_again_every_second() -> None:
    """With no ceiling, as long as nothing is refused."""
    sender = Sender(inf)
    rates = []
    for _ in range(6):
        sender.run(1)
        rates.append(sender.control.rate)
    growth = [later / sooner for sooner, later in pairwise(rates)]
    assert growth == pytest.approx([1.5] * 5, rel=0.04)


def test_answers_to_what_did_not_leave_in_time_raise_nothing() -> None:
    """Something else than the rate holds requests back: that is local idleness, or concurrency."""
    sender = Sender(inf)
    for _ in range(100):
        sender.now = sender.control.next_at() + 1 if sender.control.next_at() > 0 else START
        sender.answer()
    assert sender.control.rate == 10.0


def test_failures_raise_nothing() -> None:
    """Fast failures would make it faster and faster."""
    sender = Sender(inf)
    for _ in range(100):
        sender.fail(company="a", was_accepted=True)
        sender.control.released(sender.send())
    assert sender.control.rate == 10.0
    assert sender.cause() is None


def test_a_first_request_that_is_refused_tells_no_limit() -> None:
    """It begins again at a quarter of the rate, by slow start."""
    sender = Sender(50)
    sender.refuse()
    sender.answer()
    assert sender.control.limit is None
    assert sender.control.rate == 12.5
    sender.run(5)
    assert sender.control.rate == 50


def test_after_the_hold_growth_is_gentle_up_to_the_band_and_brisk_beyond() -> None:
    """10 s of hold, 1 % a second, and from 1.1 times the limit 10 % a second, up to the ceiling."""
    sender = Sender(100)
    sender.run(5)
    sender.refuse()
    sender.answer()
    rate = sender.control.rate
    sender.run(9.9)
    assert sender.control.rate == rate
    sender.run(2.1)
    assert sender.control.rate == pytest.approx(rate * 1.01**2, rel=0.001)
    sender.run(60)
    assert sender.control.rate == 100

    sender = Sender(inf)
    sender.run(5)
    sender.refuse()
    sender.answer()
    limit = sender.control.limit
    assert limit is not None
    sender.run(60, until=lambda: sender.control.rate > 1.11 * limit)
    rate = sender.control.rate
    sender.run(3)
    assert sender.control.rate == pytest.approx(rate * 1.1**3, rel=0.03)


def test_without_anyone_to_notify_it_works_as_well() -> None:
    """News are optional."""
    control = RateController(50, companies=3, probe_seconds=35)
    control.refused(control.issue_permit(START), START)
    control.answered(control.issue_permit(START + 1), START + 1)
    assert control.open_cause is None
    assert control.gives_up_at == inf
