"""Untrusted text in messages: bounded, and unable to control a terminal."""

from typing import Final

__all__ = ["escaped", "is_in_quotes", "json_text", "quoted"]

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
