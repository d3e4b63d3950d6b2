"""The runs that a command reads, and warnings of those that it cannot."""

from collections.abc import Sequence
from pathlib import Path

from collector.cli.printing import complain
from collector.errors import InputError
from collector.store.recorded_run import (
    RecordedRun,
    each_once,
    find_runs,
    oldest_first,
    was_begun,
)

__all__ = ["runs_in"]


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
