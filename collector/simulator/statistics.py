"""Made-up statistics: a keyed hash of seed, company and day, and sums of it.

Nothing is stored. The counters of one day are drawn from
`blake2b(key=seed, "day number/company id")`, so every window is exactly the sum of its days,
whichever way a range is cut, and every run with the same seed meets the same data.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import Final, TypeAlias, TypedDict

__all__ = ["Statistics", "statistics_of", "statistics_of_days"]

_DAYS_CACHED: Final = 16_384
"""Days of companies that are kept (some MiB when full), for windows that overlap or are retried."""

_LARGEST_EXPONENT: Final = 12
"""A company plans between 1 and about 2 ** 12 notifications in one campaign."""


class Statistics(TypedDict):
    """The `data` of an answer, spelled and ordered as the vendor documents it."""

    total: int
    sended: int
    pending: int
    fails: int
    actions: dict[str, int]
    campaign: int


_Day: TypeAlias = tuple[int, int, int, int, int, int, int, int]
"""sended, pending, fails, received, pressed, closed, unknown, campaign; a plain tuple, because
the garbage collector does not keep track of plain tuples of integers."""

_ZEROS: Final[_Day] = (0, 0, 0, 0, 0, 0, 0, 0)


def statistics_of(
    seed: int, company_id: str, first: date, last: date, *, empty_share: float = 0.0
) -> Statistics:
    """Sum the days from `first` to `last`, both included; zeros if `first` is after `last`.

    `seed` is 0 or more and below 2**63. `empty_share` (0 to 1) is the share of companies that
    are without campaigns on every day. Takes about 3 microseconds a day, less for days met
    before.
    """
    days = range(first.toordinal(), last.toordinal() + 1)
    return statistics_of_days(seed, company_id, days, empty_share=empty_share)


def statistics_of_days(
    seed: int, company_id: str, days: Iterable[int], *, empty_share: float = 0.0
) -> Statistics:
    """Sum the given days, which are proleptic Gregorian ordinals (`date.toordinal()`).

    * `total` is `sended` + `pending` + `fails`; every day has at least one `campaign`, and
      every campaign at least one notification.
    * The actions together are never more than `sended`. `RECEIVED`, `PRESS_ACTION` and
      `UNKNOWN` are always there, `CLOSED` only if it is not zero, as in the vendor's samples.
    """
    values = [_ZEROS]
    if not _is_empty(seed, company_id, empty_share):
        values += [_day(seed, company_id, day) for day in days]
    sended, pending, fails, received, pressed, closed, unknown, campaign = map(
        sum, zip(*values, strict=True)
    )
    actions = {"RECEIVED": received, "PRESS_ACTION": pressed}
    if closed:
        actions["CLOSED"] = closed
    actions["UNKNOWN"] = unknown
    return {
        "total": sended + pending + fails,
        "sended": sended,
        "pending": pending,
        "fails": fails,
        "actions": actions,
        "campaign": campaign,
    }


def _draws(seed: int, text: str) -> bytes:
    """Draw 16 bytes that depend on nothing but the arguments."""
    return blake2b(text.encode(), key=seed.to_bytes(8, "big"), digest_size=16).digest()


def _is_empty(seed: int, company_id: str, empty_share: float) -> bool:
    """Tell whether the company has no campaigns; a larger share only adds companies."""
    if empty_share <= 0.0:
        return False
    draw = int.from_bytes(_draws(seed, f"empty/{company_id}")[:8], "big")
    return draw < empty_share * 2**64


@lru_cache(maxsize=_DAYS_CACHED)
def _day(seed: int, company_id: str, ordinal: int) -> _Day:
    """Make one day: 1 to 3 campaigns of a size that is the company's own.

    Of the notifications up to 6 % are pending and 2 to 17 % fail. Of those sent 5 to 25 % are
    pressed, up to 10 % closed and up to 2 % unknown; 50 to 99 % of the rest are received.
    """
    size = _size(seed, company_id)
    draws = _draws(seed, f"{ordinal}/{company_id}")
    campaign = 1 + draws[0] % 3
    total = campaign * max(1, size * (128 + draws[1]) // 256)
    pending = total * (draws[2] % 64) // 1000
    fails = total * (20 + draws[3] % 151) // 1000
    sended = total - pending - fails
    pressed = sended * (50 + draws[4] % 201) // 1000
    closed = sended * (draws[5] % 101) // 1000
    unknown = sended * (draws[6] % 21) // 1000
    received = (sended - pressed - closed - unknown) * (500 + 2 * (draws[7] % 246)) // 1000
    return sended, pending, fails, received, pressed, closed, unknown, campaign


@lru_cache(maxsize=_DAYS_CACHED // 8)
def _size(seed: int, company_id: str) -> int:
    """Notifications that the company plans in one campaign: few are large, most are small."""
    draws = _draws(seed, f"size/{company_id}")
    exponent = _LARGEST_EXPONENT * int.from_bytes(draws[:4], "big") / 2**32
    return int(2**exponent)
