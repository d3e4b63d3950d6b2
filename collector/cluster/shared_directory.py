"""The run directory of a cluster: surveyed, locked, and with a log of the whole run."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from collector import __version__
from collector.cluster.division import number_found, number_of_shards
from collector.cluster.site import Site
from collector.core.cell import CellState
from collector.core.errors import InputError, LockedError, StorageError
from collector.core.regular import remedy_for
from collector.core.threads import in_thread
from collector.plan import CellSet, Part, Plan, count_by_shard
from collector.settings import RunSettings
from collector.store.age import Age
from collector.store.append_file import AppendFile
from collector.store.files import CLUSTER_LOCK, PartFiles, parts_in
from collector.store.foreign import refuse_compressed, refuse_links
from collector.store.identity import describe_service
from collector.store.lock import DirectoryLock
from collector.store.make_directory import make_directory, unmake
from collector.store.recorded_run import find_run
from collector.store.recovery import Recovered, survey
from collector.store.run_directory import taken_away
from collector.store.shard_lock import lock_for_all, refuse_held
from collector.store.surveyed import Elsewhere, Surveyed
from collector.telemetry.log import EventLog

__all__ = [
    "ClusterLog",
    "LockedDirectory",
    "SurveyedDirectory",
    "lock_directory",
    "survey_directory",
    "sync_answers",
]

_CHECK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class SurveyedDirectory:
    """What earlier attempts have left. `empty` has the answered cells whose counters are zero.

    `attempts` are those of all shards together, `elsewhere` what no shard will write.
    """

    recovered: Recovered
    empty: CellSet
    attempts: Sequence[Mapping[str, Any]]
    elsewhere: Elsewhere

    def divided(self, directory: Path, plan: Plan, workers: int) -> "Division":
        """Divide what is left among so many workers, in as many shards as are there. Blocks."""
        found = [files.shard for files in parts_in(directory) if files.exist()]
        missing = len(plan) - self.recovered.kept.total()
        total = number_of_shards(missing, workers, found)
        before = _by_shard(self.recovered.done, self.empty, plan, total)
        answered = _by_shard(self.elsewhere.done, self.elsewhere.empty, plan, total)
        # It is sent with the plan, and for a million ids it takes a second.
        _ = plan.fingerprint
        return Division(before, answered, self.elsewhere.surveyed(total))


class Division(NamedTuple):
    """What is known for each shard of a run.

    `before` are its answered cells by their state, `answered` those among them that are in files
    that no shard writes, and `surveyed` is what it need not read of these.
    """

    before: list[dict[CellState, int]]
    answered: list[dict[CellState, int]]
    surveyed: Surveyed | None


def _by_shard(done: CellSet, empty: CellSet, plan: Plan, total: int) -> list[dict[CellState, int]]:
    counts = (
        count_by_shard(cells, plan, total) if cells else [0] * total for cells in (done, empty)
    )
    return [
        {CellState.DATA: answered - without, CellState.EMPTY: without}
        for answered, without in zip(*counts, strict=True)
    ]


def survey_directory(
    files: PartFiles, plan: Plan, settings: RunSettings, is_stopped: Callable[[], bool]
) -> SurveyedDirectory:
    """Read what earlier attempts have recorded of plan and dates, and which cells are answered.

    Each shard reads its own files again, and repairs them. Raises `LockedError` while another
    process writes there, `InputError` if the directory belongs to another run, and `StorageError`
    if it cannot be read.
    """
    empty = CellSet(len(plan))
    try:
        found = [each.shard for each in parts_in(files.directory) if each.exist()]
        elsewhere = Elsewhere(len(plan), number_found(found))
        refuse_held(files.directory)
        refuse_compressed(files, refuse_links(files.directory))
        recovered = survey(
            files,
            Part(plan),
            describe_service(settings),
            age=partial(Age.of, timezone=settings.timezone),
            is_stopped=is_stopped,
            empty=empty,
            elsewhere=elsewhere,
        )
    except OSError as error:
        raise StorageError(
            f"--output {files.directory}: cannot be read: {error.strerror}; give another --output"
        ) from error
    attempts: Sequence[Mapping[str, Any]] = ()
    with suppress(InputError):  # there is no run yet
        attempts = find_run(files.directory).manifest.attempts
    return SurveyedDirectory(recovered, empty, attempts, elsewhere)


def sync_answers(directory: Path) -> None:
    """Sync all answers, because a killed attempt may not have. Raises `StorageError`."""
    try:
        for files in parts_in(directory):
            if files.has_answers():
                with files.statistics.open("rb") as stream:
                    os.fsync(stream.fileno())
    except OSError as error:
        raise StorageError(f"--output {directory}: cannot be synced: {error.strerror}") from error


class LockedDirectory:
    """A run directory that the scheduler of a run has locked. `site` is what workers check."""

    def __init__(self, directory: Path) -> None:
        """Lock the directory.

        Raises `LockedError`, `OSError`, and `InputError` when the lock is a file of another
        program.
        """
        self._directory = directory
        self._lock: DirectoryLock = lock_for_all(directory)
        path = directory / CLUSTER_LOCK
        if not self._lock.is_lock:
            self._lock.release()
            raise InputError(
                f"{path}: belongs to another program, but a run on a cluster needs a lock of that "
                "name; give another --output"
            )
        try:
            self.site = Site(directory, path.read_bytes(), __version__)
        except OSError:
            self._lock.release()
            raise

    def check(self) -> None:
        """Raise `StorageError` if the directory was removed or replaced."""
        if not self._lock.is_ours():
            raise taken_away(self._directory)

    async def run(self) -> None:
        """Check until cancelled that the directory exists and has its lock file.

        Workers recognise the directory by that file; it is restored if another process removes it.
        Raises `StorageError` when the directory is removed or replaced.
        """
        while True:
            await in_thread(self._restore_lock)
            await asyncio.sleep(_CHECK_SECONDS)

    def _restore_lock(self) -> None:
        self.check()
        if self._lock.has_file():
            return
        # If this fails, the workers report it.
        with suppress(LockedError, OSError):
            lock = DirectoryLock.take(self._directory / CLUSTER_LOCK, with_directory=False)
            self._lock.release()
            self._lock = lock
            lock.write(self.site.lock)

    def release(self) -> None:
        """Remove the lock file and release the lock; a file that stays does not hold the lock."""
        with suppress(OSError):
            self._lock.discard()
        self._lock.release()


@asynccontextmanager
async def lock_directory(directory: Path) -> AsyncIterator[LockedDirectory]:
    """Lock the directory for one scheduler of a run until the body ends.

    In a thread: a disk, or a file server, may take its time.

    Directories that are made for this are removed at the end, unless a shard has started. Raises
    `InputError`, `LockedError` and `StorageError`.
    """
    made: list[Path] = []
    with ExitStack() as opened:
        opened.callback(unmake, made)

        def lock() -> LockedDirectory:
            make_directory(directory, made)
            locked = LockedDirectory(directory)
            opened.callback(locked.release)
            return locked

        try:
            locked = await in_thread(lock)
        except OSError as error:
            raise StorageError(
                f"--output {directory}: cannot be written: {error.strerror}; {remedy_for(error)}"
            ) from error
        yield locked


class ClusterLog:
    """The log of the whole run, opened when a shard has started. Leaving the context closes it.

    A log without any shard would look like a file of another program when the run is resumed.
    """

    def __init__(self, files: PartFiles, events: EventLog) -> None:
        self.is_open = False
        """Whether a shard has started."""
        self._files = files
        self._events = events
        self._opened = ExitStack()
        self._opening = asyncio.Lock()
        self._file: AppendFile | None = None
        self._error: str | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know of events that are not in the log."""
        loss = self._error or self._events.loss
        return () if loss is None else (f"{self._files.log.name}: {loss}",)

    async def open(self) -> None:
        """Open the log if a shard has started, unless it is open."""
        async with self._opening:
            if self.is_open:
                return
            # A log that cannot be written must not end the run; see `EventLog`.
            try:
                await in_thread(self._open_file)
            except OSError as error:
                reason = error.strerror
                self._error = f"cannot be opened ({reason}), and has no events of this attempt"
            finally:
                # Also when this was cancelled: the thread has opened it all the same.
                if self._file is not None:
                    self._opened.enter_context(self._events.into(self._file.append))

    def _open_file(self) -> None:
        """Open the file if a shard has started. Blocks."""
        if any(files.manifest.exists() for files in parts_in(self._files.directory)):
            self.is_open = True
            self._file = AppendFile.open(self._files.log)
            self._opened.callback(self._file.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
