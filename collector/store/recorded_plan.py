"""The plan of a run directory, read from its manifest and its list of companies."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.core.regular import check_regular
from collector.plan import (
    RECORDED,
    Companies,
    DateRange,
    Plan,
    WindowSize,
    cut_windows,
    format_companies,
    read_companies,
)
from collector.plan.company_line import parse_recorded_line
from collector.plan.company_table import place_finder
from collector.store.atomic import replace_file
from collector.store.data_file import decompress_one, is_compressed, stored_as
from collector.store.manifest import PlanRecord

__all__ = [
    "CompanyList",
    "ListContent",
    "Recorded",
    "content_of_list",
    "is_intact_list",
    "is_our_list",
    "is_written",
    "read_company_list",
    "read_list_content",
    "recorded_plan",
    "recorded_windows",
    "write_company_list",
]

_HEAD: Final = RECORDED + b"sha256 of the lines below: "

_FROM: Final = b"# from "
"""How a line begins that gives the first day of the companies below it."""


class CompanyList(NamedTuple):
    """The companies, and whether the list is as the collector wrote it."""

    companies: Companies
    is_intact: bool


class ListContent(NamedTuple):
    """The content of a list: its first line, and the SHA-256 (hexadecimal) of the lines below."""

    head: bytes
    digest: str

    @property
    def is_intact(self) -> bool:
        """Whether the list is as the collector wrote it."""
        return self.head == _HEAD + self.digest.encode() + b"\n"


def content_of_list(companies: Companies, first_days: Sequence[date] = ()) -> ListContent:
    """Return the content that the list of these companies has; see `write_company_list`."""
    digest = sha256()
    for line in _lines(companies, first_days):
        digest.update(line)
    return ListContent(_HEAD + digest.hexdigest().encode() + b"\n", digest.hexdigest())


def read_list_content(path: Path) -> ListContent:
    """Return the content of a list, without parsing it. Raises `OSError`."""
    with path.open("rb") as stream:
        head = stream.readline(len(_HEAD) + 100)
        digest = sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return ListContent(head, digest.hexdigest())


def write_company_list(path: Path, companies: Companies, first_days: Sequence[date] = ()) -> None:
    """Replace the list atomically; the first day of each company is in it if they differ.

    A list that has this content stays. Raises `OSError`.
    """
    content = content_of_list(companies, first_days)
    if not path.is_file() or read_list_content(path) != content:
        replace_file(path, chain([content.head], _lines(companies, first_days)))


def is_written(path: Path, companies: Companies, first_days: Sequence[date] = ()) -> bool:
    """Tell whether the list is as `write_company_list` would write it. Raises `OSError`."""
    return read_list_content(path) == content_of_list(companies, first_days)


def _lines(companies: Companies, first_days: Sequence[date]) -> Iterator[bytes]:
    if not first_days:
        yield from format_companies(companies)
        return
    before: date | None = None
    for line, first in zip(format_companies(companies), first_days, strict=True):
        if first != before:
            yield _FROM + first.isoformat().encode() + b"\n"
            before = first
        yield line


def read_company_list(path: Path) -> CompanyList:
    """Read the list, and verify its checksum. Raises `InputError` if it is no companies file."""
    try:
        # A list that the user gives may be a pipe; this one is a file.
        check_regular(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if is_compressed(form := stored_as(path)):
        raise InputError(
            f"{form}: is compressed, but must stay plain; decompress it: {decompress_one(form)}"
        )
    return CompanyList(read_companies(path), is_intact_list(path))


def is_our_list(path: Path) -> bool:
    """Tell whether the collector wrote the list; it may be edited. Raises `OSError`."""
    with path.open("rb") as stream:
        return stream.read(len(_HEAD)) == _HEAD


def is_intact_list(path: Path) -> bool:
    """Tell whether the list is as the collector wrote it. Raises `OSError`."""
    return read_list_content(path).is_intact


class Recorded(NamedTuple):
    """The plan of a run directory; `is_intact` is False if its list of companies was edited."""

    plan: Plan
    is_intact: bool


def recorded_plan(record: PlanRecord, path: Path, listed: CompanyList | None = None) -> Recorded:
    """Rebuild a plan from the manifest's record and the list of companies beside it.

    `listed` is that list, if it was read already. Raises `InputError` when the list cannot be read,
    and `ValueError` for a damaged record.
    """
    windows, _ = recorded_windows(record)
    companies, is_intact = listed or read_company_list(path)
    if not record.has_first_days:
        return Recorded(Plan(companies, windows), is_intact)
    with path.open("rb") as stream:
        first_windows = _first_windows(stream, companies, windows)
    return Recorded(Plan(companies, windows, first_windows), is_intact)


def _first_windows(
    lines: Iterable[bytes], companies: Companies, windows: Sequence[Window]
) -> Sequence[int]:
    """Return the place of the first window of each company. Raises `ValueError`."""
    ends = [window.until_date or date.min for window in windows]
    found = array("I", bytes(4 * len(companies)))
    find, first = place_finder(companies.ids), 0
    for line in lines:
        if line.startswith(_FROM):
            day = date.fromisoformat(line[len(_FROM) :].decode().strip())
            # A shard may have recorded its plan before the range has grown.
            first = min(bisect_left(ends, day), len(windows) - 1)
        elif (place := find(parse_recorded_line(line)[0])) is not None:
            found[place] = first
    return found


def recorded_windows(record: PlanRecord) -> tuple[tuple[Window, ...], WindowSize]:
    """Rebuild the windows of a plan; return them and their size.

    Raises `ValueError` for a damaged record.
    """
    try:
        size = WindowSize.parse(record.window)
        return cut_windows(_date_range(record), size), size
    except InputError as error:
        # The error is in the record here, not on the command line.
        raise ValueError(str(error)) from error


def _date_range(record: PlanRecord) -> DateRange | None:
    if record.from_date is None or record.until_date is None:
        return None
    return DateRange(date.fromisoformat(record.from_date), date.fromisoformat(record.until_date))
