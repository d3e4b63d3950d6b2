"""What is worth another try, and when: pure decisions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from collector.models import Failure, FailureKind

__all__ = [
    "Retry",
    "RetryPolicy",
    "backoff",
    "is_refusal",
    "is_retriable_status",
    "parse_http_date",
    "parse_retry_after",
]

_BASE_SECONDS: Final = 0.5
_CAP_SECONDS: Final = 30.0
_LONGEST_RETRY_AFTER: Final = 3600.0
_RETRIABLE_4XX: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_RETRIABLE_KINDS: Final = frozenset(
    {FailureKind.TIMEOUT, FailureKind.CONNECTION, FailureKind.NOT_JSON}
)
"""A page of HTML under a 200 is a proxy or a maintenance page, and those pass; an answer of the
wrong shape, too large, or a redirect is the same the next time."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay` seconds; `counts` says whether the try is one of the attempts."""

    delay: float
    counts: bool


def is_retriable_status(status: int) -> bool:
    """Say whether a status tells of a passing trouble: 408, 425, 429, and the class 5xx."""
    return status in _RETRIABLE_4XX or status // 100 == 5  # noqa: PLR2004 - the class 5xx


def is_refusal(failure: Failure) -> bool:
    """Say whether the server refused because of the rate, which slows everyone down.

    That is a 429, or a 503 that says when to come back (RFC 9110, section 15.6.4).
    """
    if failure.kind is not FailureKind.HTTP:
        return False
    return failure.status == HTTPStatus.TOO_MANY_REQUESTS or (
        failure.status == HTTPStatus.SERVICE_UNAVAILABLE and failure.retry_after is not None
    )


def backoff(tries: int, random: Callable[[], float]) -> float:
    """Return the seconds to wait after the given number of failed tries (1 or more).

    Exponential backoff with full jitter: anything from 0 to 0.5 s, 1 s, 2 s, ... 30 s.
    Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    # The exponent is bounded so that a long row of failures cannot overflow.
    return random() * min(_CAP_SECONDS, _BASE_SECONDS * 2.0 ** min(tries - 1, 16))


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header: seconds, or an HTTP date. None when it says nothing usable.

    The result is between 0 and an hour (RFC 9110, section 10.2.3 gives the two forms).
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        # More digits than a float can hold are still just "very long".
        return min(float(value[:12]), _LONGEST_RETRY_AFTER)
    moment = parse_http_date(value)
    if moment is None:
        return None
    return min(max(moment - now.timestamp(), 0.0), _LONGEST_RETRY_AFTER)


def parse_http_date(value: str) -> float | None:
    """Read an HTTP date (RFC 9110, section 5.6.7) as epoch seconds; None when it is none."""
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Decides what follows a failure: another try, or the end for this cell."""

    max_attempts: int

    def decide(self, failure: Failure, tries: int, random: Callable[[], float]) -> Retry | None:
        """Return the next try, or None to give up.

        `tries` is how many tries have counted so far, this one not included. `random` gives
        numbers from 0 up to 1.
        """
        if is_refusal(failure):
            # The gate is closed for everyone; the cell itself has nothing to wait for.
            return Retry(delay=0.0, counts=False)
        if not self._is_retriable(failure) or tries + 1 >= self.max_attempts:
            return None
        delay = max(backoff(tries + 1, random), failure.retry_after or 0.0)
        return Retry(delay=delay, counts=True)

    @staticmethod
    def _is_retriable(failure: Failure) -> bool:
        if failure.kind in {FailureKind.HTTP, FailureKind.API_CODE}:
            return is_retriable_status(failure.status or 0)
        return failure.kind in _RETRIABLE_KINDS
