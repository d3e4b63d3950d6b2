"""The lock of the open file of answers: it cannot be removed, as lock files can."""

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from collector.core.errors import LockedError
from collector.store.lock import lock_alone, open_to_lock

__all__ = ["HOLDER", "hold_data", "is_data_held"]

HOLDER: Final = "a process that has locked the file of answers"
"""The holder of a file of answers, as it is described to the user. It is a run whose lock file was
removed, or another program."""


def hold_data(
    path: Path, opened: ExitStack, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Lock an existing file of answers until `opened` closes it. Blocks for a moment at most.

    Raises `LockedError` when another process holds it, and `OSError`. On a file system whose locks
    keep readers out (CIFS does so), it is not locked: `status` has to read it meanwhile.
    """
    with ExitStack() as tried:
        descriptor = open_to_lock(path, os.O_WRONLY, tried)
        if not lock_alone(descriptor, sleep):
            raise LockedError(
                f"{path}: another process has locked this file; wait until it ends, or give "
                "another --output"
            )
        if _is_readable(path):
            opened.push(tried.pop_all())


def is_data_held(path: Path) -> bool:
    """Tell whether a process holds a file of answers. Changes nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        # Another step meets the same error, and reports it.
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # A file system without locks: no process can hold one.
        return False
    finally:
        os.close(descriptor)
    return False


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb", buffering=0) as stream:
            stream.read(1)
    except PermissionError:
        return False
    return True
