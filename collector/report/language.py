"""The two languages of the page, and how each writes numbers, shares, times and days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from fractions import Fraction
from math import floor, isinf, log10
from typing import Final, NamedTuple

from collector.report.model import WindowSpan

__all__ = ["DASH", "Lang", "Language", "Plural", "Text"]

_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_THIN: Final = "\N{NARROW NO-BREAK SPACE}"
DASH: Final = "\N{EN DASH}"
"""The placeholder for a value that is not known."""

_MINUS: Final = "\N{MINUS SIGN}"
_FEW: Final = 10
"""Means below this have a digit after the decimal mark."""

_SECOND: Final = 1.0
_ALL: Final = 1000
"""The whole, in tenths of a per cent."""


class Lang(StrEnum):
    """A language that the page can be written in."""

    EN = "en"
    ES = "es"


class Text(NamedTuple):
    """The same words in every language; `{name}` is a gap."""

    en: str
    es: str


class Plural(NamedTuple):
    """A sentence about one thing, and the same about none or several: `{n}` is the number."""

    one: Text
    many: Text


@dataclass(frozen=True, slots=True)
class Language:
    """Texts, numbers and times in one language, as plain text that is not HTML yet."""

    lang: Lang

    def __call__(self, text: Text, **gaps: str | int) -> str:
        """Return the text in this language with its gaps filled; whole numbers are grouped."""
        words = text.en if self.lang is Lang.EN else text.es
        if not gaps:
            return words
        return words.format(
            **{
                name: self.number(gap) if isinstance(gap, int) else gap
                for name, gap in gaps.items()
            }
        )

    def count(self, plural: Plural, n: int, **gaps: str | int) -> str:
        """Return the sentence that fits `n` things, with its other gaps filled."""
        return self(plural.one if n == 1 else plural.many, n=n, **gaps)

    @property
    def separators(self) -> str:
        """The decimal mark, and the mark that groups thousands.

        In Spanish thousands are grouped by a thin space: a comma and a point mean the opposite of
        each other in Mexico and in Chile.
        """
        return ".," if self.lang is Lang.EN else f".{_THIN}"

    def number(self, value: int) -> str:
        """Return a whole number: `1,234` or `1 234`."""
        return self._grouped(f"{value:,}")

    def signed(self, value: int) -> str:
        """Return a whole number with its sign, and nothing for 0: `+1,234`."""
        if value == 0:
            return ""
        return ("+" if value > 0 else _MINUS) + self.number(abs(value))

    def decimal(self, value: float, digits: int = 1) -> str:
        """Return a number with so many digits after the decimal mark; a rate may be infinite."""
        if isinf(value):
            return "∞"
        return self._grouped(f"{value:,.{digits}f}")

    def mean(self, value: Fraction) -> str:
        """Return a mean count: to a tenth where it is below 10, and whole from there on."""
        if value.denominator == 1 or abs(value) >= _FEW:
            return self.number(round(value))
        tenth = Fraction(round(10 * value), 10)
        if tenth == 0:
            return f"<{_NO_BREAK}{self.decimal(0.1)}" if value > 0 else self.number(0)
        return self.decimal(float(tenth))

    def share(self, part: int, whole: int) -> str:
        """Return `12.3 %`, or a dash if `whole` is 0. Only all is 100 %, and only none is 0 %.

        Three missing cells of 730,000 must stay visible.
        """
        if whole <= 0:
            return DASH
        if part in {0, whole}:
            return f"{0 if part == 0 else 100}{_NO_BREAK}%"
        # Whole numbers only: the counts of an answer may be too large for a float.
        tenths = (2000 * part + whole) // (2 * whole)
        if tenths == 0:
            return f"<{_NO_BREAK}{self.decimal(0.1)}{_NO_BREAK}%"
        if part < whole and tenths == _ALL:
            return f">{_NO_BREAK}{self.decimal(99.9)}{_NO_BREAK}%"
        return f"{self.number(tenths // 10)}.{tenths % 10}{_NO_BREAK}%"

    def interval(self, low: float, high: float) -> tuple[str, str]:
        """Return the ends of an interval of shares in per cent, with the digits that it needs.

        The digits tell the ends apart, and only none is 0 %, only all is 100 %.
        """
        spread = 100 * (high - low)
        digits = max(1, -floor(log10(spread))) if spread > 0 else 1
        return self._percentage(low, digits), self._percentage(high, digits)

    def _percentage(self, share: float, digits: int) -> str:
        value, least = 100 * share, 10.0**-digits
        if share in {0, 1}:
            return f"{100 * share:.0f}{_NO_BREAK}%"
        if value < least / 2:
            return f"<{_NO_BREAK}{self.decimal(least, digits)}{_NO_BREAK}%"
        if 100 - least / 2 < value:
            return f">{_NO_BREAK}{self.decimal(100 - least, digits)}{_NO_BREAK}%"
        return f"{self.decimal(value, digits)}{_NO_BREAK}%"

    def latency(self, seconds: float | None) -> str:
        """Return a latency in ms below one second, else in s: `84 ms`, `1.25 s`."""
        if seconds is None:
            return DASH
        if seconds < _SECOND:
            return f"{self.number(round(1000 * seconds))}{_NO_BREAK}ms"
        return f"{self.decimal(seconds, 2)}{_NO_BREAK}s"

    def moment(self, at: datetime) -> str:
        """Return a moment in UTC, to the second, as ISO 8601 writes it but for the `T`."""
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

    def days(self, from_date: date | None, until_date: date | None) -> str:
        """Return the days of a window in ISO 8601, in both languages: they are data."""
        if from_date is None or until_date is None:
            return self(DEFAULT_WINDOW)
        if from_date == until_date:
            return from_date.isoformat()
        return f"{from_date.isoformat()} {DASH} {until_date.isoformat()}"

    def span(self, span: WindowSpan) -> str:
        """Return the days of a span."""
        return self.days(span.from_date, span.until_date)

    def _grouped(self, english: str) -> str:
        return english if self.lang is Lang.EN else english.replace(",", _THIN)


DEFAULT_WINDOW: Final = Text(
    "the server's default window", "la ventana predeterminada del servidor"
)
