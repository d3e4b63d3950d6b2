"""Input and output of the commands that read runs: the runs, and the file that is written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from collector.cli.printing import complain
from collector.core.errors import InputError, StorageError
from collector.core.links import resolved
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

    A run that was killed before its first cell is left out with a warning, so that the others are
    still read. Raises `InputError` if no run is left (an empty result must not replace an earlier
    one), and as `find_runs` does.
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
    """Yield the path of an empty file, which replaces `path` when the block has ended.

    Raises `StorageError` when it cannot be written; the old file then stays in place.
    """
    try:
        # A link belongs to the user and stays; the file that it leads to is replaced.
        with replacing(resolved(path)) as draft:
            yield draft
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from error
