"""The run directory of a cluster: how it is found, held, and written to for all shards."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

from collector import __version__
from collector.cluster.messages import Site
from collector.core.cell import CellState
from collector.core.errors import LockedError, StorageError
from collector.core.threads import in_thread
from collector.plan import CellSet, Part, Plan, count_by_shard
from collector.settings import RunSettings
from collector.store.append_file import AppendFile
from collector.store.files import CLUSTER_LOCK, PartFiles, parts_in
from collector.store.identity import describe_service
from collector.store.lock import DirectoryLock
from collector.store.recovery import Age, Recovered, survey
from collector.store.run_directory import make_directory, taken_away, unmake
from collector.store.shard_lock import lock_for_all, refuse_held
from collector.telemetry.log import EventLog

__all__ = [
    "ClusterLog",
    "HeldDirectory",
    "SurveyedDirectory",
    "hold",
    "survey_directory",
    "sync_answers",
]

_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class SurveyedDirectory:
    """What earlier attempts have left; the `empty` ones of the done cells have no message."""

    recovered: Recovered
    empty: CellSet

    def by_shard(self, plan: Plan, total: int) -> list[dict[CellState, int]]:
        """Count the answered cells of each of so many shards by their state."""
        done = count_by_shard(self.recovered.done, plan, total)
        empty = count_by_shard(self.empty, plan, total)
        return [
            {CellState.DATA: answered - without, CellState.EMPTY: without}
            for answered, without in zip(done, empty, strict=True)
        ]


def survey_directory(
    files: PartFiles, plan: Plan, settings: RunSettings, is_stopped: Callable[[], bool]
) -> SurveyedDirectory:
    """Read what earlier attempts say of the plan and of the dates, and which cells are done.

    Shards read theirs again, and repair it. Raises `LockedError` while somebody is at work there,
    `InputError` if it is another run's, and `StorageError` if it cannot be read.
    """
    empty = CellSet(len(plan))
    try:
        refuse_held(files.directory)
        recovered = survey(
            files,
            Part(plan),
            describe_service(settings),
            age=partial(Age.of, timezone=settings.timezone),
            is_stopped=is_stopped,
            empty=empty,
        )
    except OSError as error:
        raise StorageError(
            f"--output {files.directory}: cannot be read: {error.strerror}; give another --output"
        ) from error
    return SurveyedDirectory(recovered, empty)


def sync_answers(directory: Path) -> None:
    """Sync what is there, for an attempt that was killed may not have. Raises `StorageError`."""
    try:
        for files in parts_in(directory):
            if files.has_answers():
                with files.statistics.open("rb") as stream:
                    os.fsync(stream.fileno())
    except OSError as error:
        raise StorageError(f"--output {directory}: cannot be synced: {error.strerror}") from error


class HeldDirectory:
    """A run directory that is locked for whoever hands out shards; `site` is for those who work."""

    def __init__(self, directory: Path) -> None:
        """Lock it. Raises `LockedError`, and `OSError`."""
        self._directory = directory
        self._lock: DirectoryLock = lock_for_all(directory)
        try:
            self.site = Site(directory, (directory / CLUSTER_LOCK).read_bytes(), __version__)
        except OSError:
            self._lock.release()
            raise

    def check(self) -> None:
        """Raise `StorageError` if the directory does not stand under its name any more."""
        if not self._lock.is_ours():
            raise taken_away(self._directory)

    async def keep(self) -> None:
        """See until cancelled that the directory is there, and that workers recognise it.

        They do by its lock, which is put back if somebody takes that away alone. Raises
        `StorageError` when the directory is taken away.
        """
        while True:
            await in_thread(self._see_to_it)
            await asyncio.sleep(_LOOK_SECONDS)

    def _see_to_it(self) -> None:
        self.check()
        if self._lock.has_file():
            return
        path = self._directory / CLUSTER_LOCK
        # Where that cannot be done, the workers will say so.
        with suppress(LockedError, OSError):
            lock = DirectoryLock.take(path, with_directory=False)
            self._lock.release()
            self._lock = lock
            path.write_bytes(self.site.lock)

    def release(self) -> None:
        """Take the lock away. Where that cannot be done, it stays: the kernel knows it is free."""
        with suppress(OSError):
            self._lock.discard()
        self._lock.release()


@contextmanager
def hold(directory: Path) -> Iterator[HeldDirectory]:
    """Lock the directory for whoever hands out shards: for one, and until the body is done.

    Of what is made for that nothing stays, unless something was begun there. Raises `InputError`,
    `LockedError` and `StorageError`.
    """
    made: list[Path] = []
    with ExitStack() as opened:
        opened.callback(unmake, made)
        try:
            make_directory(directory, made)
            held = HeldDirectory(directory)
        except OSError as error:
            raise StorageError(
                f"--output {directory}: cannot be written: {error.strerror}; see that this user "
                "may write there, and that there is room"
            ) from error
        opened.callback(held.release)
        yield held


class ClusterLog:
    """Opens that log. Leaving the context closes it.

    A log alone would be taken for that of another program when the run is gone on with.
    """

    def __init__(self, files: PartFiles, events: EventLog) -> None:
        self.is_open = False
        """Whether a shard has begun."""
        self._files = files
        self._events = events
        self._opened = ExitStack()

    def open(self) -> None:
        """Open the log if a shard has begun, and it is not open yet."""
        # A log that cannot be written must not end the run; see `EventLog`.
        with suppress(OSError):
            if self.is_open or not any(
                files.manifest.exists() for files in parts_in(self._files.directory)
            ):
                return
            self.is_open = True
            file = AppendFile.open(self._files.log)
            self._opened.callback(file.close)
            self._opened.enter_context(self._events.into(file.append))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
