"""The colours of the page and of its figures, in a light and a dark palette.

The hues are those of Okabe and Ito, which people with colour blindness can tell apart, made darker
or lighter until their contrast with the background is 4.5 to 1 for text, and 3 to 1 for lines and
bars (WCAG 2.2, success criteria 1.4.3 and 1.4.11; a test computes it). The fills of the heat map
differ in lightness as well: the more is lacking, the higher the contrast with the background.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["DARK", "LIGHT", "variable", "variables"]

LIGHT: Final[Mapping[str, str]] = {
    "page": "#f4f6f8",
    "panel": "#ffffff",
    "ink": "#17202a",
    "muted": "#55606d",
    "line": "#d7dde3",
    "link": "#005a8e",
    "edge": "#8a95a1",
    "shade": "#e6e9ed",
    "unsettled": "#f0b429",
    "good": "#00684c",
    "good-ground": "#e2f4ee",
    "warn": "#7a4a00",
    "warn-ground": "#fdf1d8",
    "bad": "#a02c00",
    "bad-ground": "#fde9e1",
    "cell-data": "#9bcff0",
    "cell-empty": "#eceff2",
    "cell-few": "#f0a04b",
    "cell-many": "#852a00",
    "cell-most": "#1c1c1c",
    "cell-failed": "#cf5a00",
    "cell-missing": "#1c1c1c",
    "mark-empty": "#55606d",
    "mark-failed": "#000000",
    "mark-missing": "#ffffff",
    "mark-data": "#000000",
    "mark-few": "#000000",
    "mark-many": "#ffffff",
    "mark-most": "#ffffff",
    "total": "#17202a",
    "sended": "#0072b2",
    "received": "#00855f",
    "pending": "#9a6b00",
    "fails": "#c85000",
    "pressed": "#a8457f",
}

DARK: Final[Mapping[str, str]] = {
    "page": "#10151a",
    "panel": "#1a2129",
    "ink": "#eef2f6",
    "muted": "#a9b5c1",
    "line": "#36414c",
    "link": "#7cc4f2",
    "edge": "#6b7886",
    "shade": "#2b343e",
    "unsettled": "#d9a520",
    "good": "#5fd6b0",
    "good-ground": "#12332a",
    "warn": "#f5c65a",
    "warn-ground": "#3a2c0c",
    "bad": "#ff9d73",
    "bad-ground": "#43200f",
    "cell-data": "#23648f",
    "cell-empty": "#2a333d",
    "cell-few": "#b06c2a",
    "cell-many": "#ffc98f",
    "cell-most": "#ffffff",
    "cell-failed": "#f08a3c",
    "cell-missing": "#ffffff",
    "mark-empty": "#a9b5c1",
    "mark-failed": "#000000",
    "mark-missing": "#000000",
    "mark-data": "#ffffff",
    "mark-few": "#000000",
    "mark-many": "#000000",
    "mark-most": "#000000",
    "total": "#eef2f6",
    "sended": "#56b4e9",
    "received": "#2fc296",
    "pending": "#e9b840",
    "fails": "#ff8a4c",
    "pressed": "#e29bc6",
}


def variable(name: str) -> str:
    """Return the reference to a colour, as style sheets write it and page.js resolves it."""
    if name not in LIGHT:
        raise KeyError(name)
    return f"var(--{name})"


def variables(palette: Mapping[str, str]) -> str:
    """Return the declarations of a palette for a style sheet."""
    return "".join(f"--{name}:{colour};" for name, colour in palette.items())
