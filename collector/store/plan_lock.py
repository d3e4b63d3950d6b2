"""The lock of the plan: the shards of a run write plan and manifest one after the other."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from collector.core.errors import LockedError, StoppedError
from collector.core.text import span_text
from collector.store.files import PLAN_LOCK, PartFiles
from collector.store.lock import DirectoryLock, lock_lost, recorded_holder

__all__ = ["LockWait", "one_at_a_time"]

_PATIENCE_SECONDS: Final = 60.0
"""How long one process may hold the lock. Writing a plan takes seconds, with a slow disk; many
shards that begin together have it one after the other."""

_BETWEEN_TRIES: Final = 0.05


class LockWait:
    """How a run waits for the lock of the plan.

    * `is_stopped`: tells whether the run was stopped, by a signal or the deadline.

    `reason` tells the user meanwhile who holds the lock; None while the run does not wait.
    """

    def __init__(self, is_stopped: Callable[[], bool] = lambda: False) -> None:
        self.is_stopped = is_stopped
        self.reason: str | None = None


@contextmanager
def one_at_a_time(
    files: PartFiles,
    wait: LockWait,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Let only one shard at a time write the plan. It blocks meanwhile: call it in a thread.

    Raises `StoppedError` when the run is stopped, `LockedError` when the same process holds the
    lock for a minute, `StorageError` when its file was removed meanwhile, and `OSError`. A
    run without shards has the directory to itself.
    """
    if files.shard.is_whole:
        yield
        return
    lock = _lock(files.directory / PLAN_LOCK, wait, clock, sleep)
    try:
        yield
        if lock.is_lost():
            raise lock_lost(files.directory / PLAN_LOCK)
    finally:
        lock.release()


def _lock(
    path: Path, wait: LockWait, clock: Callable[[], float], sleep: Callable[[float], None]
) -> DirectoryLock:
    since = clock()
    try:
        while True:
            try:
                return DirectoryLock.take(path, with_directory=False, sleep=sleep)
            except LockedError:
                reason = f"{path} is held by {recorded_holder(path)}"
            if reason != wait.reason:
                wait.reason, since = reason, clock()
            if wait.is_stopped():
                raise StoppedError(reason)
            if clock() - since > _PATIENCE_SECONDS:
                raise LockedError(
                    f"{reason}, for more than {span_text(_PATIENCE_SECONDS)}; if that process "
                    "does not work, end it; then run the same command again"
                )
            sleep(_BETWEEN_TRIES)
    finally:
        wait.reason = None
