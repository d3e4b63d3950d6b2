"""Untrusted text in messages: bounded, and unable to control a terminal."""

import re
from typing import Final

__all__ = ["escaped", "is_in_quotes", "json_text", "quoted", "terminal_safe"]

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
