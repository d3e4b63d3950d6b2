"""The plan of a run directory, read from its manifest and its list of companies.

Also the attempts recorded so far.
"""

import shlex
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

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
from collector.store.files import COMPANIES, PartFiles
from collector.store.identity import service_differences
from collector.store.manifest import (
    DatesRecord,
    Manifest,
    PlanRecord,
    answers_recorded,
    gravest_record,
)
from collector.store.plan_differences import plan_differences

__all__ = [
    "CompanyList",
    "EarlierAttempts",
    "Recorded",
    "damaged_manifest",
    "is_intact_list",
    "is_our_list",
    "is_written",
    "missing_manifest",
    "read_company_list",
    "read_earlier_attempts",
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


def write_company_list(path: Path, companies: Companies, first_days: Sequence[date] = ()) -> None:
    """Replace the list atomically; the first day of each company is in it if they differ.

    Raises `OSError`.
    """
    head = _head(_lines(companies, first_days))
    replace_file(path, chain([head], _lines(companies, first_days)))


def is_written(path: Path, companies: Companies, first_days: Sequence[date] = ()) -> bool:
    """Tell whether the list is as `write_company_list` would write it. Raises `OSError`."""
    with path.open("rb") as stream:
        head = stream.readline(len(_HEAD) + 100)
    return head == _head(_lines(companies, first_days)) and is_intact_list(path)


def _head(lines: Iterable[bytes]) -> bytes:
    digest = sha256()
    for line in lines:
        digest.update(line)
    return _HEAD + digest.hexdigest().encode() + b"\n"


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
    with path.open("rb") as stream:
        head = stream.readline(len(_HEAD) + 100)
        return head == _head(iter(lambda: stream.read(1 << 20), b""))


class Recorded(NamedTuple):
    """The plan of a run directory; `is_intact` is False if its list of companies was edited."""

    plan: Plan
    is_intact: bool


def recorded_plan(record: PlanRecord, path: Path) -> Recorded:
    """Rebuild a plan from the manifest's record and the list of companies beside it.

    Raises `InputError` when the list cannot be read, and `ValueError` for a damaged record.
    """
    windows, _ = recorded_windows(record)
    companies, is_intact = read_company_list(path)
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


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """The earlier attempts; `trouble` says why their plan is unknown, if it is.

    `newest` is when other shards last had an answer.
    """

    attempts: tuple[dict[str, Any], ...] = ()
    dates: DatesRecord | None = None
    is_known: bool = True
    trouble: str = ""
    newest: datetime | None = None


def read_earlier_attempts(
    files: PartFiles, parts: Sequence[PartFiles], plan: Plan, service: dict[str, str]
) -> EarlierAttempts:
    """Read the manifests and compare their plans. Raises `InputError` when one differs.

    The record of dates may come from another shard; the attempts are those of `files`.
    """
    own = _read_manifest(files, plan, service)
    others = [_read_manifest(other, plan, service) for other in parts if other != files]
    known = [earlier for earlier in others if earlier.is_known]
    if own.trouble == missing_manifest(files) and known:
        own = EarlierAttempts()
    dates = [earlier.dates for earlier in (own, *known) if earlier.dates is not None]
    return replace(
        own,
        dates=gravest_record(dates),
        newest=max((at for earlier in known for at in _answered_at(earlier)), default=None),
    )


def _answered_at(earlier: EarlierAttempts) -> Iterator[datetime]:
    """Yield when attempts with answers ended, or when they began if they have no end."""
    for attempt in earlier.attempts:
        if attempt["ended_at"] is None or answers_recorded(attempt, "cells"):
            yield datetime.fromisoformat(attempt["ended_at"] or attempt["started_at"])


def _read_manifest(files: PartFiles, plan: Plan, service: dict[str, str]) -> EarlierAttempts:
    directory = files.directory
    try:
        manifest = Manifest.read(files.manifest)
    except ValueError:
        return EarlierAttempts(trouble=damaged_manifest(files), is_known=False)
    if manifest is None:
        return EarlierAttempts(trouble=missing_manifest(files), is_known=False)
    trouble = ""
    is_known = True
    differences = service_differences(manifest.service, service)
    if manifest.plan.fingerprint != plan.fingerprint:
        try:
            recorded, is_intact = recorded_plan(manifest.plan, directory / COMPANIES)
            if is_intact:
                differences += plan_differences(recorded, plan)
            else:
                trouble = f"{COMPANIES} was edited"
        except InputError:
            trouble = f"{COMPANIES} is missing or damaged"
        except ValueError:
            trouble, is_known = damaged_manifest(files), False
    if differences:
        raise InputError(
            f"--output {directory}: holds a run of another plan: {'; '.join(differences)}; give "
            f"another --output, or see with collector status {shlex.quote(str(directory))} how to "
            "resume that run"
        )
    return EarlierAttempts(tuple(manifest.attempts), manifest.dates, is_known, trouble)


def missing_manifest(files: PartFiles) -> str:
    """Return the text for a manifest that is missing."""
    return f"{files.manifest.name} is missing"


def damaged_manifest(files: PartFiles) -> str:
    """Return the text for a manifest that cannot be read."""
    return f"{files.manifest.name} is damaged"
