from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace.refusals import Hints

NOW = 1000.0


def test_nothing_is_used_up_before_anything_was_heard() -> None:
    """No header, no hint."""
    assert Hints().used_up_until() == -inf


@pytest.mark.parametrize(
    ("rate", "remaining", "reset", "until"),
    [
        (10.0, 0, 5.0, NOW + 5),
        (10.0, 49, 5.0, NOW + 5),
        (10.0, 50, 5.0, NOW + 5),
        (10.0, 51, 5.0, -inf),
        (10.0, 0, 0.0, NOW),
        (10.0, 1, 0.0, -inf),
        (0.1, 1, 5.0, -inf),
        (10.0, 0, 60.0, NOW + 60),
        (10.0, 0, 61.0, NOW + 60),
        (10.0, 4999, 3600.0, NOW + 60),
        (10.0, 0, 86400.0, NOW + 60),
    ],
)
def test_what_does_not_last_until_the_reset_is_used_up(
    rate: float, remaining: int, reset: float, until: float
) -> None:
    """At the rate in force; until the reset, but not for more than a minute."""
    hints = Hints()
    hints.update(NOW, rate, remaining, reset)
    assert hints.used_up_until() == until


def test_the_last_word_counts() -> None:
    """A hint that there is room again ends the previous one."""
    hints = Hints()
    hints.update(NOW, 10, 0, 30)
    hints.update(NOW + 1, 10, 10_000, 29)
    assert hints.used_up_until() == -inf


def lie(hints: Hints, times: int, now: float = NOW) -> None:
    """Record headers that say that nothing is left, while the server accepts requests."""
    for number in range(times + 1):
        hints.update(now + number / 10, 10, 0, 60)


def test_a_server_that_contradicts_itself_20_times_is_not_listened_to() -> None:
    """Nor is what it says later, even if it is true."""
    hints = Hints()
    lie(hints, 19)
    assert hints.used_up_until() > NOW
    hints.update(NOW + 5, 10, 5, 60)
    assert hints.used_up_until() == -inf
    hints.update(NOW + 500, 10, 0, 60)
    assert hints.used_up_until() == -inf


def test_a_refusal_takes_the_contradictions_back() -> None:
    """As long as it is listened to: the hints may be right."""
    hints = Hints()
    for _ in range(5):
        lie(hints, 15)
        assert hints.used_up_until() > NOW
        hints.refused()
    lie(hints, 20)
    assert hints.used_up_until() == -inf


def test_a_liar_that_refuses_as_well_is_still_not_listened_to() -> None:
    """20 times it accepted a request without room for it; that it has a limit was known before."""
    hints = Hints()
    lie(hints, 20)
    hints.refused()
    hints.update(NOW + 3, 10, 0, 60)
    assert hints.used_up_until() == -inf


def test_a_window_that_is_over_is_no_contradiction() -> None:
    """A request accepted after the reset, or while some are left, contradicts nothing."""
    hints = Hints()
    now = NOW
    for _ in range(50):
        hints.update(now, 10, 0, 1)
        now += 1
    assert hints.used_up_until() == now
    for left in reversed(range(50)):
        hints.update(now, 10, left, 30)
        now += 1
    assert hints.used_up_until() == now - 1 + 30


def test_what_is_left_must_become_less() -> None:
    """A server that says 100 for the next minute, a hundred times, counts something else."""
    hints = Hints()
    for number in range(20):
        hints.update(NOW + number / 10, 10, 100, 60)
        assert hints.used_up_until() > NOW
    hints.update(NOW + 2, 10, 100, 60)
    assert hints.used_up_until() == -inf


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100), st.floats(0.01, 1000), st.integers(0, 1000), st.floats(0, 86400)
        )
    )
)
def test_no_hint_stops_growth_for_more_than_a_minute(
    heard: list[tuple[float, float, int, float]],
) -> None:
    """Whatever a server says, and nothing of it raises."""
    hints, now = Hints(), NOW
    for later, rate, remaining, reset in heard:
        now += later
        hints.update(now, rate, remaining, reset)
        assert hints.used_up_until() <= now + 60
