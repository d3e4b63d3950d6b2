"""Synthetic statistics: a keyed hash of seed, company and day, and sums of it.

Nothing is stored. The counters of one day are drawn from
`blake2b(key=seed, "day number/company id")`, so every window is exactly the sum of its days,
whichever way a range is cut, and every run with the same seed has the same data. Days that are
not settled yet are derived from their final counters.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import Final, TypeAlias, TypedDict

__all__ = ["Statistics", "statistics_of", "statistics_of_days"]

_DAYS_CACHED: Final = 16_384
"""Days of companies in the cache (some MiB when full), for windows that overlap or are retried."""

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


def statistics_of(  # noqa: PLR0913 - all that the figures depend on
    seed: int,
    company_id: str,
    first: date,
    last: date,
    *,
    empty_share: float = 0.0,
    settle_days: int = 0,
    today: date | None = None,
) -> Statistics:
    """Sum the days from `first` to `last`, both included; zeros if `first` is after `last`.

    `seed` is 0 or more and below 2**63. `empty_share` (0 to 1) is the share of companies that
    are without campaigns on every day. With `settle_days` the figures are those of the day
    `today`, which is needed then: younger days still move, and days to come are zero. Takes about
    3 microseconds per day, less for cached days.
    """
    days = range(first.toordinal(), last.toordinal() + 1)
    return statistics_of_days(
        seed, company_id, days, empty_share=empty_share, settle_days=settle_days, today=today
    )


def statistics_of_days(  # noqa: PLR0913 - all that the figures depend on
    seed: int,
    company_id: str,
    days: Iterable[int],
    *,
    empty_share: float = 0.0,
    settle_days: int = 0,
    today: date | None = None,
) -> Statistics:
    """Sum the given days, which are proleptic Gregorian ordinals (`date.toordinal()`).

    * `total` is `sended` + `pending` + `fails`; every day has at least one `campaign`, and
      every campaign at least one notification.
    * The actions together are never more than `sended`. `RECEIVED`, `PRESS_ACTION` and
      `UNKNOWN` are always there, `CLOSED` only if it is not zero, as in the vendor's samples.
    * All of it holds as of every `today`; with `settle_days`, days to come have nothing at all.
    """
    if settle_days and today is None:
        raise ValueError("settle_days needs today: how old a day is decides its figures")
    values = [_ZEROS]
    if not _is_empty(seed, company_id, empty_share):
        if today is None or not settle_days:
            values += [_day(seed, company_id, day) for day in days]
        else:
            now = today.toordinal()
            values += [
                _settling(_day(seed, company_id, day), now - day, settle_days)
                for day in days
                if day <= now
            ]
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


def _settling(final: _Day, age: int, settle_days: int) -> _Day:
    """Return the counters of a day at some age (0 on the day itself), from its final ones.

    From the age of `settle_days` on that is all of it. Before, a part of what will be sent is
    still pending: half of it at age 0, less with every day, and always at least one notification,
    so that an unsettled day differs from its final self. Actions lag behind: of those that belong
    to what was sent so far, a share has come that grows from day to day.
    """
    if age >= settle_days:
        return final
    sended, pending, fails, *actions, campaign = final
    # Half of `sended` times the share of days that are missing, rounded up.
    late = -(-sended * (settle_days - age) // (2 * settle_days))
    sent, shown = sended - late, age + 1
    # Rounded down one by one, so that together they stay within their share of what was sent.
    # No day has nothing that is sent: more than half of every campaign is.
    received, pressed, closed, unknown = (
        action * sent * shown // (sended * (settle_days + 1)) for action in actions
    )
    return sent, pending + late, fails, received, pressed, closed, unknown, campaign


@lru_cache(maxsize=_DAYS_CACHED // 8)
def _size(seed: int, company_id: str) -> int:
    """Notifications that the company plans in one campaign: few are large, most are small."""
    draws = _draws(seed, f"size/{company_id}")
    exponent = _LARGEST_EXPONENT * int.from_bytes(draws[:4], "big") / 2**32
    return int(2**exponent)
