"""Locks of a run directory that several processes write, each of them one shard."""

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self

from collector.core.errors import InputError, LockedError
from collector.store.data_lock import HOLDER, is_data_held
from collector.store.files import CLUSTER_LOCK, LOCK, Listing, PartFiles, parts_in
from collector.store.lock import (
    BETWEEN_TRIES,
    DirectoryLock,
    held_by,
    is_lock_file,
    is_still,
    open_to_lock,
    read_holder,
    write_holder,
)

__all__ = [
    "Lock",
    "ShardLock",
    "holder_of",
    "lock_for",
    "lock_for_all",
    "refuse_held",
]

_TRIES: Final = 50
"""Many shards begin together, and each blocks the others for a moment."""


class ShardLock:
    """The locks of a process that writes one shard of a run.

    It shares `run.lock` with the other shards of the same number. This excludes a run without
    shards, and shards of another number, whose cells would partly be the same. The lock of the
    shard excludes other processes from this shard only.

    The kernel releases both when the process ends, however it ends.
    """

    def __init__(self, opened: ExitStack, common: int, path: Path, own: DirectoryLock) -> None:
        self._opened = opened
        self._common = common
        self._path = path
        self._own = own

    @classmethod
    def take(cls, files: PartFiles, *, sleep: Callable[[float], None] = time.sleep) -> Self:
        """Lock a shard, and create the lock files if necessary. Blocks for a second at most.

        Raises `LockedError` when another process holds one of them, `InputError` when `run.lock` is
        a file of another program, and `OSError` when a file cannot be opened, or the file system
        has no locks.
        """
        path = files.directory / LOCK
        with ExitStack() as opened:
            common = _join(path, files.shard.total, opened, sleep)
            own = DirectoryLock.take(files.lock, with_directory=False, sleep=sleep)
            opened.callback(own.release)
            return cls(opened.pop_all(), common, path, own)

    def release(self) -> None:
        """Release the locks."""
        self._opened.close()

    def is_ours(self) -> bool:
        """Tell whether the directory of that name is still the locked one."""
        return self._own.is_ours()

    def is_lost(self) -> bool:
        """Tell whether another process can have this shard: its file was removed or replaced."""
        return self._own.is_lost()

    def discard(self) -> None:
        """Remove the lock files, for nothing was begun. Raises `OSError`.

        The common one stays while other shards hold it.
        """
        self._own.discard()
        with suppress(BlockingIOError):
            fcntl.flock(self._common, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_still(self._common, self._path):
                self._path.unlink(missing_ok=True)


Lock = DirectoryLock | ShardLock


def lock_for(files: PartFiles, *, is_handed_out: bool = False) -> tuple[Lock, Listing]:
    """Lock a directory for the process that writes these files. Raises as the locks do.

    While a cluster run assigns the shards there, only its shards can lock it. Also returns what is
    in the directory once it is locked.
    """
    if not is_handed_out and (who := _distributor(files.directory)):
        raise _locked(files.directory, who)
    lock = DirectoryLock.take(files.lock) if files.shard.is_whole else ShardLock.take(files)
    try:
        # Not before: a process that began in between could not be found.
        listing = Listing.of(files.directory)
        _refuse_others(files, listing)
    except BaseException:
        lock.release()
        raise
    return lock, listing


def _refuse_others(files: PartFiles, listing: Listing) -> None:
    """Raise `LockedError` if another process still writes some of these cells.

    It may hold a lock file that was removed, in place of which there is another one now.
    """
    for other in listing.reserved_for(files).parts(files):
        # Its lock file is that of this process.
        is_own = other == files
        who = _writer(other) if is_own else _holder(other)
        if who is not None:
            raise _locked(files.directory, who)


def refuse_held(directory: Path) -> None:
    """Raise `LockedError` if a process works in a directory. Raises `OSError`."""
    if who := holder_of(directory):
        raise _locked(directory, who)


def lock_for_all(directory: Path) -> DirectoryLock:
    """Lock a directory for the process that assigns all shards. Raises as the locks do."""
    refuse_held(directory)
    return DirectoryLock.take(directory / CLUSTER_LOCK, with_directory=False)


def holder_of(directory: Path) -> str | None:
    """Describe for the user which processes hold a directory or its shards; None if it is free.

    Changes nothing. Raises `OSError`.
    """
    held = [holder for files in parts_in(directory) if (holder := _holder(files))]
    if all_of_them := _distributor(directory):
        held.insert(0, all_of_them)
    if len(held) > 1:
        return f"{held[0]}, and {len(held) - 1:,} more, each with a shard of its own"
    return held[0] if held else None


def _holder(files: PartFiles) -> str | None:
    return held_by(files.lock, with_directory=files.shard.is_whole) or _writer(files)


def _writer(files: PartFiles) -> str | None:
    """Describe the process that holds the file of answers; None if none does."""
    return HOLDER if is_data_held(files.statistics) else None


def _distributor(directory: Path) -> str | None:
    """Describe the process that assigns all shards; None if none does."""
    return held_by(directory / CLUSTER_LOCK, with_directory=False)


def _join(path: Path, shards: int, opened: ExitStack, sleep: Callable[[float], None]) -> int:
    """Share the common lock with other shards of the same number; return its descriptor."""
    for _ in range(_TRIES):
        with ExitStack() as tried, suppress(BlockingIOError):
            descriptor = open_to_lock(path, os.O_RDWR | os.O_CREAT, tried)
            _share(descriptor, path, shards)
            _share_directory(path.parent, tried)
            # The lock was free for a moment, so its content is read again.
            holder = read_holder(descriptor)
            if holder is not None and holder.shards == shards and is_still(descriptor, path):
                opened.push(tried.pop_all())
                return descriptor
        sleep(BETWEEN_TRIES)
    raise _locked(path.parent, holder_of(path.parent) or "an unknown process")


def _locked(directory: Path, who: str) -> LockedError:
    return LockedError(
        f"{directory}: another run holds this directory ({who}), and shards that run together need "
        "the same number of shards; wait until it ends, or give another --output"
    )


def _share(descriptor: int, path: Path, shards: int) -> None:
    """Lock a file in shared mode; the first process to do so records the number of shards.

    Raises `BlockingIOError` when a process holds it alone, and `InputError` when it is no lock.
    """
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_lock_file(descriptor):
            raise InputError(
                f"{path}: belongs to another program, but shards need a lock file of that name; "
                "give another --output"
            )
        write_holder(descriptor, shards)
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _share_directory(path: Path, opened: ExitStack) -> None:
    """Lock a directory in shared mode, if the file system allows it."""
    try:
        descriptor = open_to_lock(path, os.O_RDONLY | os.O_DIRECTORY, opened)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return
