"""The columns of an export, and the protection of texts from spreadsheets that would run them."""

import re
from collections.abc import Iterable
from typing import Final

from collector.core.outcome import COUNTERS

__all__ = [
    "FIXED",
    "UNTRUSTED_COLUMNS",
    "action_columns",
    "excel_text",
    "safe_text",
]

FIXED: Final = ("company_id", "company_name", "from_date", "until_date", "fetched_at", *COUNTERS)
"""The columns that each export has, in their order; those of actions follow."""

UNTRUSTED_COLUMNS: Final = 2
"""The number of them, from the left, that hold untrusted text: ids and names."""

_ACTION_PREFIX: Final = "actions_"

_FORMULA: Final = re.compile(
    r"[\s\x00-\x20\x7f-\xa0\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]"
)
"""How a cell begins that a spreadsheet may run: OWASP's list for CSV injection, the same after
invisible characters, and the full-width forms of the signs."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_PLAIN_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,14})", re.ASCII)
"""Numbers that a spreadsheet shows as written: its numbers hold 15 digits."""

_WORD: Final = re.compile(
    r"(?!(?:true|false|verdadero|falso)\s*$|"
    r"(?:jan|ene|feb|mar|apr|abr|may|jun|jul|aug|ago|sep|oct|nov|dec|dic)[a-z.]*[\s./-]*[0-9])"
    r"[^\W\d]",
    re.IGNORECASE,
)
"""Texts that begin with a letter, and are neither a truth value nor a date: `mar 5`, `dic-24`."""


def action_columns(actions: Iterable[str]) -> dict[str, str]:
    """Return the column of each action: its name after the prefix `actions_`.

    Databases do not distinguish `Closed` from `CLOSED`: the later one of such a pair gets a number
    as a suffix. The character that no name of a column may have, NUL, becomes U+FFFD.
    """
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for action in actions:
        plain = f"{_ACTION_PREFIX}{action}".replace("\0", "\ufffd")
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name.lower())
        columns[action] = name
    return columns


def safe_text(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula; numbers stay."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def excel_text(text: str) -> str:
    """Put an apostrophe before text that Excel changes: `007`, `1-2`, `1e5`, `mar 5`, formulas.

    Plain numbers of up to 15 digits, and words, stay as they are.
    """
    if not text or _PLAIN_NUMBER.fullmatch(text):
        return text
    return text if _WORD.match(text) else f"'{text}"
