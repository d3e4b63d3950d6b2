"""Which day it is, in the time zone of the API or of this machine."""

import os
import re
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from collector.core.errors import InputError
from collector.core.text import quoted

__all__ = ["today_in", "zone_named"]


def today_in(timezone: str | None, now: datetime) -> date:
    """Return the day that `now` falls on in an IANA time zone; None is the machine's zone.

    `now` must be aware, else `ValueError`. Raises `InputError` when there is no such zone.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone: datetime.now(UTC)")
    return now.astimezone(zone_named(timezone)).date()


def zone_named(timezone: str | None) -> ZoneInfo | None:
    """Return an IANA time zone; None, the machine's, stays None.

    Raises `InputError` when there is no such zone, or that of the machine is misspelt.
    """
    if timezone is None:
        _check_local_zone(os.environ.get("TZ", ""))
        return None
    try:
        return ZoneInfo(timezone)
    except (LookupError, ValueError, OSError) as error:
        # Beside the KeyError of an unknown name: ValueError for a path (../x) or a file that is
        # no zone, OSError for a directory (America) or a name that is too long for a file.
        raise InputError(
            f"--timezone {quoted(timezone)} is not a known time zone: "
            "give an IANA name such as Europe/Berlin, or UTC"
        ) from error


_POSIX_ZONE: Final = re.compile(
    r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?(?:[01]?\d|2[0-3])(?::[0-5]\d){0,2}"
    r"(?:(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[0-9A-Za-z:,./+-]*)?"
)
"""A rule in place of a name, such as `EST5EDT,M3.2.0,M11.1.0`, with an offset of less than a day.
Source: POSIX.1-2024, chapter 8.3, TZ."""


def _check_local_zone(text: str) -> None:
    """Raise `InputError` for a value of TZ that the C library would take for UTC in silence."""
    name = text.removeprefix(":")
    if not name or Path(name).is_absolute() or _POSIX_ZONE.fullmatch(name):
        return
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise InputError(
            f"TZ={quoted(text)} in the environment is not a known time zone: "
            "give an IANA name such as Europe/Berlin, or use --timezone"
        ) from error
