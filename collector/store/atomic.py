"""Atomic replacement of files."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from collector.core.links import resolved
from collector.core.regular import check_regular
from collector.store.fault_points import FaultPoint, reach
from collector.store.files import MODE

__all__ = ["replace_file", "replacing", "sync_directory"]

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC

_SYNCS_NO_DIRECTORIES: Final = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.ENOSYS}
"""Answers of file systems that sync files, but no directories: CIFS, and some FUSE and shared
folders of virtual machines. A full or broken disk answers otherwise."""


@contextmanager
def replacing(path: Path, *, suffix: str = ".new") -> Iterator[Path]:
    """Replace a file atomically by what the block writes: readers find the old or the new one.

    The block gets the path of an empty file beside it, named with the suffix, and may replace that
    file. The new file and its name are on the disk when the block has ended; it has the mode of the
    old one, or `MODE`. Raises `OSError`, also if there is something that is not a file. When that
    or the block raises, the old file is in its place, unless only the last step failed, the sync of
    the directory.
    """
    # A link belongs to the user and stays; the file that it names is replaced.
    path = resolved(path)
    draft = path.with_name(f"{path.name}{suffix}")
    check_regular(path)
    try:
        mode = _mode(path)
        with os.fdopen(os.open(draft, _NEW, MODE), "wb") as stream:
            if mode is not None:
                # A user who could not read the old file cannot read the new one.
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
    """Replace the content of a file atomically by `pieces`. Raises `OSError` as `replacing`."""
    with replacing(path) as draft, draft.open("wb") as stream:
        stream.writelines(pieces)


def sync_directory(path: Path) -> bool:
    """Sync a directory, so that the names of new files are on the disk.

    Returns False if the file system syncs no directories. Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in _SYNCS_NO_DIRECTORIES:
            return False
        raise
    finally:
        os.close(descriptor)
    return True
