from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.fetch.retry import (
    Retry,
    RetryPolicy,
    backoff,
    is_refusal,
    is_retriable_status,
)
from collector.models import Failure, FailureKind

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def failure(
    kind: FailureKind, status: int | None = None, retry_after: float | None = None
) -> Failure:
    """Make a failure; only what decides over retries is of interest."""
    return Failure(kind, status, "message", None, retry_after, NOW, 1)


def always(number: float) -> Callable[[], float]:
    """Give "random" numbers that are known."""
    return lambda: number


HTTP_STATUSES = {
    **dict.fromkeys((408, 425, 500, 501, 502, 503, 504, 507, 520, 599), True),
    **dict.fromkeys((201, 204, 206, 304, 400, 401, 402, 403, 404, 405, 409, 410, 422, 451), False),
    **dict.fromkeys((100, 418, 499, 600), False),
}


@pytest.mark.parametrize(("status", "again"), list(HTTP_STATUSES.items()))
def test_passing_troubles_are_tried_again_by_their_status(status: int, again: bool) -> None:  # noqa: FBT001 - a table
    """408, 425 and the class 5xx pass by themselves; whatever else is the same the next time."""
    assert is_retriable_status(status) is again
    for kind in (FailureKind.HTTP, FailureKind.API_CODE):
        decision = RetryPolicy(5).decide(failure(kind, status), 0, always(0.5))
        assert decision == (Retry(0.25, counts=True) if again else None)


@pytest.mark.parametrize(
    ("kind", "status", "again"),
    [
        (FailureKind.TIMEOUT, None, True),
        (FailureKind.CONNECTION, None, True),
        (FailureKind.NOT_JSON, 200, True),
        (FailureKind.SCHEMA, 200, False),
        (FailureKind.TOO_LARGE, 200, False),
        (FailureKind.REDIRECT, 302, False),
        (FailureKind.HTTP, None, False),
        (FailureKind.API_CODE, None, False),
    ],
)
def test_other_failures_are_tried_again_by_their_kind(
    kind: FailureKind,
    status: int | None,
    again: bool,  # noqa: FBT001 - a table
) -> None:
    """What a proxy or a network does passes; what the server means does not."""
    decision = RetryPolicy(5).decide(failure(kind, status), 0, always(0.0))
    assert decision == (Retry(0.0, counts=True) if again else None)


def test_every_kind_of_failure_is_decided_on() -> None:
    """No kind, with any status, is forgotten or raises."""
    for kind in FailureKind:
        for status in (None, -1, 0, 200, 429, 503, 999, 10**30):
            RetryPolicy(2).decide(failure(kind, status), 0, always(0.5))


@pytest.mark.parametrize("kind", [FailureKind.TIMEOUT, FailureKind.NOT_JSON])
@pytest.mark.parametrize("max_attempts", [1, 2, 5, 100])
def test_max_attempts_is_how_often_a_cell_is_tried(kind: FailureKind, max_attempts: int) -> None:
    """The last permitted try is the last: 1 means no retry at all."""
    policy, tries = RetryPolicy(max_attempts), 0
    while (retry := policy.decide(failure(kind), tries, always(0.0))) is not None:
        assert retry.counts
        tries += 1
    # The try whose failure ended it was the last one.
    assert tries + 1 == max_attempts


@pytest.mark.parametrize(
    ("kind", "status", "retry_after", "is_one"),
    [
        (FailureKind.HTTP, 429, None, True),
        (FailureKind.HTTP, 429, 0.0, True),
        (FailureKind.HTTP, 429, 7.0, True),
        (FailureKind.HTTP, 503, 7.0, True),
        (FailureKind.HTTP, 503, 0.0, True),
        (FailureKind.HTTP, 503, None, False),
        (FailureKind.HTTP, 500, 7.0, False),
        (FailureKind.HTTP, 502, 7.0, False),
        (FailureKind.HTTP, 403, 7.0, False),
        (FailureKind.REDIRECT, 302, 7.0, False),
        (FailureKind.NOT_JSON, 200, 7.0, False),
        (FailureKind.TIMEOUT, None, None, False),
    ],
)
def test_a_refusal_never_counts(
    kind: FailureKind,
    status: int,
    retry_after: float | None,
    is_one: bool,  # noqa: FBT001 - a table
) -> None:
    """429, and 503 that says when to come back, cost no attempt, however often they come."""
    refused = failure(kind, status, retry_after)
    assert is_refusal(refused) is is_one
    for tries in (0, 4, 99):
        decision = RetryPolicy(1).decide(refused, tries, always(0.99))
        assert decision == (Retry(0.0, counts=False) if is_one else None)


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_backoff_is_full_jitter_up_to_a_cap(tries: int, number: float) -> None:
    """Anything from 0 to 0.5 s, 1 s, 2 s, ..., 30 s; a long row of failures does not overflow."""
    bound = 30.0 if tries > 6 else 0.5 * 2 ** (tries - 1)
    assert backoff(tries, always(number)) == number * bound


@pytest.mark.parametrize(
    ("tries", "bound"), list(enumerate((0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0), start=1))
)
def test_backoff_doubles(tries: int, bound: float) -> None:
    """The bounds as they stand in the documentation."""
    assert backoff(tries, always(1.0)) == bound


@pytest.mark.parametrize(("tries", "bound"), list(enumerate((0.5, 1.0, 2.0, 4.0))))
def test_the_delay_grows_with_the_tries_so_far(tries: int, bound: float) -> None:
    """`tries` counts those before this one, so the first failure waits half a second at most."""
    decision = RetryPolicy(10).decide(failure(FailureKind.TIMEOUT), tries, always(1.0))
    assert decision == Retry(bound, counts=True)


def test_a_delay_is_never_shorter_than_the_server_asks_for() -> None:
    """Retry-After of a 500 is a floor, not a replacement, for this cell's next try."""
    policy, error = RetryPolicy(5), failure(FailureKind.HTTP, 500, 3.0)
    assert policy.decide(error, 0, always(0.9)) == Retry(3.0, counts=True)
    assert policy.decide(error, 4 - 1, always(0.9)) == Retry(3.6, counts=True)
