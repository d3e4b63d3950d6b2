"""The lock of a run directory: one writer at a time; the kernel releases it with the process."""

import fcntl
import os
import socket
import stat
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import msgspec

from collector.core.errors import LockedError, StorageError
from collector.core.own_files import open_own

__all__ = [
    "BETWEEN_TRIES",
    "DirectoryLock",
    "held_by",
    "is_lock_file",
    "is_still",
    "lock_alone",
    "lock_lost",
    "open_to_lock",
    "read_holder",
    "recorded_holder",
    "write_holder",
]

_TRIES: Final = 4
BETWEEN_TRIES: Final = 0.02
"""Seconds. `held_by` locks the file briefly to see whether it is free; a run that begins at that
moment must not take this for another run."""

_UNKNOWN: Final = "an unknown process"


class _Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """The process that holds a lock, as its file tells the user.

    In a lock that shards share it is the first of them, with the number of all `shards`.
    """

    pid: int
    host: str
    since: str
    shards: int | None = None

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


class DirectoryLock:
    """A held lock. The kernel releases it when the process ends, however it ends.

    The file stays: if it were removed, two processes could lock two files of one name. The
    directory is locked as well where possible, because a user may remove the file. (NFS locks only
    what is open for writing, and so no directory.)
    """

    def __init__(
        self,
        opened: ExitStack,
        file: tuple[int, Path],
        place: tuple[int, Path],
        *,
        is_lock: bool,
        holds_directory: bool,
    ) -> None:
        self._opened = opened
        self._file = file
        self._place = place
        self.is_lock = is_lock
        """Whether the file is a lock; otherwise it is of another program, and never written."""
        self._holds_directory = holds_directory

    @classmethod
    def take(
        cls,
        path: Path,
        *,
        with_directory: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Lock a file, and create it if necessary. Blocks for less than a tenth of a second.

        `with_directory` locks the directory as well. Raises `LockedError` when another process
        holds it, and `OSError` when it cannot be opened, or the file system has no locks.
        """
        while True:
            with ExitStack() as opened:
                descriptor = open_to_lock(path, os.O_RDWR | os.O_CREAT, opened)
                _lock(descriptor, path, sleep)
                holds_directory = False
                if not is_still(descriptor, path):
                    # Its holder has removed the file (see `discard`): lock the one that has the
                    # name now.
                    continue
                file = place = descriptor, path
                with suppress(OSError):
                    directory = open_to_lock(path.parent, os.O_RDONLY | os.O_DIRECTORY, opened)
                    place = directory, path.parent
                    if with_directory:
                        _lock(directory, path, sleep)
                        holds_directory = True
                is_lock = is_lock_file(descriptor)
                if is_lock:
                    # It only informs the user; a full disk is reported by other writes.
                    with suppress(OSError):
                        write_holder(descriptor)
                return cls(
                    opened.pop_all(),
                    file,
                    place,
                    is_lock=is_lock,
                    holds_directory=holds_directory,
                )

    def release(self) -> None:
        """Release the lock."""
        self._opened.close()

    def is_ours(self) -> bool:
        """Tell whether the directory of that name is still the locked one."""
        return is_still(*self._place)

    def has_file(self) -> bool:
        """Tell whether the file of that name is still the locked one."""
        return is_still(*self._file)

    def write(self, content: bytes) -> None:
        """Replace the content of the file, unless it is of another program. Raises `OSError`."""
        if self.is_lock:
            os.ftruncate(self._file[0], 0)
            os.pwrite(self._file[0], content, 0)

    def is_lost(self) -> bool:
        """Tell whether another process can have the lock: its file was removed or replaced."""
        return not self._holds_directory and not self.has_file()

    def discard(self) -> None:
        """Remove the file while the lock is held, for nothing was begun. Raises `OSError`.

        A file of another program, or one that has replaced the locked one, stays.
        """
        if self.is_lock and self.has_file():
            self._file[1].unlink(missing_ok=True)


def held_by(path: Path, *, with_directory: bool = True) -> str | None:
    """Describe the holder of a lock for the user; None if it is free. Changes nothing."""
    # No process locks a link or another thing in place of the file.
    if _is_file(path) and (holder := _held_by(path)):
        return holder
    return _held_by(path.parent) if with_directory else None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _held_by(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(descriptor)
    except OSError:
        # A file system without locks: no process can hold one.
        return None
    finally:
        os.close(descriptor)
    return None


def open_to_lock(path: Path, flags: int, opened: ExitStack) -> int:
    """Open a file, by no link, or a directory to lock; `opened` closes it. Raises `OSError`."""
    is_directory = flags & os.O_DIRECTORY
    descriptor = os.open(path, flags | os.O_CLOEXEC) if is_directory else open_own(path, flags)
    opened.callback(os.close, descriptor)
    return descriptor


def _lock(descriptor: int, path: Path, sleep: Callable[[float], None]) -> None:
    if not lock_alone(descriptor, sleep):
        raise LockedError(
            f"{path.parent}: another run holds this directory ({_holder(descriptor)}); "
            "wait until it ends, or give another --output"
        )


def lock_alone(descriptor: int, sleep: Callable[[float], None]) -> bool:
    """Lock an open file, unless another process holds it after a few tries. Raises `OSError`."""
    for tries_left in reversed(range(_TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if tries_left:
                sleep(BETWEEN_TRIES)
        else:
            return True
    return False


def is_still(descriptor: int, path: Path) -> bool:
    """Tell whether the path still names the locked file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        # It is gone or out of reach: below a file, behind a link to itself, or unknown to its
        # file server (a stale handle).
        return False


def lock_lost(path: Path) -> StorageError:
    """Return the error of a process whose lock another process can have."""
    return StorageError(
        f"{path}: was removed or replaced while this run held it, so another run may have begun "
        "here; leave the lock files in place while runs work; run the same command again"
    )


def is_lock_file(descriptor: int) -> bool:
    """Tell whether a file is a lock or can become one, and not the file of another program."""
    with suppress(OSError):
        content = os.pread(descriptor, 4096, 0).strip(b"\0")
        return not content or read_holder(descriptor) is not None
    return True


def write_holder(descriptor: int, shards: int | None = None) -> None:
    """Record this process as the holder, and the number of shards. Raises `OSError`."""
    since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    holder = _Holder(os.getpid(), socket.gethostname(), since, shards)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, msgspec.json.encode(holder), 0)


def read_holder(descriptor: int) -> _Holder | None:
    """Read the holder of a lock; None if it is not written yet, or the file is no lock."""
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=_Holder)
    except (OSError, ValueError, RecursionError):
        return None


def recorded_holder(path: Path) -> str:
    """Describe for the user the process that a lock file names. It may not hold it any more."""
    try:
        descriptor = open_own(path, os.O_RDONLY)
    except OSError:
        return _UNKNOWN
    try:
        return _holder(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    return str(read_holder(descriptor) or _UNKNOWN)
