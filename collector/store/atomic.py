"""Atomic replacement of files."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from collector.core.own_files import check_own, is_draft_of, new_draft, open_own
from collector.store.fault_points import FaultPoint, reach

__all__ = ["remove_drafts", "replace_file", "replacing", "sync_directory"]

_SYNCS_NO_DIRECTORIES: Final = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.ENOSYS}
"""Answers of file systems that sync files, but no directories: CIFS, and some FUSE and shared
folders of virtual machines. A full or broken disk answers otherwise."""


@contextmanager
def replacing(path: Path, *, is_durable: bool = True) -> Iterator[Path]:
    """Replace a file atomically by what the block writes: readers find the old or the new one.

    The block gets the path of an empty file beside it, with a name that no other file has (see
    `new_draft`), and may replace that file. The new file and its name are on the disk when the
    block has ended; it has the mode of the old one, or `MODE`. Raises `OSError`, also for a link:
    a caller whose user may give one passes what it leads to. When that or the block raises, the
    old file is in its place, unless only the last step failed, the sync of the directory.

    Nothing is synced unless it `is_durable`: after a loss of power the content of the file may be
    any.
    """
    draft: Path | None = None
    try:
        mode = _mode(path)
        descriptor, draft = new_draft(path)
        with os.fdopen(descriptor, "wb") as stream:
            if mode is not None:
                # A user who could not read the old file cannot read the new one.
                os.fchmod(stream.fileno(), mode | stat.S_IRUSR | stat.S_IWUSR)
        yield draft
        with open(draft, "rb", opener=open_own) as stream:
            if mode is not None:
                os.fchmod(stream.fileno(), mode)
            if is_durable:
                os.fsync(stream.fileno())
        reach(FaultPoint.BEFORE_REPLACE, path)
        draft.replace(path)
        if is_durable:
            sync_directory(path.parent)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        if draft is not None:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int | None:
    """Return the mode of a file of ours; None if there is none. Raises `OSError`."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    check_own(status, path)
    return stat.S_IMODE(status.st_mode)


def replace_file(path: Path, pieces: Iterable[bytes], *, is_durable: bool = True) -> None:
    """Replace the content of a file atomically by `pieces`. Raises `OSError` as `replacing`."""
    with (
        replacing(path, is_durable=is_durable) as draft,
        open(draft, "wb", opener=open_own) as stream,
    ):
        stream.writelines(pieces)


def remove_drafts(names: Iterable[str], *paths: Path) -> None:
    """Remove drafts of files of a directory that killed processes have left. Raises `OSError`.

    `names` are those in the directory. Only the process that alone may replace the files calls it.
    Other names are left alone.
    """
    for name in (name for name in names if name.endswith(".new")):
        for path in (path for path in paths if is_draft_of(name, path)):
            if (found := path.with_name(name)).is_file():
                found.unlink(missing_ok=True)


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
