"""The plan of a run directory, read from its manifest and its list of companies.

Also the differences to another plan, and the attempts recorded so far.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.core.regular import check_regular
from collector.core.text import escaped
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
from collector.store.atomic import replace_file
from collector.store.files import COMPANIES, PartFiles
from collector.store.identity import service_differences
from collector.store.manifest import (
    DatesRecord,
    Manifest,
    PlanRecord,
    answers_recorded,
    gravest_record,
)

__all__ = [
    "CompanyList",
    "EarlierAttempts",
    "Recorded",
    "damaged_manifest",
    "is_intact_list",
    "is_our_list",
    "missing_manifest",
    "plan_differences",
    "read_company_list",
    "read_earlier_attempts",
    "recorded_plan",
    "recorded_windows",
    "write_company_list",
]

_HEAD: Final = RECORDED + b"sha256 of the lines below: "


class CompanyList(NamedTuple):
    """The companies, and whether the list is as the collector wrote it."""

    companies: Companies
    is_intact: bool


def write_company_list(path: Path, companies: Companies) -> None:
    """Replace the list atomically. Raises `OSError`."""
    digest = sha256()
    for line in format_companies(companies):
        digest.update(line)
    head = _HEAD + digest.hexdigest().encode() + b"\n"
    replace_file(path, chain([head], format_companies(companies)))


def read_company_list(path: Path) -> CompanyList:
    """Read the list, and verify its checksum. Raises `InputError` if it is no companies file."""
    try:
        # A list that the user gives may be a pipe; this one is a file.
        check_regular(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return CompanyList(read_companies(path), is_intact_list(path))


def is_our_list(path: Path) -> bool:
    """Tell whether the collector wrote the list; it may be edited. Raises `OSError`."""
    with path.open("rb") as stream:
        return stream.read(len(_HEAD)) == _HEAD


def is_intact_list(path: Path) -> bool:
    """Tell whether the list is as the collector wrote it. Raises `OSError`."""
    with path.open("rb") as stream:
        head = stream.readline(len(_HEAD) + 100)
        digest = sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return head == _HEAD + digest.hexdigest().encode() + b"\n"


_LISTED: Final = 5
"""Companies that a message names; more would make it unreadable."""


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
    return Recorded(Plan(companies, windows), is_intact)


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


def plan_differences(old: Plan, new: Plan) -> list[str]:
    """Return the reasons, as texts, why lines of two plans cannot be in one directory.

    There are none when the new plan is the same, or has grown: more companies, or more windows at
    the end.
    """
    return [
        *_company_differences(old.companies, new.companies),
        *_window_differences(old.windows, new.windows),
    ]


def _date_range(record: PlanRecord) -> DateRange | None:
    if record.from_date is None or record.until_date is None:
        return None
    return DateRange(date.fromisoformat(record.from_date), date.fromisoformat(record.until_date))


def _company_differences(old: Companies, new: Companies) -> list[str]:
    # Without a set of both, for usually no company is gone.
    present = set(new.ids)
    gone = [company_id for company_id in old.ids if company_id not in present]
    if not gone:
        return []
    listed = ", ".join(escaped(company_id) for company_id in gone[:_LISTED])
    more = f" and {len(gone) - _LISTED:,} more" if len(gone) > _LISTED else ""
    return [f"{len(gone):,} of its companies are not in the file now: {listed}{more}"]


def _window_differences(old: Sequence[Window], new: Sequence[Window]) -> list[str]:
    if tuple(new[: len(old)]) == tuple(old):
        return []
    if old[0].from_date != new[0].from_date:
        return [f"it began {_first_day(old)}, and now would begin {_first_day(new)}"]
    for before, after in zip(old, new, strict=False):
        if before != after:
            return [f"its window {before} would become {after}"]
    return [f"it ended on {old[-1].until_date}, and now would end on {new[-1].until_date}"]


def _first_day(windows: Sequence[Window]) -> str:
    first = windows[0].from_date
    return "with the server's default window" if first is None else f"on {first}"


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
