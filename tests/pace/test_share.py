from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace import Share
from collector.pace.limiter import Schedule


@given(st.integers(2, 64), st.floats(0.1, 1000.0))
def test_all_who_begin_together_keep_the_rate_of_all(senders: int, rate: float) -> None:
    """One after the other, an interval of the whole apart, and each within its own first one."""
    share = Share.of(rate, senders)
    firsts = [share.first_after(number) for number in range(senders)]
    assert firsts == pytest.approx([(number + 1) / rate for number in range(senders)])
    assert max(firsts) <= 1.0001 / share.ceiling
    assert share.first_after(senders) == firsts[0]


def test_who_has_the_rate_alone_begins_at_once() -> None:
    """There is no other sender."""
    assert Share.of(50.0).first_after(0) == 0.0
    assert Share(inf).first_after(3) == 0.0


def test_without_a_rate_the_first_one_or_the_limit_counts() -> None:
    """What is found by others is where a new one begins."""
    assert Share.of(inf, 2).first_after(1) == pytest.approx(1 / 5.0)
    assert Share.of(inf, 2, limit=100.0).first_after(1) == pytest.approx(1 / 50.0)
    assert Share.of(40.0, 2, limit=100.0).first_after(1) == pytest.approx(1 / 20.0)


def test_a_schedule_that_is_held_lets_the_first_leave_then() -> None:
    """And continues from there as usual."""
    schedule = Schedule(10.0)
    schedule.hold(5.0)
    assert schedule.next_at == pytest.approx(5.0)
    assert schedule.depart(5.0)
    assert schedule.next_at == pytest.approx(5.1, abs=0.01)
