from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.outcome import Blame, Failure, FailureKind, Meaning
from collector.http.meaning import meaning_of
from collector.http.retry import (
    Retry,
    RetryPolicy,
    backoff,
    is_outage_evidence,
    is_worth_retry,
)

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def failure(kind: FailureKind, status: int | None = None, blame: Blame = Blame.CELL) -> Failure:
    """Make a failure; only what decides over retries is of interest."""
    meaning = meaning_of(kind, status)
    return Failure(kind, status, "message", None, NOW, 1, blame, meaning=meaning)


def always(number: float) -> Callable[[], float]:
    """Give "random" numbers that are known."""
    return lambda: number


@pytest.mark.parametrize("meaning", list(Meaning))
def test_what_may_pass_is_tried_again(meaning: Meaning) -> None:
    """Not what is definitive, and not a company that is denied."""
    again = meaning not in {Meaning.DEFINITIVE, Meaning.DENIED}
    failed = replace(failure(FailureKind.HTTP), meaning=meaning)
    assert is_worth_retry(failed) is again
    decision = RetryPolicy(5).decide(failed, 0, 0, always(0.5))
    assert decision == (Retry(0.25, counts=True) if again else None)


@pytest.mark.parametrize("meaning", list(Meaning))
def test_some_failures_may_mean_an_outage(meaning: Meaning) -> None:
    """Not those that the service itself has decided over."""
    expected = meaning in {Meaning.TRANSIENT, Meaning.UNAVAILABLE, Meaning.RATE_LIMITED}
    assert is_outage_evidence(replace(failure(FailureKind.HTTP), meaning=meaning)) is expected


@pytest.mark.parametrize(("asked", "waits"), [(0.0, 0.25), (1.0, 1.0), (86400.0, 300.0)])
def test_an_answer_that_is_not_ready_is_waited_for(asked: float, waits: float) -> None:
    """As long as the server asks, five minutes at most; other failures do not wait for that."""
    failed = replace(failure(FailureKind.HTTP, 202), retry_after=asked)
    assert RetryPolicy(5).decide(failed, 0, 0, always(0.5)) == Retry(waits, counts=True)
    failed = replace(failed, meaning=Meaning.TRANSIENT)
    assert RetryPolicy(5).decide(failed, 0, 0, always(0.5)) == Retry(0.25, counts=True)


FAILURES = st.builds(
    failure,
    st.sampled_from(FailureKind),
    st.none() | st.sampled_from([-1, 0, 200, 404, 429, 500, 503, 999, 10**30]),
)
COUNTS = st.integers(0, 10**6)
NUMBERS = st.floats(0, 1, exclude_max=True)


@given(FAILURES, st.integers(1, 100), COUNTS, COUNTS, st.sampled_from(Blame), NUMBERS)
def test_every_failure_is_decided_on(  # noqa: PLR0913, PLR0917 - one of everything
    failed: Failure, attempts: int, tries: int, throttled_tries: int, blame: Blame, number: float
) -> None:
    """None is forgotten or raises; delays are no longer than the longest backoff."""
    decision = RetryPolicy(attempts).decide(
        replace(failed, blame=blame), tries, throttled_tries, always(number)
    )
    assert decision is None or 0.0 <= decision.delay <= 30.0


@pytest.mark.parametrize("kind", [FailureKind.TIMEOUT, FailureKind.NOT_JSON])
@pytest.mark.parametrize("max_attempts", [1, 2, 5, 100])
def test_max_attempts_is_how_often_a_cell_is_tried(kind: FailureKind, max_attempts: int) -> None:
    """The last permitted try is the last: 1 means no retry at all."""
    policy, tries = RetryPolicy(max_attempts), 0
    while (retry := policy.decide(failure(kind), tries, 0, always(0.0))) is not None:
        assert retry.counts
        tries += 1
    # The try whose failure ended it was the last one.
    assert tries + 1 == max_attempts


@given(FAILURES, st.integers(1, 100), COUNTS, COUNTS, NUMBERS)
def test_what_the_service_is_to_blame_for_never_counts(
    failed: Failure, attempts: int, tries: int, throttled_tries: int, number: float
) -> None:
    """In an outage no cell is given up, however often it is tried; the gate waits for all."""
    decision = RetryPolicy(attempts).decide(
        replace(failed, blame=Blame.SERVICE), tries, throttled_tries, always(number)
    )
    assert decision == Retry(0.0, counts=False)


@given(FAILURES, st.integers(1, 100), COUNTS, COUNTS, NUMBERS)
def test_what_the_rate_is_to_blame_for_is_spared_ten_times(
    failed: Failure, attempts: int, tries: int, throttled_tries: int, number: float
) -> None:
    """A cell that is throttled more often while others are accepted counts as one that fails."""
    policy = RetryPolicy(attempts)
    refused = replace(failed, blame=Blame.RATE)
    decision = policy.decide(refused, tries, throttled_tries, always(number))
    if throttled_tries < 10:
        assert decision == Retry(0.0, counts=False)
    else:
        assert decision == policy.decide(failed, tries, 0, always(number))


@given(FAILURES, st.integers(1, 100), COUNTS, COUNTS, NUMBERS)
def test_what_the_cell_is_to_blame_for_counts(
    failed: Failure, attempts: int, tries: int, throttled_tries: int, number: float
) -> None:
    """Whatever it was spared before; up to the last attempt, and if it may pass."""
    decision = RetryPolicy(attempts).decide(failed, tries, throttled_tries, always(number))
    if is_worth_retry(failed) and tries + 1 < attempts:
        assert decision == Retry(backoff(tries + 1, always(number)), counts=True)
    else:
        assert decision is None


@pytest.mark.parametrize("max_attempts", [1, 5])
def test_a_cell_that_is_always_refused_comes_to_an_end(max_attempts: int) -> None:
    """After ten tries that were spared and `max_attempts` that were not."""
    refused = failure(FailureKind.HTTP, 429, Blame.RATE)
    policy, tries, throttled_tries = RetryPolicy(max_attempts), 0, 0
    while (retry := policy.decide(refused, tries, throttled_tries, always(0.0))) is not None:
        tries += retry.counts
        throttled_tries += not retry.counts
    assert (tries + 1, throttled_tries) == (max_attempts, 10)


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_backoff_is_full_jitter_up_to_a_cap(tries: int, number: float) -> None:
    """Anything from 0 to 0.5 s, 1 s, 2 s, ..., 30 s; a long row of failures does not overflow."""
    bound = 30.0 if tries > 6 else 0.5 * 2 ** (tries - 1)
    assert backoff(tries, always(number)) == number * bound


@pytest.mark.parametrize(
    ("tries", "bound"), list(enumerate((0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0), start=1))
)
def test_backoff_doubles(tries: int, bound: float) -> None:
    """The bounds as they are in the documentation."""
    assert backoff(tries, always(1.0)) == bound


@pytest.mark.parametrize(("tries", "bound"), list(enumerate((0.5, 1.0, 2.0, 4.0))))
def test_the_delay_grows_with_the_tries_so_far(tries: int, bound: float) -> None:
    """`tries` counts those before this one, so the first failure waits half a second at most."""
    decision = RetryPolicy(10).decide(failure(FailureKind.TIMEOUT), tries, 0, always(1.0))
    assert decision == Retry(bound, counts=True)
