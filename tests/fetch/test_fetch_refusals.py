import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.fetch.refusals import Refusals

HALF_AN_HOUR = 1800.0


def refused_at_once(refusals: Refusals, now: float, retry_after: float | None = None) -> float:
    """Take note of a request that was sent now and refused in no time."""
    return refusals.refused(sent_at=now, now=now, retry_after=retry_after)


def test_pauses_double_up_to_a_minute() -> None:
    """Each refusal of a request sent after the last pause makes the next one twice as long."""
    refusals, now, pauses = Refusals(), 100.0, list[float]()
    for _ in range(10):
        pauses.append(refused_at_once(refusals, now))
        now += pauses[-1]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_a_thousand_refusals_in_a_row_do_not_overflow() -> None:
    """The pause stays at a minute."""
    refusals, now, pause = Refusals(), 0.0, 0.0
    for _ in range(5000):
        pause = refused_at_once(refusals, now)
        now += pause
    assert pause == 60.0


def test_requests_under_way_when_a_pause_begins_say_nothing_new() -> None:
    """Thirty refusals of one moment are one pause, and they do not start it anew."""
    refusals = Refusals()
    assert refusals.refused(sent_at=9.9, now=10.0, retry_after=None) == 0.5
    for step in range(30):
        now = 10.0 + step / 100
        left = refusals.refused(sent_at=9.0 + step / 100, now=now, retry_after=None)
        assert left == pytest.approx(10.5 - now)
    assert refusals.refused(sent_at=9.0, now=11.0, retry_after=None) == 0.0
    assert refusals.refused(sent_at=10.5, now=11.0, retry_after=None) == 1.0


def test_something_accepted_starts_anew() -> None:
    """The next pause is the shortest again."""
    refusals = Refusals()
    assert refused_at_once(refusals, 0.0) == 0.5
    assert refused_at_once(refusals, 1.0) == 1.0
    refusals.accepted(sent_at=2.0)
    assert refused_at_once(refusals, 3.0) == 0.5


def test_an_answer_to_a_request_from_before_the_pause_says_nothing_new() -> None:
    """It was let in before the limit was met."""
    refusals = Refusals()
    assert refused_at_once(refusals, 10.0) == 0.5
    refusals.accepted(sent_at=9.9)
    assert refused_at_once(refusals, 10.5) == 1.0


@pytest.mark.parametrize(
    ("retry_after", "pause"), [(None, 0.5), (0.0, 0.5), (0.4, 0.5), (7.0, 7.0), (3600.0, 3600.0)]
)
def test_what_the_server_asks_for_is_a_floor(retry_after: float | None, pause: float) -> None:
    """Retry-After lengthens a pause, it never shortens one."""
    assert refused_at_once(Refusals(), 10.0, retry_after) == pause


def test_a_later_word_of_the_server_lengthens_a_running_pause() -> None:
    """Even from a request that was under way; the pause then lasts until there."""
    refusals = Refusals()
    assert refused_at_once(refusals, 10.0) == 0.5
    assert refusals.refused(sent_at=9.9, now=10.1, retry_after=5.0) == 5.0
    assert refusals.refused(sent_at=9.9, now=10.1, retry_after=1.0) == 5.0
    # Sent within the pause, so nothing new; sent at its end, a new one.
    assert refusals.refused(sent_at=15.0, now=15.1, retry_after=None) == pytest.approx(0.0)
    assert refusals.refused(sent_at=15.2, now=15.2, retry_after=None) == 1.0


def test_half_an_hour_of_nothing_but_refusals_is_hopeless() -> None:
    """Counted from the first refusal, in virtual time."""
    refusals, now = Refusals(), 50.0
    assert not refusals.hopeless(now)
    while now - 50.0 <= HALF_AN_HOUR:
        assert not refusals.hopeless(now)
        now += refused_at_once(refusals, now)
    assert refusals.hopeless(now)


def test_hope_begins_anew_with_something_accepted() -> None:
    """The half hour is counted from the next refusal."""
    refusals = Refusals()
    refused_at_once(refusals, 0.0)
    refusals.accepted(sent_at=1000.0)
    assert not refusals.hopeless(10_000.0)
    refused_at_once(refusals, 10_000.0)
    assert not refusals.hopeless(10_000.0 + HALF_AN_HOUR)
    assert refusals.hopeless(10_000.0 + HALF_AN_HOUR + 1.0)


def test_a_server_that_lets_some_in_after_every_pause_is_not_hopeless() -> None:
    """Accepted answers take longer than refusals, so each comes after the refusal behind it.

    After every pause one request is let in, the next one, 0.1 s later, is refused at once; the
    answer of the first comes after a second. That is a slow server with a limit, and no outage.
    """
    refusals, now = Refusals(), 0.0
    refused_at_once(refusals, now)
    for _ in range(3600):
        opens = now + refusals.refused(sent_at=float("-inf"), now=now, retry_after=None)
        pause = refused_at_once(refusals, opens + 0.1)
        refusals.accepted(sent_at=opens)
        assert not refusals.hopeless(opens + 1.0)
        now = opens + max(pause, 1.0)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 10), st.none() | st.floats(0, 3600)), max_size=30
    )
)
def test_a_pause_is_always_a_sane_number(story: list[tuple[float, float, float | None]]) -> None:
    """From 0 to an hour, and at least what the server asked for."""
    refusals, now = Refusals(), 0.0
    for elapsed, age, retry_after in story:
        now += elapsed
        pause = refusals.refused(sent_at=now - age, now=now, retry_after=retry_after)
        assert (retry_after or 0.0) - 1e-6 <= pause <= 3600.0 + 1e-6
