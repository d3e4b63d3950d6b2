"""Meaning of an answer that is not a valid one: one table. Pure decisions.

Servers, proxies and gateways say one thing in many ways, such as "too fast" as 429, as 403 with
`Retry-After`, or as code 429 within a 200. What follows from a meaning is decided elsewhere:
`collector.http.client` reports it to the gate, `collector.http.retry` decides over the retry.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from collector.core.outcome import FailureKind, Meaning
from collector.http.rate_headers import RateAllowance, says_none_left

__all__ = ["Signs", "is_page", "is_throttle_page", "meaning_of", "signs_of"]


class Signs(NamedTuple):
    """What an answer says beside its status.

    * `asks_pause`: it has a usable `Retry-After`.
    * `is_used_up`: a rate header says that no request is left.
    * `is_page`: its body is a page of HTML, so it comes from a proxy or a firewall.
    * `is_throttle_page`: its body says in its own way that the client was too fast.
    """

    asks_pause: bool = False
    is_used_up: bool = False
    is_page: bool = False
    is_throttle_page: bool = False


_NO_SIGNS: Final = Signs()


def signs_of(
    headers: Mapping[str, str],
    body: bytes,
    *,
    pause: float | None,
    allowance: RateAllowance | None,
) -> Signs:
    """Return the signs of an answer, of whose headers a pause (seconds) and a rate were read."""
    return Signs(
        asks_pause=pause is not None,
        is_used_up=(says_none_left(headers) if allowance is None else allowance.remaining == 0),
        is_page=is_page(headers, body),
        is_throttle_page=is_throttle_page(body),
    )


_BY_KIND: Final = {
    FailureKind.TIMEOUT: Meaning.TRANSIENT,
    FailureKind.CONNECTION: Meaning.TRANSIENT,
    # A page of HTML with status 200 comes from a proxy or is about maintenance, which passes.
    FailureKind.NOT_JSON: Meaning.TRANSIENT,
    FailureKind.REDIRECT: Meaning.DENIED,
}

_BY_STATUS: Final = {
    202: Meaning.NOT_READY,
    401: Meaning.UNAUTHORIZED,
    403: Meaning.DENIED,
    408: Meaning.TRANSIENT,
    420: Meaning.RATE_LIMITED,  # Twitter once, and gateways since
    425: Meaning.NOT_READY,
    429: Meaning.RATE_LIMITED,
    503: Meaning.UNAVAILABLE,
    509: Meaning.RATE_LIMITED,  # Apache and cPanel: bandwidth limit exceeded
    529: Meaning.RATE_LIMITED,  # too many requests for the service as a whole
}
_CLIENT_ERROR: Final = 4
_SERVER_ERROR: Final = 5


def meaning_of(kind: FailureKind, status: int | None, signs: Signs = _NO_SIGNS) -> Meaning:
    """Return what a failure means.

    `status` is that of HTTP, or the `code` of an envelope in a 200, which means the same. It is
    None if no answer came.
    """
    if kind in {FailureKind.NOT_JSON, FailureKind.REDIRECT} and signs.asks_pause:
        return Meaning.RATE_LIMITED
    if status is None or kind not in {FailureKind.HTTP, FailureKind.API_CODE}:
        return _BY_KIND.get(kind, Meaning.DEFINITIVE)
    known = _BY_STATUS.get(status)
    if known is None and status // 100 == _SERVER_ERROR:
        known = Meaning.TRANSIENT
    if _is_rate_limited(status, known, signs):
        return Meaning.RATE_LIMITED
    if known is None and signs.is_page and status // 100 == _CLIENT_ERROR:
        return Meaning.DENIED
    return known or Meaning.DEFINITIVE


def _is_rate_limited(status: int, known: Meaning | None, signs: Signs) -> bool:
    """Return whether what an answer says beside its status means that it was too early."""
    is_error = status // 100 in {_CLIENT_ERROR, _SERVER_ERROR}
    if not is_error or known in {Meaning.UNAUTHORIZED, Meaning.NOT_READY}:
        return False
    # The last answer within a limit says too that nothing is left: a 404 stays a 404 then.
    may_be = known in {Meaning.DENIED, Meaning.UNAVAILABLE, Meaning.TRANSIENT}
    return signs.asks_pause or (may_be and (signs.is_used_up or signs.is_throttle_page))


_MOST_READ: Final = 4096
_THROTTLE_MARKS: Final = (b"error code: 1015", b"error 1015")
"""What Cloudflare writes when a rule of its customer limits the rate:
https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/
"""


def is_page(headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether an answer is a page of HTML."""
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html":
        return True
    beginning = body[:_MOST_READ].lstrip()[:_LONGEST_TAG].lower()
    return beginning.startswith((b"<!doctype html", b"<html"))


_LONGEST_TAG: Final = 16


def is_throttle_page(body: bytes) -> bool:
    """Return whether the beginning of a body says that the client was too fast."""
    beginning = body[:_MOST_READ].lower()
    return any(mark in beginning for mark in _THROTTLE_MARKS)
