"""Input and output of the commands that read runs: the runs, and the file that is written."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from collector.cli.printing import complain
from collector.core.errors import StorageError
from collector.core.links import resolved
from collector.core.regular import check_regular
from collector.store.atomic import replacing
from collector.store.recorded_run import BegunRuns, begun_runs

__all__ = ["draft_of", "runs_in", "warn"]


def warn(remark: str) -> None:
    """Tell the user on standard error what a reading command could not read."""
    complain(f"warning: {remark}")


def runs_in(directories: Sequence[Path]) -> BegunRuns:
    """Return the runs that `begun_runs` finds; its remarks are warnings on standard error."""
    return begun_runs(directories, warn)


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Yield the path of an empty file, which replaces `path` when the block has ended.

    Raises `StorageError` when it cannot be written; the old file then stays in place.
    """
    try:
        # `/dev/stdout` leads to a pipe whose name cannot be looked up.
        check_regular(path)
        # A link belongs to the user and stays; the file that it leads to is replaced.
        with replacing(resolved(path)) as draft:
            yield draft
    except OSError as error:
        where = path.parent
        is_missing = isinstance(error, FileNotFoundError) and not os.path.lexists(where)
        remedy = f"; create the directory {where}, or give another path" if is_missing else ""
        raise StorageError(f"{path}: cannot be written: {error.strerror}{remedy}") from error
