"""The companies file: a list with one id per line, or a table as spreadsheets save it.

`read_companies` opens the file, and `parse_companies` reads its lines; what a line is, say
`collector.plan.company_line` and `company_csv`. Both stream: what stays in memory is the ids, the
names and the duplicates, never the file.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple

from collector.core.errors import InputError
from collector.core.regular import is_endless
from collector.core.text import escaped
from collector.plan.company_csv import BadHeaderError, Columns, LineReader
from collector.plan.company_line import MAX_LINE, BadLineError
from collector.plan.company_table import NameList

__all__ = [
    "Companies",
    "Duplicate",
    "format_companies",
    "parse_companies",
    "read_companies",
]

_MAX_REPORTED: Final = 10_000
"""Bad lines that are listed. A file with more is of the wrong kind."""

_UTF8_BOM: Final = b"\xef\xbb\xbf"

_OTHER_CONTENTS: Final = {
    b"\xff\xfe": "is encoded as UTF-16",
    b"\xfe\xff": "is encoded as UTF-16",
    b"PK\x03\x04": "is a spreadsheet (.xlsx or .ods) or a ZIP archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "is an old spreadsheet (.xls)",
    b"\x1f\x8b": "is compressed (gzip)",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd)",
    b"\xfd7zXZ\x00": "is compressed (xz)",
    b"BZh91AY&SY": "is compressed (bzip2)",
}
"""How files begin that are no text in UTF-8, whatever their names say."""


_ANY: Final = Columns()


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


def read_companies(
    path: Path, stdin: BinaryIO | None = None, *, columns: Columns = _ANY
) -> Companies:
    """Read the companies file; `-` means `stdin`, by default the standard input of the process.

    `columns` are the headers to look for in a table. Raises `InputError` when the file cannot be
    read, and for all that `parse_companies` refuses.
    """
    if "\0" in str(path):  # no system call takes it; `open` would raise ValueError
        raise InputError(f"{escaped(str(path))}: is not a path; give the path of a text file")
    is_stdin = path == Path("-")
    source = "standard input" if is_stdin else str(path)
    try:
        if is_stdin:
            return parse_companies(
                _bounded_lines(stdin or _standard_input(), source), source, columns
            )
        with path.open("rb") as stream:
            return parse_companies(_bounded_lines(stream, source), source, columns)
    except OSError as error:
        raise InputError(f"{escaped(source)}: {_why_unreadable(error)}") from error


def parse_companies(lines: Iterable[bytes], source: str, columns: Columns = _ANY) -> Companies:
    """Parse the lines of a companies file, each with or without its line end.

    `source` names the file in messages, `columns` the headers to look for in a table. Duplicates
    are dropped whole (name included) and listed. Raises `InputError` with one line,
    `source:number: ...`, for every bad line, or when there is no id at all.
    """
    shown = escaped(source)
    # A dictionary keeps the order. The numbers are beside it: as its values, each is an object.
    ids: dict[str, None] = {}
    first_lines = array("Q")
    names = NameList()
    repeated: list[tuple[int, str]] = []
    problems = _Problems(shown)
    reader = LineReader(columns)
    for number, line in enumerate(lines, start=1):
        raw = _first_line(line, shown) if number == 1 else line
        try:
            company_id, name = reader.parse(raw)
        except BadHeaderError as problem:
            problems.add(number, str(problem))
            break
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
        where = " below its header" if reader.is_table else ""
        raise InputError(f"{shown}: there is no company id in it{where}; write one id per line")
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
    """Write companies as the lines of a list; after `RECORDED` `parse_companies` reads them back.

    Ids and names are as they are: neither quotes nor a `#` within a name mean anything there.
    """
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


def _first_line(line: bytes, shown_source: str) -> bytes:
    """Return the first line without a byte order mark. Raises `InputError` if it is no text."""
    contents = next((text for magic, text in _OTHER_CONTENTS.items() if line.startswith(magic)), "")
    if not contents and b"\0" in line[:4] and line[:4].strip(b"\0"):
        contents = "is encoded as UTF-16"  # without a mark: there is a zero beside each letter
    if contents:
        # Every line would be bad for this one reason.
        raise InputError(f"{shown_source}: {contents}; save it as CSV (UTF-8)")
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
            return "this is a directory; give the path of a text file with one id per line"
        case PermissionError():
            return "no permission to read it; allow it with chmod u+r, or give another file"
        case _:
            return f"cannot be read ({error.strerror or error}); give the path of a text file"
