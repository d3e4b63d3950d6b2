"""Files of other programs and users in a run directory: they are refused, and not changed."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from collector.core.endpoint import STATISTICS
from collector.core.errors import InputError
from collector.core.regular import kind_of
from collector.store.data_file import decompress_command
from collector.store.earlier_attempts import damaged_manifest, missing_manifest
from collector.store.files import (
    CLUSTER_LOCK,
    COMPANIES,
    PLAN_LOCK,
    Listing,
    PartFiles,
    files_are,
)
from collector.store.ledger import Ledger
from collector.store.recorded_plan import is_our_list, read_company_list
from collector.store.repair import whole_of

__all__ = ["refuse_compressed", "refuse_links", "refuse_what_is_not_ours"]

_OURS: Final = re.compile(
    rf"(?:(?:(?:{STATISTICS.stem}|errors|log)(?:-[0-9]{{5}}-of-[0-9]{{5}})?\.jsonl"
    r"|run(?:-[0-9]{5}-of-[0-9]{5})?\.(?:json|lock)"
    rf"|{re.escape(COMPANIES)})(?:\.broken)?|{re.escape(CLUSTER_LOCK)}|{re.escape(PLAN_LOCK)})"
)
"""Names of all files that a run opens for writing, or replaces."""


def refuse_links(directory: Path) -> Listing:
    """Return what is in a directory, unless a link, pipe or device has the name of a file of a run.

    What a link leads to may belong to another program. Links to the directory itself, or to one
    above it, are followed. Raises `InputError`, and `OSError`, unless there is no directory.
    """
    names: list[str] = []
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            names.append(entry.name)
            if entry.is_file(follow_symlinks=False) or _OURS.fullmatch(entry.name) is None:
                continue
            if entry.is_symlink():
                what = "is a symbolic link; replace it by the file, or link the whole directory"
            elif not entry.is_dir():
                kind = kind_of(entry.stat(follow_symlinks=False).st_mode)
                what = f"is {kind}, not a file; remove it"
            else:
                continue
            raise InputError(
                f"--output {directory}: {entry.name} {what}: a run writes files of its own only"
            )
    return Listing(directory, names)


def refuse_compressed(files: PartFiles, listing: Listing) -> None:
    """Raise `InputError` if files that a run appends to, or resumes from, are compressed.

    `listing` is of the directory, see `refuse_links`. Raises `OSError`.
    """
    directory, parts = files.directory, listing.reserved_for(files).parts(files)
    found = [path for other in parts for path in other.compressed()]
    if found:
        raise InputError(
            f"--output {directory}: {files_are(found)} compressed, and a run is "
            f"resumed from plain files; decompress them first ({decompress_command(found)}), or "
            "give another --output"
        )


def refuse_what_is_not_ours(files: PartFiles, trouble: str, ledger: Ledger) -> None:
    """Raise `InputError` if there are lines of another plan, or files of another program.

    Called when there is no manifest that identifies the files.
    """
    directory = files.directory
    if ledger.unplanned:
        raise InputError(
            f"--output {directory}: {trouble}, and {ledger.remarks()[0]}; give another --output"
        )
    is_lost = trouble in {missing_manifest(files), damaged_manifest(files)}
    if ledger.done or not is_lost or _has_our_list(directory):
        return
    paths = (files.manifest, files.statistics, files.errors, files.log)
    found = [path.name for path in paths if whole_of(path)]
    if whole_of(companies := directory / COMPANIES) and not is_our_list(companies):
        found.append(COMPANIES)
    if found:
        raise InputError(
            f"--output {directory}: {trouble}, and no line of a run is in it, but there is "
            f"{', '.join(found)}; give another --output"
        )


def _has_our_list(directory: Path) -> bool:
    try:
        return read_company_list(directory / COMPANIES).is_intact
    except InputError:
        return False
