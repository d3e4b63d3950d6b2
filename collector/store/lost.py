"""Lines and files that were removed from a run: what it must have, and what is there."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Self

import msgspec

from collector.core.endpoint import STATISTICS
from collector.core.text import counted
from collector.store.data_file import is_compressed, salvage_command, stored_as
from collector.store.files import LOCK, Listing, PartFiles, files_are, parts_in
from collector.store.manifest import Manifest, answers_recorded
from collector.store.repair import damaged_spans

__all__ = ["PartRecord", "lost_files", "lost_lines_of", "was_begun"]

_AFTER_MANIFEST: Final = re.compile(
    rf"(?:(?:{STATISTICS.stem}|errors|log)(?P<shard>-[0-9]{{5}}-of-[0-9]{{5}})?(?:\.[1-9][0-9]*)?"
    r"\.jsonl(?:\.gz|\.zst)?(?:\.broken)?"
    r"|run(?P<kept>-[0-9]{5}-of-[0-9]{5})?\.(?:[1-9][0-9]*\.json|checkpoint))"
)
"""Names of the files that a run writes after its first manifest, beside locks and drafts."""


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What one part of a run has recorded of the cells that have an answer.

    `kept` had one before its last attempt, `collected` got one in it. `unended_since` is when that
    attempt began if it has no end: it works, or was killed, and has not recorded what it collected.
    `ended_since` is when that attempt began if it has an end.
    """

    files: PartFiles
    kept: int = 0
    collected: int = 0
    unended_since: datetime | None = None
    ended_since: datetime | None = None

    @classmethod
    def of(cls, files: PartFiles, manifest: Manifest | None) -> Self:
        """Return the record in a manifest; nothing is recorded without one."""
        if manifest is None or not manifest.attempts:
            return cls(files)
        last = manifest.attempts[-1]
        kept, collected = answers_recorded(last, "kept"), answers_recorded(last, "cells")
        began_at = datetime.fromisoformat(last["started_at"])
        if last["ended_at"] is None:
            return cls(files, kept, collected, unended_since=began_at)
        return cls(files, kept, collected, ended_since=began_at)


def lost_lines_of(
    directory: Path,
    records: Sequence[PartRecord],
    lines: Sequence[int],
    doubled: int,
    *,
    is_in_progress: bool,
) -> list[str]:
    """Return warnings about lines of a run that are gone; none if all are there.

    `lines` counts those of each part, and `doubled` those of them whose cell has another line: the
    record counts cells. Blocks, for it reads the logs of attempts that were killed.
    """
    recounted = _recounted(records)
    logged = {
        record.files: _logged(record.files, record.unended_since)
        for record in records
        if not (record.unended_since is None or record.files in recounted or is_in_progress)
    }
    left = sum(lines) - doubled
    gone = max(_gone(records, left), _gone_of_parts(records, lines, logged, recounted))
    remarks = []
    if gone:
        are_gone = counted(gone, "line is gone", "lines are gone")
        had, have = counted(left + gone, "cell"), counted(left, "has", "have")
        remarks.append(
            f"{directory}: {are_gone}: {had} had an answer, and {have} a line now; "
            f"collector run requests the others again{_if_plain(records)}"
        )
    missing = [files.statistics for files in logged if not files.has_statistics()]
    if missing:
        remarks.append(
            f"{directory}: {files_are(missing)} missing, and the attempt was killed: how many "
            "lines there were is not known; collector run requests what has no line"
        )
    return remarks


def _if_plain(records: Sequence[PartRecord]) -> str:
    """Say what must be done before a run, which reads plain files only; empty if nothing."""
    forms = [stored_as(record.files.statistics) for record in records]
    packed = next(filter(is_compressed, forms), None)
    if packed is None:
        return ""
    return (
        ", but from plain files only; what can be read of a damaged compressed one becomes plain "
        f"with: {salvage_command(packed)}"
    )


def _gone(records: Sequence[PartRecord], left: int) -> int:
    """Return how many lines all parts lack together, of which `left` are there.

    Each part counts its own cells. Of divisions into different numbers of shards the largest count
    is right: they are about the same cells.
    """
    counts: Counter[int] = Counter()
    for record in records:
        counts[record.files.shard.total] += record.kept + record.collected
    return max(0, max(counts.values(), default=0) - left)


def _gone_of_parts(
    records: Sequence[PartRecord],
    lines: Sequence[int],
    logged: Mapping[PartFiles, int],
    recounted: set[PartFiles],
) -> int:
    """Return how many lines single parts lack, though another may have more than it has recorded.

    What an attempt has collected is in the file of its part. What it has kept is so if there is no
    other division, whose files may have it. Those that were `recounted` lack none by themselves.
    """
    is_one_division = len({record.files.shard.total for record in records}) == 1
    gone = 0
    for record, count in zip(records, lines, strict=True):
        if record.files in recounted:
            continue
        of_before = record.kept if is_one_division else 0
        collected = max(record.collected, logged.get(record.files, 0) - record.kept)
        gone += max(0, of_before + collected - count)
    return gone


def _recounted(records: Sequence[PartRecord]) -> set[PartFiles]:
    """Return the parts whose lines a later division has counted, all parts of which have ended.

    What such a part had lost by then is collected again, into files of that division.
    """
    began: dict[int, list[datetime]] = {}
    for record in records:
        if record.ended_since is not None:
            began.setdefault(record.files.shard.total, []).append(record.ended_since)
    # When the first of their last attempts began, by the number of shards.
    firsts = {total: min(times) for total, times in began.items() if len(times) == total}
    return {
        record.files
        for record in records
        if (at := record.ended_since or record.unended_since) is not None
        and any(first > at for total, first in firsts.items() if total != record.files.shard.total)
    }


class _Sample(msgspec.Struct, gc=False):
    """A sample in the log: `done` counts the cells whose line was on the disk."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    done: int


_sample: Final = msgspec.json.Decoder(_Sample)
_MARK: Final = b'"event":"sample"'


def _logged(files: PartFiles, since: datetime) -> int:
    """Return how many cells had an answer at the last sample of an attempt; 0 without samples."""
    done = failed = 0

    def take(line: bytes) -> bool:
        nonlocal done
        if _MARK in line:
            with suppress(msgspec.DecodeError, RecursionError):
                sample = _sample.decode(line)
                done = sample.done if sample.at >= since else 0
        return True

    def take_error(_: bytes) -> bool:
        nonlocal failed
        failed += 1
        return True

    # What cannot be read tells nothing.
    with suppress(OSError):
        damaged_spans(files.log, take)
        damaged_spans(files.errors, take_error)
    return max(0, done - failed)


def lost_files(directory: Path) -> str | None:
    """Say which files a run has lost that has neither a manifest nor results; None if none has.

    Before its manifest a run writes only locks, its list of companies and drafts: any other file is
    of a run that has begun. Raises `OSError`.
    """
    listing = Listing.of(directory)
    if any(files.exist() for files in listing.parts()):
        return None
    found = next(filter(None, map(_AFTER_MANIFEST.fullmatch, sorted(listing.names))), None)
    if found is None:
        return None
    shard = found["shard"] or found["kept"] or ""
    return (
        f"{directory}: run{shard}.json and {STATISTICS.stem}{shard}.jsonl are missing, but "
        f"{found[0]} is there: a run has lost its files; restore them from a copy"
    )


def was_begun(directory: Path) -> bool:
    """Tell whether a directory has more than a run leaves that began nothing.

    A run that is killed before its manifest is written leaves its locks, the list of companies and
    drafts. A directory that cannot be looked at counts as begun: `find_run` says why.
    """
    try:
        if not (directory / LOCK).exists():
            return True
        if any(files.exist() for files in parts_in(directory)):
            return True
        return lost_files(directory) is not None
    except OSError:
        return True
