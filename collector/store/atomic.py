"""Files that are replaced as a whole, or not at all."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from collector.store.fault_points import FaultPoint, reach

__all__ = ["replace_file", "replacing", "sync_directory"]


@contextmanager
def replacing(path: Path, *, suffix: str = ".new") -> Iterator[Path]:
    """Replace a file atomically by what the block writes: readers find the old or the new one.

    The block gets the path of an empty file beside it, named with the suffix, and may write that
    anew. The new one is on the disk, name and all, when the block has ended. Raises `OSError`: then
    the old one is in its place, unless only the last step failed, the sync of the directory; so it
    is when the block raises. The mode of the old one is kept.
    """
    # Through a link to where the file really is: the link is somebody's, and stays.
    try:
        path = path.resolve()
    except RuntimeError as error:  # of Python before 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
    draft = path.with_name(f"{path.name}{suffix}")
    try:
        mode = _mode(path)
        with draft.open("wb") as stream:
            if mode is not None:
                # Whoever could not read the old one cannot read the new one either.
                os.fchmod(stream.fileno(), mode | stat.S_IRUSR | stat.S_IWUSR)
        yield draft
        with draft.open("rb") as stream:
            if mode is not None:
                os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        reach(FaultPoint.BEFORE_REPLACE, path)
        draft.replace(path)
        sync_directory(path.parent)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def replace_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace a file atomically by pieces; see `replacing`. Raises `OSError`."""
    with replacing(path) as draft, draft.open("wb") as stream:
        stream.writelines(pieces)


def sync_directory(path: Path) -> None:
    """Make the names of new files in a directory durable. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
