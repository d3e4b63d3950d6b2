"""The locks of a run directory that several processes write, each of them a shard of its own."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from collector.core.errors import InputError, LockedError
from collector.store.files import CLUSTER_LOCK, LOCK, PartFiles, parts_in
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
    "one_at_a_time",
    "refuse_held",
]

_PLAN_LOCK: Final = "run-plan.lock"

_TRIES: Final = 50
"""Many shards begin together, and each of them is in the way of the others for a moment."""


class ShardLock:
    """What the process holds that writes one shard of a run.

    It holds `run.lock` together with the other shards. A run without shards wants that for itself
    alone, and so do shards of another number, whose cells would be partly the same: they are kept
    out. Its own lock keeps others from its own shard, and from nothing else.

    The kernel gives both back when the process ends, however it ends.
    """

    def __init__(self, opened: ExitStack, common: int, path: Path, own: DirectoryLock) -> None:
        self._opened = opened
        self._common = common
        self._path = path
        self._own = own

    @classmethod
    def take(cls, files: PartFiles, *, sleep: Callable[[float], None] = time.sleep) -> Self:
        """Lock a shard; lock files are created if need be. Blocks for about a second at most.

        Raises `LockedError` when another process is in the way, `InputError` when a file of another
        program is, and `OSError` when a file cannot be opened, or the file system has no locks.
        """
        path = files.directory / LOCK
        with ExitStack() as opened:
            common = _join(path, files.shard.total, opened, sleep)
            own = DirectoryLock.take(files.lock, with_directory=False, sleep=sleep)
            opened.callback(own.release)
            # Somebody may have removed the common file, and others hold what it was.
            for other in parts_in(files.directory):
                if other.shard.total != files.shard.total and _holder(other) is not None:
                    raise _locked(files.directory)
            return cls(opened.pop_all(), common, path, own)

    def release(self) -> None:
        """Give the locks back."""
        self._opened.close()

    def is_ours(self) -> bool:
        """Tell whether the directory that stands under the name is still the locked one."""
        return self._own.is_ours()

    def discard(self) -> None:
        """Take the lock files away: nothing came of the shard. Raises `OSError`.

        The common one stays while other shards hold it.
        """
        self._own.discard()
        with suppress(BlockingIOError):
            fcntl.flock(self._common, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_still(self._common, self._path):
                self._path.unlink(missing_ok=True)


Lock = DirectoryLock | ShardLock


def lock_for(files: PartFiles, *, is_handed_out: bool = False) -> Lock:
    """Lock a directory for whoever writes these files. Raises as the locks do.

    Nobody gets it while shards are handed out there, but for those that are.
    """
    if not is_handed_out and held_by(files.directory / CLUSTER_LOCK, with_directory=False):
        raise _locked(files.directory)
    return DirectoryLock.take(files.lock) if files.shard.is_whole else ShardLock.take(files)


def refuse_held(directory: Path) -> None:
    """Raise `LockedError` if somebody is at work in a directory. Raises `OSError`."""
    if holder_of(directory):
        raise _locked(directory)


def lock_for_all(directory: Path) -> DirectoryLock:
    """Lock a directory for whoever hands out all shards of a run there. Raises as the locks do."""
    refuse_held(directory)
    return DirectoryLock.take(directory / CLUSTER_LOCK, with_directory=False)


@contextmanager
def one_at_a_time(files: PartFiles) -> Iterator[None]:
    """Let no two shards write down at the same time what is collected. Raises `OSError`.

    A run without shards has the directory for itself.
    """
    with ExitStack() as opened:
        if not files.shard.is_whole:
            path = files.directory / _PLAN_LOCK
            descriptor = open_to_lock(path, os.O_RDWR | os.O_CREAT, opened)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def holder_of(directory: Path) -> str | None:
    """Say for people who holds a directory or a shard in it right now; None when nobody does.

    Changes nothing. Raises `OSError`.
    """
    held = [holder for files in parts_in(directory) if (holder := _holder(files))]
    if all_of_them := held_by(directory / CLUSTER_LOCK, with_directory=False):
        held.insert(0, all_of_them)
    if len(held) > 1:
        return f"{held[0]}, and {len(held) - 1:,} more, each with a shard of its own"
    return held[0] if held else None


def _holder(files: PartFiles) -> str | None:
    return held_by(files.lock, with_directory=files.shard.is_whole)


def _join(path: Path, shards: int, opened: ExitStack, sleep: Callable[[float], None]) -> int:
    """Hold the common lock with other shards of the same number; return its descriptor."""
    for _ in range(_TRIES):
        with ExitStack() as tried, suppress(BlockingIOError):
            descriptor = open_to_lock(path, os.O_RDWR | os.O_CREAT, tried)
            _share(descriptor, path, shards)
            _share_directory(path.parent, tried)
            # It was free for a moment, so what stands there is read again.
            holder = read_holder(descriptor)
            if holder is not None and holder.shards == shards and is_still(descriptor, path):
                opened.push(tried.pop_all())
                return descriptor
        sleep(BETWEEN_TRIES)
    raise _locked(path.parent)


def _locked(directory: Path) -> LockedError:
    who = holder_of(directory) or "an unknown process"
    return LockedError(
        f"{directory}: another run holds this directory ({who}), or shards of another number; "
        "wait for its end, or give another --output"
    )


def _share(descriptor: int, path: Path, shards: int) -> None:
    """Lock a file together with others; who is alone says how many shards there are.

    Raises `BlockingIOError` when somebody has it for himself, and `InputError` when it is no lock.
    """
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_lock_file(descriptor):
            raise InputError(
                f"{path}: is a file of another program, and shards need one of that name; give "
                "another --output"
            )
        write_holder(descriptor, shards)
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _share_directory(path: Path, opened: ExitStack) -> None:
    """Lock a directory together with others, where that can be done."""
    try:
        descriptor = open_to_lock(path, os.O_RDONLY | os.O_DIRECTORY, opened)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return
