"""What the reading commands share: the runs that they read, and the file that they write."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from collector.cli.printing import complain
from collector.core.errors import InputError, StorageError
from collector.store.atomic import replacing
from collector.store.recorded_run import (
    RecordedRun,
    each_once,
    find_runs,
    oldest_first,
    was_begun,
)

__all__ = ["draft_of", "runs_in"]


def runs_in(directories: Sequence[Path]) -> list[RecordedRun]:
    """Return the runs that have begun in directories, each once, the oldest first.

    One dead run must not take all nights away: it is left out with a warning. Raises `InputError`
    if there is no other, for nothing must not replace earlier answers, and as `find_runs` does.
    """
    begun = [directory for directory in directories if was_begun(directory)]
    for directory in directories:
        if directory not in begun:
            complain(f"warning: {directory}: a run was killed before its first cell; left out")
    if not begun:
        raise InputError("no run has begun in these directories; give others")
    return oldest_first(each_once(find_runs(begun)))


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Give the path of an empty file, which takes the place of `path` when the block has ended.

    Raises `StorageError` when the disk refuses, and then the old file is in its place.
    """
    try:
        # Two commands at a time do not write into each other's drafts.
        with replacing(path, suffix=f".{os.getpid()}.new") as draft:
            yield draft
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from error
