"""Foreign text inside messages: bounded, and unable to steer a terminal."""

from typing import Final

__all__ = ["escaped", "json_text", "quoted"]

_EXCERPT: Final = 60
"""Characters of foreign text that a message shows: enough to recognise a line by."""


def escaped(text: str) -> str:
    """Replace every character that is not printable by its code point: `12<U+200B>`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"<U+{ord(char):04X}>" for char in text)


def quoted(text: str) -> str:
    """Quote the first 60 characters, escaped; what was cut off is marked by three dots."""
    dots = "..." if len(text) > _EXCERPT else ""
    return f'"{escaped(text[:_EXCERPT])}{dots}"'


def json_text(value: object) -> str:
    """Return a value as text that JSON can hold; a file name that is no UTF-8 loses its odd bytes.

    Half a character (a lone surrogate), as Python's file names may have, becomes U+FFFD.
    """
    return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
