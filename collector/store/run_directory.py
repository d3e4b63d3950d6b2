"""The directory of one run: it is created and locked, and its files are opened."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from collector.core.errors import CollectorError, InputError, StorageError
from collector.core.regular import remedy_for
from collector.core.text import escaped
from collector.plan import Companies
from collector.store.append_file import AppendFile, LostFileError
from collector.store.atomic import remove_drafts, sync_directory
from collector.store.chain import keep_finished
from collector.store.data_lock import hold_data
from collector.store.files import COMPANIES, Listing, PartFiles, next_errors
from collector.store.foreign import refuse_compressed, refuse_links
from collector.store.journal import lost_lines
from collector.store.lock import lock_lost
from collector.store.make_directory import make_directory, unmake
from collector.store.manifest import Manifest
from collector.store.plan_lock import LockWait, one_at_a_time
from collector.store.recorded_plan import is_intact_list, write_company_list
from collector.store.repair import broken_path, move_ranges, whole_of
from collector.store.shard_lock import Lock, lock_for

__all__ = ["RunDirectory", "RunFiles", "taken_away"]

_TRIES: Final = 3
"""How often a directory is created that another run, which begins nothing, removes meanwhile."""

_NOT_SYNCED: Final = (
    "this file system syncs files, but no directories (as CIFS and some shared folders do): if the "
    "machine stops, new files may lose their names; the run itself is not affected"
)


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The open append-only files of a run, or of one of its shards."""

    statistics: AppendFile
    errors: AppendFile
    log: AppendFile


class RunDirectory:
    """A locked run directory. Use it as a context manager: leaving it releases the lock.

    A process that writes a shard has locked that shard only, and writes its files.

    If nothing was begun in a new directory, leaving removes what was created of it.
    """

    def __init__(
        self,
        files: PartFiles,
        lock: Lock,
        listing: Listing,
        made: list[Path],
        wait: LockWait,
    ) -> None:
        self.files = files
        self.listing = listing
        """What was in the directory once it was locked."""
        self._wait = wait
        self._made = made
        self._lock = lock
        self._opened = ExitStack()
        self._files: RunFiles | None = None
        self._holds_answers = False
        self.has_begun = False
        """Whether the attempt needs its end: in its entry in the manifest, or in the log."""
        self.remarks: list[str] = []
        """What the user should know of the file system, and of what `begin` has found."""

    @classmethod
    def open(
        cls, files: PartFiles, *, is_handed_out: bool = False, wait: LockWait | None = None
    ) -> Self:
        """Create the directory if necessary, and lock it; `begin` opens its files.

        Blocks for about a second at most. `wait` is how `begin` waits for other shards.
        Raises `InputError` when the path cannot be a directory, or has links or compressed files
        in place of files (see `collector.store.foreign`), `LockedError` when another run holds it,
        and `StorageError` when it cannot be created or locked. Then nothing is left behind.
        """
        path = files.directory
        if "\0" in str(path):
            raise InputError(f"--output {escaped(str(path))}: is not a path")
        made: list[Path] = []
        try:
            lock, listing = _make_and_lock(files, made, is_handed_out=is_handed_out)
            return cls(files, lock, listing, made, wait or LockWait())
        except OSError as error:
            unmake(made)
            raise StorageError(
                f"--output {path}: cannot be written: {error.strerror}; {remedy_for(error)}"
            ) from error
        except CollectorError:
            unmake(made)
            raise

    @property
    def is_new(self) -> bool:
        """Whether no run was begun here yet."""
        return not self.files.exist()

    def begin(
        self,
        companies: Companies,
        manifest: Manifest,
        check: Callable[[Listing], object] = lambda _: None,
        first_days: Sequence[date] = (),
    ) -> RunFiles:
        """Write the plan and the manifest, then open the files; all is on the disk afterwards.

        The manifest of a run that had finished is copied to `run.1.json` and so on. Errors of
        earlier attempts are moved to `errors.1.jsonl` and so on: `errors.jsonl` is of this attempt
        only. The same is done for other parts of the same cells, because this attempt
        requests the cells that they gave up. Results that a killed attempt had not synced are
        synced now. Raises as `open_files` does.

        Shards do this one after the other; see `one_at_a_time` for what that raises. `check` is
        called when no other shard can write another plan any more; it raises if one has done so
        since this one read the directory.
        """
        paths = self.files
        try:
            with one_at_a_time(paths, self._wait):
                self._hold_answers()
                # Anew: until now other shards may have begun, or left drafts of the plan.
                listing = Listing.of(paths.directory)
                check(listing)
                listed = paths.directory / COMPANIES
                own = paths.manifest, paths.checkpoint, paths.statistics, paths.errors, paths.log
                reserved = listing.reserved_for(paths)
                remove_drafts(reserved.names, listed, *own)
                self._write_companies(listed, companies, first_days)
                self.write_manifest(manifest)
                self.has_begun = True
                self._move_errors(reserved)
        except OSError as error:
            raise self._unwritable(error) from error
        return self.open_files()

    def open_files(self) -> RunFiles:
        """Open the files. The plan and the manifest of a run that has finished stay as they are.

        Raises `StorageError`, and `LockedError` when another process writes the file of answers.
        Leaving the context closes the files.
        """
        paths = self.files
        self.has_begun = True
        try:
            files = RunFiles(*map(self._open, (paths.statistics, paths.errors, paths.log)))
            self._files = files
            self._hold_answers()
            if files.statistics.size:
                files.statistics.sync()
            if not sync_directory(paths.directory):
                self.remarks.append(_NOT_SYNCED)
        except OSError as error:
            raise self._unwritable(error) from error
        return files

    def check(self) -> None:
        """Raise `StorageError` if the directory, or answers or errors in it, were taken away.

        If the log was, there is a remark. Call it once, at the end of the attempt.
        """
        if not self.is_ours():
            raise taken_away(self.files.directory)
        if self._files is None:
            return
        try:
            self._files.log.check()
        except OSError as error:
            name = self.files.log.name
            self.remarks.append(f"{name}: {error.strerror}, and events of this attempt are missing")
        try:
            self._files.statistics.check()
            self._files.errors.check()
        except LostFileError as error:
            raise lost_lines(error) from error
        except OSError as error:
            raise self._unwritable(error) from error

    def is_ours(self) -> bool:
        """Tell whether the directory of that name is still the locked one."""
        return self._lock.is_ours()

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace `run.json` atomically; keep that of a finished run. Raises `StorageError`."""
        if not self.is_ours():
            raise taken_away(self.files.directory)
        try:
            keep_finished(self.files)
            manifest.write(self.files.manifest)
        except OSError as error:
            raise self._unwritable(error) from error

    def _write_companies(
        self, path: Path, companies: Companies, first_days: Sequence[date]
    ) -> None:
        # The text of another program or of the user is kept.
        if (text := whole_of(path)) and not is_intact_list(path):
            move_ranges(path, text)
            self.remarks.append(
                f"{path.name} was not as the collector wrote it; its text was moved to "
                f"{broken_path(path).name}"
            )
        write_company_list(path, companies, first_days)

    def _hold_answers(self) -> None:
        """Lock the file of answers as soon as it exists: from then on, lock files may be removed.

        Another process that has taken a new lock file either finds that lock, or is found here.
        """
        if not self._holds_answers and self.files.statistics.exists():
            hold_data(self.files.statistics, self._opened)
            self._holds_answers = True
        if not self._lock.is_ours():
            raise taken_away(self.files.directory)
        if self._lock.is_lost():
            raise lock_lost(self.files.lock)

    def _open(self, path: Path) -> AppendFile:
        file = AppendFile.open(path)
        self._opened.callback(file.close)
        return file

    def _move_errors(self, listing: Listing) -> None:
        # Not removed: their cells count as failed until they have an answer.
        for errors in listing.errors_of(listing.parts(self.files)).values():
            last = errors[-1]
            if last.is_file() and last.stat().st_size:
                last.rename(next_errors(errors))

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"{error.filename or self.files.directory}: cannot be written: {error.strerror}; "
            f"{remedy_for(error)}, and run the same command again"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._opened.close()
        if self.is_new and self.is_ours():
            with suppress(OSError):
                self._lock.discard()
            unmake(self._made)
        self._lock.release()


def _make_and_lock(
    files: PartFiles, made: list[Path], *, is_handed_out: bool
) -> tuple[Lock, Listing]:
    def make() -> tuple[Lock, Listing]:
        make_directory(files.directory, made)
        refuse_compressed(files, refuse_links(files.directory))
        return lock_for(files, is_handed_out=is_handed_out)

    for _ in range(_TRIES - 1):
        with suppress(FileNotFoundError):
            return make()
    return make()


def taken_away(directory: Path) -> StorageError:
    """Return the error of a run whose directory is no longer the one of that name."""
    return StorageError(
        f"{directory}: was removed or replaced by another process while the run worked; what was "
        "collected is where it was moved to, if it is anywhere"
    )
