"""Readers of `Retry-After` and of rate limit headers.

Malformed headers are ignored, absurd values are bounded, and nothing here raises.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final, NamedTuple

from multidict import istr

from collector.core.text import span_text

__all__ = [
    "LONGEST_PAUSE",
    "RateAllowance",
    "RetryAfter",
    "parse_http_date",
    "read_rate_allowance",
    "read_retry_after",
    "says_none_left",
]

LONGEST_PAUSE: Final = 3600.0
"""Longest pause in seconds that a `Retry-After` can ask for."""

_LONGEST_RESET: Final = 86400.0
_EPOCH_SECONDS: Final = 10.0**9
_LARGEST_COUNT: Final = 10.0**15  # up to here a float holds every whole number
# ASCII only: float() alone would take signs, exponents, underscores, NaN and foreign digits.
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
# RFC 9651, section 3.3.3; possessive, its end optional: one pass, whatever a header holds.
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?')

# They are looked up in every answer, nearly always without a result; a multidict finds an istr in
# half the time that it takes for a str.
_TRIPLES: Final = tuple(
    (istr(f"{prefix}-Remaining"), istr(f"{prefix}-Reset"), istr(f"{prefix}-Limit"))
    for prefix in ("RateLimit", "X-RateLimit", "X-Rate-Limit")
)
_FIRST_HEADERS: Final = (istr("RateLimit"), *(remaining for remaining, _, _ in _TRIPLES))


class RetryAfter(NamedTuple):
    """A `Retry-After` header: the pause in seconds, 0 to `LONGEST_PAUSE`; None when ignored.

    `problem` says why the header was capped or ignored. It has no text of the header, which may
    hold a secret.
    """

    seconds: float | None
    problem: str | None


class RateAllowance(NamedTuple):
    """Requests that are left, and for how many seconds (0 to a day).

    `limit` is the number of requests per window, if the server states it.
    """

    remaining: int
    reset_seconds: float
    limit: int | None


def parse_http_date(value: str) -> float | None:
    """Read an HTTP date (RFC 9110, section 5.6.7) as epoch seconds; None when it is malformed."""
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None


def read_retry_after(
    value: str | None, now: datetime, server_date: str | None = None
) -> RetryAfter | None:
    """Read a `Retry-After` header: seconds, or an HTTP date (RFC 9110, section 10.2.3).

    None when there is no header. Fractions are accepted: some servers send them. A date in the
    past is 0 seconds. Dates are compared with `server_date`, the answer's `Date` header, because
    the local clock may be wrong; with `now` only if that is missing or malformed.
    """
    if value is None:
        return None
    value = value.strip(" \t")
    seconds = _number(value)
    if seconds is None:
        moment = parse_http_date(value)
        if moment is None:
            return RetryAfter(None, "it is ignored: neither seconds nor an HTTP date")
        seconds = max(moment - _epoch_seconds(now, server_date), 0.0)
    if seconds > LONGEST_PAUSE:
        return RetryAfter(LONGEST_PAUSE, f"it is capped at {span_text(LONGEST_PAUSE)}")
    return RetryAfter(seconds, None)


def _epoch_seconds(now: datetime, server_date: str | None) -> float:
    """Return the time of an answer: its `Date` header if it can be read, else `now`."""
    moment = None if server_date is None else parse_http_date(server_date)
    return now.timestamp() if moment is None else moment


def read_rate_allowance(headers: Mapping[str, str], now: datetime) -> RateAllowance | None:
    """Read how many requests the server still allows; None when no header is usable.

    In order of preference: `RateLimit` (draft-ietf-httpapi-ratelimit-headers, from 07 on), the
    `RateLimit-Remaining` family (the same draft up to 06), and `X-RateLimit-Remaining` or
    `X-Rate-Limit-Remaining`, as GitHub and X (Twitter) send them. A form that cannot be read
    counts as absent: these are hints.
    """
    if headers.keys().isdisjoint(_FIRST_HEADERS):
        return None
    get = headers.get
    # Most resets are relative, and reading a date takes as long as all the rest.
    clock = partial(_epoch_seconds, now, get("Date"))
    # A list may come in several header lines (RFC 9110, section 5.3); get() sees one.
    lines = [value for name, value in headers.items() if name.lower() == "ratelimit"]
    allowance = _structured(", ".join(lines), clock)
    for remaining, reset, limit in _TRIPLES:
        if allowance is None:
            allowance = _allowance(get(remaining), get(reset), get(limit), clock)
    return allowance


def says_none_left(headers: Mapping[str, str]) -> bool:
    """Return whether a header says that no request is left, whether or not it says for how long."""
    return any(_count(headers.get(remaining)) == 0 for remaining, _, _ in _TRIPLES)


def _structured(field: str, clock: Callable[[], float]) -> RateAllowance | None:
    """Read a `RateLimit` field; of several policies, the one with the least left per second.

    Drafts 08 and later have a list, `"default";r=50;t=30`; a policy without `t` is ignored.
    Draft 07 has a dictionary, `limit=100, remaining=50, reset=30`.
    """
    # The names of the policies are not used, and may hold commas and semicolons.
    members = [member.split(";") for member in _STRING.sub("", field).split(",")]
    whole = _pairs([member[0] for member in members])
    if "remaining" in whole:
        return _allowance(whole["remaining"], whole.get("reset"), whole.get("limit"), clock)
    read = (_allowance(one.get("r"), one.get("t"), None, clock) for one in map(_pairs, members))
    return min((one for one in read if one is not None), key=_allowed_rate, default=None)


def _pairs(parts: list[str]) -> dict[str, str]:
    """Return `key=value` parts as a dictionary; the last of a key counts (RFC 9651, 3.1.2)."""
    split = (part.strip(" \t").partition("=") for part in parts)
    return {key: value for key, _, value in split}


def _allowed_rate(allowance: RateAllowance) -> tuple[float, float]:
    """Return a sort key, tightest allowance first: requests per second, then the later end."""
    remaining, seconds, _ = allowance
    return (remaining / seconds if seconds else math.inf, -seconds)


def _allowance(
    remaining: str | None, reset: str | None, limit: str | None, clock: Callable[[], float]
) -> RateAllowance | None:
    """Return an allowance if `remaining` and `reset` are valid; an invalid `limit` becomes None."""
    left = _count(remaining)
    seconds = _reset_seconds(reset, clock)
    if left is None or seconds is None:
        return None
    # Up to draft 06 the policies may follow the limit: `100, 100;w=60`.
    return RateAllowance(left, seconds, _count(re.split("[,;]", limit or "")[0]))


def _reset_seconds(text: str | None, clock: Callable[[], float]) -> float | None:
    """Return the seconds until a reset, 0 to a day; None when the value is invalid.

    Over a billion it is a time since 1970 in seconds (GitHub), over a trillion in milliseconds;
    up to a day in the past is 0, because the window is over.
    """
    seconds = _number(text)
    if seconds is not None and seconds > _EPOCH_SECONDS:
        seconds = seconds / (1000 if seconds > 1000 * _EPOCH_SECONDS else 1) - clock()
    if seconds is None or abs(seconds) > _LONGEST_RESET:
        return None
    return max(seconds, 0.0)


def _count(text: str | None) -> int | None:
    """Return a whole number, 0 or more. A fraction (Reddit sends `99.0`) is rounded down."""
    number = _number(text)
    return None if number is None or number > _LARGEST_COUNT else int(number)


def _number(text: str | None) -> float | None:
    """Return a decimal number, 0 or more; infinity when a float cannot hold it."""
    text = "" if text is None else text.strip(" \t")
    return float(text) if _NUMBER.fullmatch(text) else None
