from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.http.reuse import ReusePolicy


def test_a_server_is_tried_with_one_request_for_each_connection() -> None:
    """Until an answer declares the close that was asked for."""
    policy = ReusePolicy(0.0)
    assert (policy.is_single, policy.is_last(0, 0.0)) == (True, True)
    policy.confirmed(0.1)
    assert (policy.is_single, policy.is_last(0, 0.1)) == (False, False)
    assert policy.is_last(1, 0.1)


def test_the_limit_doubles_with_each_confirmed_connection() -> None:
    """Up to 256 requests."""
    policy = ReusePolicy(0.0)
    limits = list[int]()
    for _ in range(10):
        limits.append(next(sent + 1 for sent in range(1000) if policy.is_last(sent, 0.0)))
        policy.confirmed(0.0)
    assert limits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 256]


def test_an_answer_is_held_for_a_second_and_a_tenth_of_the_session() -> None:
    """For ten seconds at most, and for three quarters of that at least."""
    policy = ReusePolicy(100.0, limit=256)
    for now, longest in ((100.0, 1.0), (110.0, 2.0), (190.0, 10.0), (1000.0, 10.0)):
        held_until = policy.hold_until(now)
        assert not policy.is_last(1, now + longest * 0.75 - 0.01, held_until)
        assert policy.is_last(1, now + longest + 0.01, held_until)


def test_connections_that_begin_together_are_not_replaced_together() -> None:
    """Of 64 no more than two end in any hundredth of the last quarter of that time."""
    policy = ReusePolicy(0.0, limit=256)
    ends = sorted(policy.hold_until(1.0) for _ in range(64))
    assert (ends[0] > 1.0 + 1.1 * 0.75, ends[-1] <= 1.0 + 1.1) == (True, True)
    gaps = [later - earlier for earlier, later in pairwise(ends)]
    assert min(gaps) > 0.001
    assert max(gaps) < 0.012


def test_answers_that_wait_take_bounded_memory() -> None:
    """A connection whose answers have 1 MiB together serves one more request."""
    policy = ReusePolicy(0.0, limit=256)
    assert not policy.is_last(1, 0.0, held_bytes=1024 * 1024 - 1)
    assert policy.is_last(1, 0.0, held_bytes=1024 * 1024)


def test_a_lost_connection_lowers_the_limit_until_half_a_minute_has_passed() -> None:
    """To less than the requests that it has served: a server may allow no more."""
    policy = ReusePolicy(0.0, limit=256)
    policy.lost(100, 10.0)
    policy.confirmed(11.0)
    assert not policy.is_last(97, 11.0)
    assert policy.is_last(98, 11.0)
    policy.confirmed(41.0)
    assert not policy.is_last(98, 41.0)


def test_a_server_that_declares_nothing_gets_single_requests() -> None:
    """For the rest of the session."""
    policy = ReusePolicy(0.0, limit=256)
    policy.undeclared()
    policy.confirmed(1.0)
    assert policy.is_single
    assert policy.is_last(0, 100.0)


def test_ten_single_answers_in_a_row_without_attribution_are_hopeless() -> None:
    """Whereas on a shared connection the next try is alone, and may succeed."""
    policy = ReusePolicy(0.0, limit=256)
    for _ in range(20):
        policy.out_of_step(was_alone=False)
    for _ in range(9):
        policy.out_of_step(was_alone=True)
    policy.confirmed(0.0)
    for _ in range(9):
        policy.out_of_step(was_alone=True)
    assert not policy.is_hopeless
    policy.out_of_step(was_alone=True)
    assert policy.is_hopeless


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300), st.floats(0.0, 1e6))))
def test_the_limit_stays_between_1_and_256(events: list[tuple[bool, int, float]]) -> None:
    """Whatever happens."""
    policy = ReusePolicy(0.0)
    for is_confirmed, sent, now in events:
        policy.confirmed(now) if is_confirmed else policy.lost(sent, now)
        assert policy.is_last(255, now)
