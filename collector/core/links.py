"""Paths without links, on every Python."""

import errno
import os
import stat
from pathlib import Path

__all__ = ["resolved"]


def resolved(path: Path) -> Path:
    """Return the absolute path without links; what it names need not exist.

    Raises `OSError` for links in a circle. `Path.resolve` raises `RuntimeError` before Python 3.13,
    and nothing from then on: it returns the link itself, which a caller would replace.
    """
    try:
        found = path.resolve()
    except RuntimeError as error:
        raise _circle(path) from error
    try:
        is_link = stat.S_ISLNK(found.lstat().st_mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
        return found
    if is_link:
        raise _circle(path)
    return found


def _circle(path: Path) -> OSError:
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
