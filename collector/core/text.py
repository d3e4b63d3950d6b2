"""Parts of messages: counts, times and days in one form, and untrusted text.

Untrusted text is bounded, and cannot control a terminal.
"""

import re
from datetime import date, timedelta
from typing import Final

__all__ = [
    "clock_text",
    "counted",
    "days_text",
    "escaped",
    "is_in_quotes",
    "json_text",
    "quoted",
    "span_text",
    "terminal_safe",
]

_IN_SECONDS: Final = 120.0
_IN_MINUTES: Final = 7200.0
"""Seconds; spans from these on are in minutes, and in hours."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 cell`, `2,000 cells`.

    `one` is the singular, which may have a verb (`cell has`); `many` is the plural if it is not
    `one` with an s.
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def clock_text(seconds: float) -> str:
    """Return how long a run takes or has taken, in whole seconds: `1:02:03`."""
    return str(timedelta(seconds=round(seconds)))


def span_text(seconds: float) -> str:
    """Return a latency or a limit with its unit: `350 ms`, `1.5 s`, `60 s`, `5 min`, `2.5 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _IN_SECONDS:
        return f"{round(seconds, 1):g} s"
    if seconds < _IN_MINUTES:
        return f"{round(seconds / 60, 1):g} min"
    return f"{round(seconds / 3600, 1):g} h"


def days_text(first: date | str | None, last: date | str | None) -> str:
    """Return a range of days, both ends included: `2026-01-01..2026-01-07`, or one date.

    Without days it is the `server default`.
    """
    if first is None or last is None:
        return "server default"
    return str(first) if first == last else f"{first}..{last}"


_EXCERPT: Final = 60
"""Characters of untrusted text that a message shows: enough to recognise a line."""


def escaped(text: str) -> str:
    """Replace every character that is not printable by its code point: `12<U+200B>`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"<U+{ord(char):04X}>" for char in text)


def quoted(text: str) -> str:
    """Quote the first 60 characters, escaped; three dots mark a longer text."""
    dots = "..." if len(text) > _EXCERPT else ""
    return f'"{escaped(text[:_EXCERPT])}{dots}"'


def is_in_quotes(text: str) -> bool:
    """Return whether a text begins and ends with the same quote.

    A shell removes them from the value of a variable; Docker keeps those of an env file.
    """
    return len(text) > 1 and text[0] in {'"', "'"} and text[0] == text[-1]


def json_text(value: object) -> str:
    """Return a value as text that JSON can hold: a lone surrogate becomes U+FFFD.

    Python's names of files that are not UTF-8 contain them.
    """
    return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_CONTROLS: Final = re.compile(
    # DEL, the C1 controls, and what turns the direction of text (Unicode Standard Annex 9).
    rb"\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]"
)


def terminal_safe(encoded: bytes) -> bytes:
    r"""Return JSON in which no character can control a terminal: `\u009b` in place of the byte.

    Readers of JSON see the same text. Characters below U+0020 are escaped in any JSON.
    """
    return _CONTROLS.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), encoded)
