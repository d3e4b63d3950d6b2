"""The companies file: one id per line, optionally white space and a name; `#` starts a comment.

`read_companies` opens the file, `parse_companies` reads its lines, `parse_line` a single one. All
of them stream: what stays in memory is the ids, the names and the duplicates, never the file.
"""

import re
import sys
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple

from collector.core.errors import InputError
from collector.core.regular import is_endless
from collector.core.text import escaped, quoted
from collector.plan.company_table import NameList

__all__ = [
    "MAX_LINE",
    "BadLineError",
    "Companies",
    "Duplicate",
    "format_companies",
    "parse_companies",
    "parse_line",
    "read_companies",
]

_MAX_REPORTED: Final = 10_000
"""Bad lines that are listed. A file with more is of the wrong kind."""

_UTF8_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")


class Duplicate(NamedTuple):
    """A line that was dropped because an earlier line has its id; lines count from 1."""

    line: int
    id: str
    first_line: int


@dataclass(frozen=True, slots=True, repr=False)
class Companies:
    """The companies to collect, in the order of the file.

    `ids` are distinct. `names` has an entry only for an id that has a name; it is not copied.
    `source` is the name of the file in messages. An id of 14 characters takes about 75 bytes, its
    name 24 to 40 and its letters; a duplicate takes extra.
    """

    ids: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    duplicates: tuple[Duplicate, ...] = ()
    source: str = "companies"

    def __post_init__(self) -> None:
        """Make `names` read-only."""
        object.__setattr__(self, "names", MappingProxyType(self.names))

    def __len__(self) -> int:
        """Count the companies."""
        return len(self.ids)

    def __repr__(self) -> str:
        """Stay short: a log line must not carry a million ids."""
        return f"Companies({len(self.ids)} ids from {self.source!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the names as a plain dictionary: a read-only view cannot be pickled."""
        return type(self), (self.ids, dict(self.names), self.duplicates, self.source)


def read_companies(path: Path, stdin: BinaryIO | None = None) -> Companies:
    """Read the companies file; `-` means `stdin`, by default the standard input of the process.

    Raises `InputError` when the file cannot be read, and for all that `parse_companies` refuses.
    """
    if "\0" in str(path):  # no system call takes it; `open` would raise ValueError
        raise InputError(f"{escaped(str(path))}: is not a path; give the path of a text file")
    is_stdin = path == Path("-")
    source = "standard input" if is_stdin else str(path)
    try:
        if is_stdin:
            return parse_companies(_bounded_lines(stdin or _standard_input(), source), source)
        with path.open("rb") as stream:
            return parse_companies(_bounded_lines(stream, source), source)
    except OSError as error:
        raise InputError(f"{escaped(source)}: {_why_unreadable(error)}") from error


def parse_companies(lines: Iterable[bytes], source: str) -> Companies:
    """Parse the lines of a companies file, each with or without its line end.

    `source` names the file in messages. Duplicates are dropped whole (name included) and
    listed. Raises `InputError` with one line, `source:number: ...`, for every bad line, or
    when there is no id at all.
    """
    shown = escaped(source)
    # A dictionary keeps the order. The numbers are beside it: as its values, each is an object.
    ids: dict[str, None] = {}
    first_lines = array("Q")
    names = NameList()
    repeated: list[tuple[int, str]] = []
    problems = _Problems(shown)
    for number, line in enumerate(lines, start=1):
        raw = _after_byte_order_mark(line, shown) if number == 1 else line
        try:
            company_id, name = parse_line(raw)
        except BadLineError as problem:
            problems.add(number, str(problem))
            continue
        if not company_id:
            continue
        if company_id in ids:
            repeated.append((number, company_id))
            continue
        ids[company_id] = None
        first_lines.append(number)
        names.append(name)
    problems.raise_if_any()
    if not ids:
        raise InputError(f"{shown}: there is no company id in it; write one id a line")
    duplicates = _duplicates(repeated, ids, first_lines)
    distinct = tuple(ids)
    # Before the names get an index, for a million ids are 40 MB in it.
    del ids
    return Companies(distinct, names.of(distinct), duplicates, source)


def _duplicates(
    repeated: Sequence[tuple[int, str]], ids: Iterable[str], first_lines: Iterable[int]
) -> tuple[Duplicate, ...]:
    """Pair each line that repeats an id with the first line of that id."""
    wanted = {company_id for _, company_id in repeated}
    if not wanted:
        return ()
    first = {
        company_id: line
        for company_id, line in zip(ids, first_lines, strict=True)
        if company_id in wanted
    }
    return tuple(Duplicate(line, company_id, first[company_id]) for line, company_id in repeated)


def format_companies(companies: Companies) -> Iterator[bytes]:
    """Write companies as the lines of a companies file; `parse_companies` reads the same back."""
    for company_id in companies.ids:
        name = companies.names.get(company_id)
        yield (f"{company_id} {name}\n" if name else f"{company_id}\n").encode()


class _Problems:
    """The bad lines of one file: all are counted, the first 10,000 are listed."""

    def __init__(self, shown_source: str) -> None:
        self._source = shown_source
        self._listed: list[str] = []
        self._count = 0

    def add(self, number: int, problem: str) -> None:
        self._count += 1
        if self._count <= _MAX_REPORTED:
            self._listed.append(f"{self._source}:{number}: {problem}")

    def raise_if_any(self) -> None:
        if not self._count:
            return
        if self._count > _MAX_REPORTED:
            self._listed.append(
                f"{self._source}: and {self._count - _MAX_REPORTED} more bad lines; "
                "is this the right file?"
            )
        raise InputError(*self._listed)


def _after_byte_order_mark(line: bytes, shown_source: str) -> bytes:
    if line.startswith(_UTF16_BOMS):
        # Every line would be bad for this one reason.
        raise InputError(f"{shown_source}: is encoded as UTF-16; save it as UTF-8")
    # A line that is too long is here in part; without the mark it would look whole.
    return line if len(line) > MAX_LINE else line.removeprefix(_UTF8_BOM)


def _bounded_lines(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """Yield the lines of a stream; of one that is too long, just more than `MAX_LINE` bytes."""
    if is_endless(stream):
        raise InputError(f"{escaped(source)}: is a device; give the path of a text file")
    while line := stream.readline(MAX_LINE + 1):
        end = line
        while len(end) > MAX_LINE and not end.endswith(b"\n"):
            end = stream.readline(MAX_LINE + 1)
        yield line


def _standard_input() -> BinaryIO:
    # None in a process that was started without one, whatever the type says.
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise InputError("standard input: there is none; give the path of a text file")
    return stream  # type: ignore[no-any-return]


def _why_unreadable(error: OSError) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "there is no such file; check the path, or give - for standard input"
        case IsADirectoryError():
            return "this is a directory; give the path of a text file with one id a line"
        case PermissionError():
            return "no permission to read it; allow it with chmod u+r, or give another file"
        case _:
            return f"cannot be read ({error.strerror or error}); give the path of a text file"


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


class BadLineError(Exception):
    """Reason why a line is invalid, and what to do about it, without its position."""


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
