"""Checks of single settings; the same functions check the flags and what Python callers give."""

from typing import Final

from cyclopts.validators import Number

from collector.core.errors import InputError
from collector.plan.date_params import DATE_FORMATS
from collector.settings.parsers import check_finite

__all__ = [
    "POSITIVE",
    "SECONDS",
    "SHARE",
    "SettingsError",
    "check_address",
    "check_date_format",
    "check_names",
    "check_whole",
]


class SettingsError(InputError, ValueError):
    """A setting has an invalid value.

    It is an `InputError`, so that the command line shows its text and ends with code 2
    (cyclopts does not wrap what `__post_init__` raises), and a `ValueError`, as callers in Python
    expect.
    """


SECONDS: Final = (check_finite, Number(gte=0))

# A thousandth is already absurd; below it the arithmetic of the limits would lose its sense.
POSITIVE: Final = (check_finite, Number(gte=0.001))

SHARE: Final = (check_finite, Number(gte=0, lte=1))


def check_whole(_type: object, value: object) -> None:
    """Refuse fractions, which a flag cannot have: they would make fractions of the counters."""
    if type(value) is not int:
        message = "Must be a whole number."
        raise ValueError(message)


def check_date_format(_type: object, value: object) -> None:
    """Refuse an unknown format in Python; the command line library does so for the flag."""
    if value not in DATE_FORMATS:
        message = f"Must be one of: {', '.join(DATE_FORMATS)}."
        raise ValueError(message)


def check_names(_type: object, value: object) -> None:
    """Refuse what no company and no field can be called."""
    if not isinstance(value, tuple) or not all(isinstance(name, str) and name for name in value):
        message = "Must be names, none of them empty."
        raise ValueError(message)


def check_address(_type: object, value: object) -> None:
    """Refuse what cannot be the value of a header: it would end the answer, or add another one."""
    if value is None:
        return
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
        message = "Must be an address of printable ASCII characters, such as https://new.example."
        raise ValueError(message)
