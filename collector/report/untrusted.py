"""Untrusted text (ids, names, actions, paths) made safe for HTML and for figures."""

import unicodedata
from typing import Final

from collector.core.text import escaped
from collector.report.model import Company
from collector.report.text_width import columns_of

__all__ = ["company_text", "cut", "isolated", "plain"]

_DOTS: Final = "\N{HORIZONTAL ELLIPSIS}"
_ISOLATE: Final = ("\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}")
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_MARKS: Final = 4
"""Characters per column at most: no script needs more combining marks than that."""


def plain(text: str) -> str:
    """Return text on one line, with invisible characters (bidi marks, controls) spelled out.

    Otherwise a name could reverse the text around it, or look like another name.
    """
    return escaped(" ".join(text.split()))


def company_text(company: Company) -> str:
    """Return the id and the name of a company, whole, on one line."""
    return plain(f"{company.id} {company.name}" if company.name else company.id)


def cut(text: str, width: int) -> str:
    """Return at most `width` columns of text (see `columns_of`); an ellipsis marks a cut."""
    columns = 0.0
    fits = 0
    for end, char in enumerate(text, start=1):
        columns += columns_of(char)
        if columns > width or end > _MARKS * width:
            return text[:fits].rstrip() + _DOTS
        if columns <= width - 1:
            fits = end
    return text


def isolated(text: str) -> str:
    """Isolate text with right-to-left characters, so that it cannot reorder its neighbours."""
    if any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text):
        return text.join(_ISOLATE)
    return text
