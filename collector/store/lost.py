"""Lines that were removed from a run: what it has recorded, compared with what is there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec

from collector.store.data_file import stored_as
from collector.store.files import PartFiles, files_are
from collector.store.manifest import Manifest, answers_recorded
from collector.store.repair import damaged_spans

__all__ = ["PartRecord", "lost_lines_of"]


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What one part of a run has recorded of the cells that have an answer.

    `kept` had one before its last attempt, `collected` got one in it. An attempt that `was_killed`
    has no end in the manifest, and has recorded nothing of the latter.
    """

    files: PartFiles
    kept: int = 0
    collected: int = 0
    was_killed: bool = False

    @classmethod
    def of(cls, files: PartFiles, manifest: Manifest | None) -> Self:
        """Return the record in a manifest; nothing is recorded without one."""
        if manifest is None or not manifest.attempts:
            return cls(files)
        last = manifest.attempts[-1]
        kept, collected = answers_recorded(last, "kept"), answers_recorded(last, "cells")
        return cls(files, kept, collected, last["ended_at"] is None)


def lost_lines_of(
    directory: Path, records: Sequence[PartRecord], lines: Sequence[int], *, is_in_progress: bool
) -> list[str]:
    """Return warnings about lines of a run that are gone; none if all are there.

    `lines` counts those of each part. Blocks, for it reads the logs of attempts that were killed.
    """
    killed = [] if is_in_progress else [record for record in records if record.was_killed]
    logged = {record.files: _logged(record.files) for record in killed}
    gone = max(_gone(records, lines), _gone_of_parts(records, lines, logged))
    remarks = []
    if gone:
        left = sum(lines)
        are_gone = "1 line is gone" if gone == 1 else f"{gone:,} lines are gone"
        have = "1 has" if left == 1 else f"{left:,} have"
        remarks.append(
            f"{directory}: {are_gone}: {left + gone:,} cells had an answer, and {have} a line now; "
            "collector run requests the others again"
        )
    missing = [r.files.statistics for r in killed if not r.files.has_statistics()]
    if missing:
        remarks.append(
            f"{directory}: {files_are(missing)} missing, and the attempt was killed: how many "
            "lines there were is not known; collector run requests what has no line"
        )
    return remarks


def _gone(records: Sequence[PartRecord], lines: Sequence[int]) -> int:
    """Return how many lines all parts lack together.

    Each part counts its own cells. Of divisions into different numbers of shards the largest count
    is right: they are about the same cells.
    """
    counts: Counter[int] = Counter()
    for record in records:
        counts[record.files.shard.total] += record.kept + record.collected
    return max(0, max(counts.values(), default=0) - sum(lines))


def _gone_of_parts(
    records: Sequence[PartRecord], lines: Sequence[int], logged: Mapping[PartFiles, int]
) -> int:
    """Return how many lines single parts lack, though another may have more than it has recorded.

    What an attempt has collected is in the file of its part. What it has kept is so if there is no
    other division, whose files may have it.
    """
    is_one_division = len({record.files.shard.total for record in records}) == 1
    gone = 0
    for record, count in zip(records, lines, strict=True):
        of_before = record.kept if is_one_division else 0
        collected = max(record.collected, logged.get(record.files, 0) - record.kept)
        gone += max(0, of_before + collected - count)
    return gone


class _Event(msgspec.Struct, gc=False):
    """An event of the log that counts cells: `kept` when a run starts, `done` in a sample."""

    event: str
    kept: int = 0
    done: int = 0


_event: Final = msgspec.json.Decoder(_Event)
_COUNTING: Final = (b'"event":"run_started"', b'"event":"sample"')


def _logged(files: PartFiles) -> int:
    """Return how many cells had an answer when the log last counted them; 0 if it does not tell.

    It counts lines that are on the disk, those of failed cells among them.
    """
    done = failed = 0

    def take(line: bytes) -> bool:
        nonlocal done
        if any(mark in line for mark in _COUNTING):
            with suppress(msgspec.DecodeError, RecursionError):
                event = _event.decode(line)
                done = event.kept if event.event == "run_started" else event.done
        return True

    def take_error(_: bytes) -> bool:
        nonlocal failed
        failed += 1
        return True

    # What cannot be read tells nothing.
    with suppress(OSError):
        damaged_spans(stored_as(files.log), take)
        damaged_spans(stored_as(files.errors), take_error)
    return max(0, done - failed)
