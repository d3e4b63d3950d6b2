"""How wide texts are in pictures, before a browser draws them in whatever font it has."""

import unicodedata
from math import ceil
from typing import Final

__all__ = ["SIZE", "columns_of", "width_of"]

SIZE: Final = 12
"""Pixels of the type of a text in a picture."""

_COLUMN: Final = 0.635
"""The width of a digit, as a share of the size of the type.

This and the factors below are of DejaVu Sans and Verdana, the widest of the usual fonts.
"""

_KNOWN: Final = {
    char: columns
    for columns, chars in (
        (0.65, " .,:;'|!iIjlfrt()[]/\\-"),
        (1.35, "w#&+<=>^~\N{PLUS-MINUS SIGN}\N{MULTIPLICATION SIGN}"),
        (1.6, "mMW@%\N{EM DASH}\N{HORIZONTAL ELLIPSIS}æÆœŒ©®™"),
    )
    for char in chars
}
"""Characters that are slimmer or broader than others of their kind."""

_LATIN: Final = 0x24F
"""The last letter of the alphabets whose letters are about as wide as digits."""


def columns_of(char: str) -> float:
    """Return how many digits are as wide as a character.

    Wide characters (of East Asia, most emoji) take two columns, combining marks and marks of
    direction none.
    """
    known = _KNOWN.get(char)
    if known is not None:
        return known
    if ord(char) <= _LATIN:
        return 1.25 if char.isupper() else 1.0
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0.0
    if unicodedata.east_asian_width(char) in {"W", "F"}:
        return 2.0
    return 1.75 if char.isupper() else 1.6


def width_of(text: str) -> int:
    """Return the pixels that a text takes in a picture, about; rather too many."""
    return ceil(_COLUMN * SIZE * sum(map(columns_of, text)))
