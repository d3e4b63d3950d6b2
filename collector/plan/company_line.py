"""One line of a companies file that is a list: an id, perhaps a name, perhaps a comment.

What an id may be is here as well, for lists and for tables (`collector.plan.company_csv`).
"""

import re
import unicodedata
from typing import Final

from collector.core.text import quoted

__all__ = [
    "MAX_LINE",
    "BadLineError",
    "SeparatorError",
    "check_id",
    "decode_line",
    "is_error_value",
    "is_usual",
    "odd_id",
    "parse_line",
    "parse_recorded_line",
    "tidy_name",
]

MAX_LINE: Final = 8192
"""Bytes in a line, its end included. Servers refuse longer request targets anyway, and without
a bound a file that has no line ends would be read whole."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters but for the tab, and the two Unicode line separators."""

_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
"""A `#` at the start or after white space, to the end of the line."""

_INVISIBLE: Final = frozenset({"Cf", "Cs"})
"""Unicode categories that an id or a name may not contain: format characters and surrogates.
Private (Co) and unassigned (Cn) ones may: neither controls a terminal, and what is unassigned
depends on the Python version, which must not decide whether a file is accepted."""

_QUOTED: Final = re.compile(r'"((?:[^"]|"")+)"')
"""An id in double quotes; a quote inside it is doubled, as in CSV."""

_SEPARATORS: Final = {",": "a comma", ";": "a semicolon", "|": "a vertical bar"}

_MARKS: Final = re.compile("[,;|\"'`\u2018-\u201f\u00ab\u00bb()\\[\\]{}<>]")
"""Separators, quotes and brackets: an id that has one is most likely more than an id."""

_USUAL: Final = re.compile(r"(?![+-]?[0-9]+[eE]-)[\w-]+")
"""What nearly every id is: no separator, no mark, no number as spreadsheets write it."""

_DECIMAL: Final = re.compile(r"[+-]?[0-9]+\.0+")
_EXPONENT: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+[eE][+-]?|[eE][+-])[0-9]+")
_THOUSANDS: Final = re.compile(r"[+-]?[0-9]{1,3}(?:([,.'\u2019])[0-9]{3})(?:\1[0-9]{3})*")
"""Numbers as spreadsheets write them. `12e3` is not among them: they write `1.2E+04`."""

_ERROR_VALUE: Final = re.compile(r"#(?:N/[AD]|[^\s#]{2,12}[!?])")
"""What a spreadsheet shows in place of a value: `#N/A`, `#REF!`, `#NAME?`."""


class BadLineError(Exception):
    """Reason why a line is invalid, and what to do about it, without its position."""


class SeparatorError(BadLineError):
    """An id with a separator in it: the line may be one of a table."""


def parse_line(raw: bytes) -> tuple[str, str]:
    """Return the id and the name; the name is empty without one, both are on a blank line."""
    text = decode_line(raw)
    parts = _COMMENT.sub("", text, count=1).split(maxsplit=1)
    if not parts:
        if _ERROR_VALUE.fullmatch(text.strip()):
            raise BadLineError(
                f"{quoted(text.strip())} is an error of a spreadsheet in place of an id, not a "
                "comment; correct or remove the line"
            )
        return "", ""
    company_id = parts[0]
    if not is_usual(company_id):
        company_id = _unusual(company_id)
    return company_id, tidy_name(parts[1]) if len(parts) > 1 else ""


def _unusual(word: str) -> str:
    if word.startswith('"'):
        word = _unquoted(word)
    elif odd := odd_id(word):
        kind = SeparatorError if any(mark in word for mark in _SEPARATORS) else BadLineError
        raise kind(
            f"{odd}; in a list, write one id per line; if all of this is one id, put it in "
            "double quotes"
        )
    check_id(word)
    return word


def parse_recorded_line(raw: bytes) -> tuple[str, str]:
    """Return the id and the name of a line that the collector wrote, as `parse_line` does.

    The first word is the id, whatever is in it, and the rest is the name: both were checked when
    they were read from the user's file. Only a line that begins with `#` is a comment.
    """
    text = decode_line(raw)
    parts = text.split(maxsplit=1)
    if not parts or parts[0].startswith("#"):
        return "", ""
    check_id(parts[0])
    return parts[0], tidy_name(parts[1]) if len(parts) > 1 else ""


def decode_line(raw: bytes) -> str:
    """Return the text of a line without its end. Raises `BadLineError`."""
    if len(raw) + (not raw.endswith(b"\n")) > MAX_LINE:
        raise BadLineError(
            f"the line is longer than {MAX_LINE} bytes; write one id per line (if it is a "
            "table, save only the columns of ids and names)"
        )
    text = _decode(raw.removesuffix(b"\n").removesuffix(b"\r"))
    # First, and in comments too. A line end of another kind inside a comment (files with CR
    # only) would swallow the ids after it; and `\s` and `str.split` take U+001C..U+001F and
    # U+0085 for white space, which would split on them silently.
    if control := _CONTROL.search(text):
        raise BadLineError(_why_control(text, control[0]))
    return text


def is_usual(text: str) -> bool:
    """Return whether a text is an id of letters, digits, `_` and `-`; it needs no further check."""
    return _USUAL.fullmatch(text) is not None


def is_error_value(text: str) -> bool:
    """Return whether a text is what a spreadsheet shows in place of a value: `#N/A`, `####`."""
    return _ERROR_VALUE.fullmatch(text) is not None or (text != "" and not text.strip("#"))


def odd_id(text: str) -> str:
    """Return why a text is most likely no id, as the beginning of a message; "" if it may be one.

    It has a separator, a quote or a bracket, or is a number as spreadsheets write numbers.
    """
    if _EXPONENT.fullmatch(text):
        return (
            f"{quoted(text)} is a number that a spreadsheet has rounded: digits of the id are lost"
        )
    if _THOUSANDS.fullmatch(text):
        return f"{quoted(text)} is a number with separators of thousands, as spreadsheets write it"
    if _DECIMAL.fullmatch(text):
        return f"{quoted(text)} is a number with decimals, as spreadsheets write it"
    if mark := _MARKS.search(text):
        return f"{quoted(text)} has {_SEPARATORS.get(mark[0], mark[0])} in the id"
    return ""


def check_id(company_id: str) -> None:
    """Raise `BadLineError` for a text that can be no id, quoted or not."""
    if company_id in {".", ".."}:
        raise BadLineError(
            f"{quoted(company_id)} cannot be an id: in the address of a request it means a "
            "folder; correct or remove the line"
        )
    _refuse_invisible("id", company_id)
    if "#" in company_id:
        raise BadLineError(
            f"{quoted(company_id)} has a # inside, and an id has none; in a list, put a space "
            "before the comment"
        )


def tidy_name(text: str) -> str:
    """Return a name with one space for any white space; "" for white space alone.

    A tab or a wide space has no place in a table of names. Raises `BadLineError`.
    """
    _refuse_invisible("name", text)
    return " ".join(text.split())


def _unquoted(word: str) -> str:
    found = _QUOTED.fullmatch(word)
    if found is None:
        raise SeparatorError(
            f"{quoted(word)} begins with a double quote, but is not a quoted id; write the id "
            'without quotes, or between double quotes, such as "a;b", and double each quote in it'
        )
    return found[1].replace('""', '"')


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadLineError(
            f"byte {error.start + 1} of the line (0x{raw[error.start]:02X}) is not UTF-8; "
            "save the file as UTF-8"
        ) from error


def _why_control(text: str, char: str) -> str:
    problem = f"{quoted(text)} has the control character U+{ord(char):04X}; "
    if char == "\r":
        return f"{problem}save the file with LF or CRLF line ends"
    return f"{problem}remove it"


def _refuse_invisible(what: str, text: str) -> None:
    if text.isprintable():  # quick, and true of nearly every line
        return
    for char in text:
        if unicodedata.category(char) in _INVISIBLE:
            raise BadLineError(
                f"the {what} {quoted(text)} has the invisible character "
                f"U+{ord(char):04X}; remove it"
            )
