"""The lock of a run directory: one writer at a time, and it dies with its process."""

import fcntl
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import msgspec

from collector.core.errors import LockedError

__all__ = [
    "BETWEEN_TRIES",
    "DirectoryLock",
    "held_by",
    "is_lock_file",
    "is_still",
    "open_to_lock",
    "read_holder",
    "write_holder",
]

_TRIES: Final = 4
BETWEEN_TRIES: Final = 0.02
"""Seconds. `held_by` takes the lock for a moment to see whether it is free; a run that begins in
that moment must not take that for another run."""


class _Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who holds a lock, as the file says for people.

    In a lock that shards hold together it is the first of them, and how many `shards` there are in
    all.
    """

    pid: int
    host: str
    since: str
    shards: int | None = None

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


class DirectoryLock:
    """A held lock. The kernel gives it back when the process ends, however it ends.

    The file itself stays: taking it away would let two processes lock two files of one name. The
    directory is locked as well where that can be done, for somebody may remove the file. (NFS
    locks what is open for writing only, and so no directory.)
    """

    def __init__(
        self, opened: ExitStack, file: tuple[int, Path], place: tuple[int, Path], *, is_lock: bool
    ) -> None:
        self._opened = opened
        self._file = file
        self._place = place
        self._is_lock = is_lock

    @classmethod
    def take(
        cls,
        path: Path,
        *,
        with_directory: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Lock a file, which is created if need be. Blocks for less than a tenth of a second.

        `with_directory` locks the directory as well. Raises `LockedError` when another process
        holds it, and `OSError` when it cannot be opened, or the file system has no locks.
        """
        while True:
            with ExitStack() as opened:
                descriptor = open_to_lock(path, os.O_RDWR | os.O_CREAT, opened)
                _lock(descriptor, path, sleep)
                if not is_still(descriptor, path):
                    # Its holder has taken the file away (see `discard`); what stands there now
                    # counts.
                    continue
                file = place = descriptor, path
                with suppress(OSError):
                    directory = open_to_lock(path.parent, os.O_RDONLY | os.O_DIRECTORY, opened)
                    place = directory, path.parent
                    if with_directory:
                        _lock(directory, path, sleep)
                is_lock = is_lock_file(descriptor)
                if is_lock:
                    # It is for people only: a full disk is reported by what must be written.
                    with suppress(OSError):
                        write_holder(descriptor)
                return cls(opened.pop_all(), file, place, is_lock=is_lock)

    def release(self) -> None:
        """Give the lock back."""
        self._opened.close()

    def is_ours(self) -> bool:
        """Tell whether the directory that stands under the name is still the locked one."""
        return is_still(*self._place)

    def has_file(self) -> bool:
        """Tell whether the file that stands under the name is still the locked one."""
        return is_still(*self._file)

    def discard(self) -> None:
        """Take the file away while the lock is held: nothing came of the run. Raises `OSError`.

        The file of another program that has this name stays, and so does one that somebody has put
        in the place of ours; one that is gone is gone.
        """
        if self._is_lock and self.has_file():
            self._file[1].unlink(missing_ok=True)


def held_by(path: Path, *, with_directory: bool = True) -> str | None:
    """Say for people who holds a lock right now; None when nobody does. Changes nothing."""
    return _held_by(path) or (_held_by(path.parent) if with_directory else None)


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
        # A file system without locks: nobody can hold one there.
        return None
    finally:
        os.close(descriptor)
    return None


def open_to_lock(path: Path, flags: int, opened: ExitStack) -> int:
    """Open what is to be locked until `opened` is closed. Raises `OSError`."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    opened.callback(os.close, descriptor)
    return descriptor


def _lock(descriptor: int, path: Path, sleep: Callable[[float], None]) -> None:
    for tries_left in reversed(range(_TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not tries_left:
                raise LockedError(
                    f"{path.parent}: another run holds this directory "
                    f"({_holder(descriptor)}); "
                    "wait for its end, or give another --output"
                ) from None
            sleep(BETWEEN_TRIES)
        else:
            return


def is_still(descriptor: int, path: Path) -> bool:
    """Tell whether the locked file is still the one that has the name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        # It is gone, or stands where nobody gets to it: behind a file, a link to itself, a server
        # of files that does not know it any more.
        return False


def is_lock_file(descriptor: int) -> bool:
    """Tell whether a file is a lock, or can become one; that of another program is left alone."""
    with suppress(OSError):
        there = os.pread(descriptor, 4096, 0).strip(b"\0")
        return not there or read_holder(descriptor) is not None
    return True


def write_holder(descriptor: int, shards: int | None = None) -> None:
    """Write that this process holds a lock, and how many shards there are. Raises `OSError`."""
    since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    holder = _Holder(os.getpid(), socket.gethostname(), since, shards)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, msgspec.json.encode(holder), 0)


def read_holder(descriptor: int) -> _Holder | None:
    """Read who holds a lock; None if it has not written its name yet, or it is no lock."""
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=_Holder)
    except (OSError, ValueError, RecursionError):
        return None


def _holder(descriptor: int) -> str:
    return str(read_holder(descriptor) or "an unknown process")
