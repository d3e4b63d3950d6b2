"""One line of the companies file: `id`, or `id name`, either with a `# comment`."""

import re
import unicodedata
from typing import Final

from collector.quoting import quoted

__all__ = ["MAX_LINE", "BadLineError", "parse_line"]

MAX_LINE: Final = 8192
"""Bytes in a line, its end included. Servers refuse longer request targets anyway, and without
a bound a file that has no line ends would be read whole."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters but for the tab, and the two Unicode line separators."""

_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
"""A `#` at the start or after white space, to the end of the line."""

_INVISIBLE: Final = frozenset({"Cf", "Cs"})
"""Unicode categories that an id or a name may not contain: format characters and surrogates.
Private (Co) and unassigned (Cn) ones may: neither steers a terminal, and what is unassigned
depends on the Python version, which must not decide whether a file is accepted."""


class BadLineError(Exception):
    """Why a line is refused and what to do about it, without its place."""


def parse_line(raw: bytes) -> tuple[str, str]:
    """Return the id and the name; the name is empty without one, both are on a blank line."""
    if len(raw) + (not raw.endswith(b"\n")) > MAX_LINE:
        raise BadLineError(f"the line is longer than {MAX_LINE} bytes; write one id a line")
    text = _decode(raw.removesuffix(b"\n").removesuffix(b"\r"))
    # First, and in comments too. A line end of another kind inside a comment (files with CR
    # only) would swallow the ids after it; and `\s` and `str.split` take U+001C..U+001F and
    # U+0085 for white space, which would split on them silently.
    if control := _CONTROL.search(text):
        raise BadLineError(_why_control(text, control[0]))
    parts = _COMMENT.sub("", text, count=1).split(maxsplit=1)
    if not parts:
        return "", ""
    company_id = parts[0]
    if company_id in {".", ".."}:
        raise BadLineError(
            f"{quoted(company_id)} cannot be an id: in the address of a request it means a "
            "folder; correct or remove the line"
        )
    _refuse_invisible("id", company_id)
    if "#" in company_id:
        raise BadLineError(
            f"{quoted(company_id)} has a # inside the id; put a space before the comment"
        )
    if len(parts) == 1:
        return company_id, ""
    _refuse_invisible("name", parts[1])
    # One space for any white space: a tab or a wide space has no place in a table of names.
    return company_id, " ".join(parts[1].split())


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
