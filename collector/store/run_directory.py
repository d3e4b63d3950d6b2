"""The directory of one run: its lock, its files, and how they come to be."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from collector.errors import CollectorError, InputError, StorageError
from collector.plan import Companies
from collector.quoting import escaped
from collector.store.append_file import AppendFile
from collector.store.company_list import write_company_list
from collector.store.lock import DirectoryLock
from collector.store.manifest import Manifest
from collector.store.replacement import sync_directory

__all__ = [
    "COMPANIES",
    "ERRORS",
    "LOCK",
    "LOG",
    "MANIFEST",
    "STATISTICS",
    "RunDirectory",
    "RunFiles",
    "errors_files",
]

STATISTICS: Final = "statistics.jsonl"
ERRORS: Final = "errors.jsonl"
MANIFEST: Final = "run.json"
COMPANIES: Final = "run-companies.txt"
"""Not `companies.txt`: that name belongs to users, and the run directory may be theirs (`.`)."""
LOG: Final = "log.jsonl"
LOCK: Final = "run.lock"

_EARLIER: Final = re.compile(r"errors\.[1-9][0-9]*\.jsonl")

_TRIES: Final = 3
"""How often a directory is made that another run, which begins nothing, takes away meanwhile."""


class RunFiles(NamedTuple):
    """The files of a run that grow, open."""

    statistics: AppendFile
    errors: AppendFile
    log: AppendFile


class RunDirectory:
    """A locked run directory. Use it as a context manager: leaving it gives the lock back.

    As long as nothing was begun in a new directory, leaving takes away what was made of it.
    """

    def __init__(self, path: Path, lock: DirectoryLock, made: list[Path]) -> None:
        self.path = path
        self._made = made
        self._lock = lock
        self._opened = ExitStack()
        self.has_begun = False
        """Whether the manifest speaks of this attempt, so that its end belongs there too."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Make the directory if need be, and take its lock; its files come with `begin`.

        Raises `InputError` when the path cannot be a directory, `LockedError` when another run
        holds it, and `StorageError` when it cannot be made or locked. Then nothing is left
        behind.
        """
        if "\0" in str(path):
            raise InputError(f"--output {escaped(str(path))}: is not a path")
        made: list[Path] = []
        try:
            return cls(path, _make_and_lock(path, made), made)
        except OSError as error:
            _unmake(made)
            raise StorageError(
                f"--output {path}: cannot be written: {error.strerror}; "
                "see that this user may write there, and that there is room"
            ) from error
        except CollectorError:
            _unmake(made)
            raise

    @property
    def is_new(self) -> bool:
        """Whether nothing was begun here yet."""
        return not any((self.path / name).exists() for name in (MANIFEST, STATISTICS))

    def begin(self, companies: Companies, manifest: Manifest) -> RunFiles:
        """Write down what is to be collected, then open the files; all is on the disk afterwards.

        Errors of earlier attempts are moved to `errors.1.jsonl` and so on: `errors.jsonl` is of
        this attempt only. Results that a killed attempt had not synced are synced now. Raises
        `StorageError`; leaving the context closes the files.
        """
        try:
            write_company_list(self.path / COMPANIES, companies)
            manifest.write(self.path / MANIFEST)
            self.has_begun = True
            self._put_errors_away()
            files = RunFiles(*(self._open(name) for name in (STATISTICS, ERRORS, LOG)))
            if files.statistics.size:
                files.statistics.sync()
            sync_directory(self.path)
        except OSError as error:
            raise self._unwritable(error) from error
        return files

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace `run.json` atomically. Raises `StorageError`."""
        if not self._lock.is_ours():
            raise StorageError(
                f"{self.path}: was removed or replaced by somebody else while the run worked; what "
                "was collected is where it was moved to, if it is anywhere"
            )
        try:
            manifest.write(self.path / MANIFEST)
        except OSError as error:
            raise self._unwritable(error) from error

    def _open(self, name: str) -> AppendFile:
        file = AppendFile.open(self.path / name)
        self._opened.callback(file.close)
        return file

    def _put_errors_away(self) -> None:
        errors = self.path / ERRORS
        if errors.is_file() and errors.stat().st_size:
            earlier = [_number(path) for path in _earlier(self.path)]
            errors.rename(errors.with_suffix(f".{max(earlier, default=0) + 1}.jsonl"))

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"{error.filename or self.path}: cannot be written: {error.strerror}; see that this "
            "user may write there, and that there is room, and run the same command again"
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
        if self.is_new and self._lock.is_ours():
            with suppress(OSError):
                self._lock.discard()
            _unmake(self._made)
        self._lock.release()


def errors_files(path: Path) -> Iterator[Path]:
    """Make the paths of the error files of a run, those of earlier attempts first."""
    yield from sorted(_earlier(path), key=_number)
    yield path / ERRORS


def _earlier(path: Path) -> list[Path]:
    return [file for file in path.glob("errors.*.jsonl") if _EARLIER.fullmatch(file.name)]


def _number(path: Path) -> int:
    return int(path.name.split(".")[1])


def _make_and_lock(path: Path, made: list[Path]) -> DirectoryLock:
    for _ in range(_TRIES - 1):
        with suppress(FileNotFoundError):
            _make(path, made)
            return DirectoryLock.take(path / LOCK)
    _make(path, made)
    return DirectoryLock.take(path / LOCK)


def _make(path: Path, made: list[Path]) -> None:
    """Make a directory and its parents, and note which were not there."""
    for part in (*reversed(path.parents), path):
        try:
            part.mkdir()
        except FileExistsError:
            if not part.is_dir():
                raise InputError(
                    f"--output {path}: {part} is a file; give another directory"
                ) from None
        except OSError:
            # The root of a read-only file system, say: what counts is whether it is there.
            if not part.is_dir():
                raise
        else:
            made.append(part)
            sync_directory(part.parent)


def _unmake(made: list[Path]) -> None:
    """Take away directories that were made for nothing; one that is in use by now stays."""
    for part in reversed(made):
        with suppress(OSError):
            part.rmdir()
