"""The columns of an export, and the protection of texts from spreadsheets that would run them."""

import re
from collections.abc import Iterable
from typing import Final

from collector.core.outcome import COUNTERS
from collector.core.text import escaped

__all__ = [
    "FIXED",
    "OTHER_ACTIONS",
    "TABLE",
    "UNKNOWN_FIELDS",
    "UNTRUSTED_COLUMNS",
    "action_columns",
    "excel_text",
    "safe_text",
]

TABLE: Final = "statistics"
"""The name of the table in a DuckDB file, and of the sheet in a workbook."""

FIXED: Final = ("company_id", "company_name", "from_date", "until_date", "fetched_at", *COUNTERS)
"""The columns that each export has, in their order; those of actions follow."""

UNTRUSTED_COLUMNS: Final = 2
"""The number of them, from the left, that hold untrusted text: ids and names."""

OTHER_ACTIONS: Final = "other_actions"
"""The column of the actions that have none of their own, as a JSON object; after all actions."""

UNKNOWN_FIELDS: Final = "unknown_fields"
"""The column of the fields that are not documented, as a JSON object; the last one, if wanted."""

_ACTION_PREFIX: Final = "actions_"
_LONGEST: Final = 200
"""Characters of an action in the name of its column."""

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

    Characters that are not printable are spelled out: `actions_A<U+000A>`; three dots mark a name
    of more than 200 characters. Databases do not distinguish `Closed` from `CLOSED`: the later one
    of columns whose names would be equal gets a number as a suffix.
    """
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for action in actions:
        dots = "..." if len(action) > _LONGEST else ""
        plain = f"{_ACTION_PREFIX}{escaped(action[:_LONGEST])}{dots}"
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
