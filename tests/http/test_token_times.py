import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.http.retry import backoff
from collector.http.token_reply import renew_after, token_lifetime


@pytest.mark.parametrize(
    ("expires_in", "created_at", "server_now", "life"),
    [
        (7200, None, None, 7140),
        (7200, 1000, 1000, 7140),
        (7200, 1000, 1000.9, 7139.1),
        (7200, 1000, 4600, 3540),
        (300, None, None, 240),
        (299, None, None, 239.2),
        (100, None, None, 80),
        (100, 1000, 1050, 40),
        (5, None, None, 4),
        (4.9, None, None, 7140),
        (1, None, None, 7140),
        (0.001, None, None, 7140),
        (1e-300, None, None, 7140),
        (None, None, None, 7140),
        (0, None, None, 7140),
        (-5, None, None, 7140),
        (7200, 1000, 8199, 4),
        (None, 1000, 4600, 3540),
        (7200, 1000, None, 7140),
        (7200, None, 1000, 7140),
        (7200, 1000, 500, 7140),
        (7200, 1000, 8200, 7140),
        (7200, 1000, 9e9, 7140),
        (7200, 1.59e12, 1.59e9, 7140),
        (7200, -1e300, 1e300, 7140),
    ],
)
def test_a_token_is_used_until_shortly_before_its_end(
    expires_in: float | None, created_at: float | None, server_now: float | None, life: float
) -> None:
    """A minute before, or at 80 % of a short life; clocks that cannot be right are ignored."""
    whole = token_lifetime(expires_in, created_at, server_now)
    assert renew_after(whole) == pytest.approx(life)


ANY_MOMENT = st.none() | st.floats(-1e12, 1e12)


@given(st.none() | st.floats(allow_nan=False, allow_infinity=False), ANY_MOMENT, ANY_MOMENT)
def test_a_token_is_used_for_four_seconds_at_least(
    expires_in: float | None, created_at: float | None, server_now: float | None
) -> None:
    """And no longer than promised, if the promise can be true, whatever the clocks say."""
    life = renew_after(token_lifetime(expires_in, created_at, server_now))
    promised = expires_in if expires_in is not None and expires_in >= 5.0 else 7200.0
    assert 4.0 <= life <= promised


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_half_by_chance_and_has_a_cap(tries: int, number: float) -> None:
    """Never less than half of 0.5 s, 1 s, 2 s, ..., 30 s; a long outage does not overflow."""
    bound = 30.0 if tries > 6 else 0.5 * 2 ** (tries - 1)
    pause = backoff(tries, lambda: number, least=0.5)
    assert pause == bound * (0.5 + 0.5 * number)
    assert bound / 2 <= pause <= bound


@pytest.mark.parametrize(("number", "requests"), [(0.999999, 66), (0.5, 86), (0.0, 126)])
def test_half_an_hour_of_outage_is_a_hundred_requests(number: float, requests: int) -> None:
    """About that; a service that comes back is not met by a crowd, nor after minutes only."""
    seconds, tries = 0.0, 1
    while seconds < 1800.0:
        seconds += backoff(tries, lambda: number, least=0.5)
        tries += 1
    assert tries == requests
