"""The directory of one run: its files, and how they come to be."""

import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import orjson

from collector.errors import InputError, StorageError
from collector.quoting import escaped
from collector.store.append_file import AppendFile, sync_directory

__all__ = ["RunDirectory"]

STATISTICS: Final = "statistics.jsonl"
ERRORS: Final = "errors.jsonl"
MANIFEST: Final = "run.json"
LOG: Final = "log.jsonl"


_FILES: Final = (STATISTICS, ERRORS, MANIFEST, LOG)


class RunDirectory:
    """An open run directory. Use it as a context manager; it closes its files, nothing else."""

    def __init__(
        self,
        path: Path,
        statistics: AppendFile,
        errors: AppendFile,
        log: AppendFile,
        opened: ExitStack,
    ) -> None:
        self.path = path
        self.statistics = statistics
        self.errors = errors
        self.log = log
        self._opened = opened

    @classmethod
    def check(cls, path: Path) -> None:
        """Raise `InputError` when the path cannot become a run directory; creates nothing."""
        if "\0" in str(path):
            raise InputError(f"--output {escaped(str(path))}: is not a path")
        try:
            if any((path / name).exists() for name in _FILES):
                raise InputError(f"--output {path}: holds a run already; give another directory")
            for part in (path, *path.parents):
                if part.exists() and not part.is_dir():
                    raise InputError(f"--output {path}: {part} is a file; give another directory")
        except OSError as error:
            raise cls._unwritable(path, error) from error

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make the directory and its files.

        Raises `InputError` when it holds a run already, `StorageError` when it cannot be
        written.
        """
        with ExitStack() as opened:
            files: list[AppendFile] = []
            try:
                path.mkdir(parents=True, exist_ok=True)
                # Whoever creates this file has the directory: of two at the same moment, one.
                for name in (STATISTICS, ERRORS, LOG):
                    files.append(AppendFile.create(path / name))
                    opened.callback(files[-1].close)
                sync_directory(path)
            except OSError as error:
                for file in files:
                    with suppress(OSError):
                        file.path.unlink()
                cls.check(path)
                raise cls._unwritable(path, error) from error
            statistics, errors, log = files
            return cls(path, statistics, errors, log, opened.pop_all())

    @staticmethod
    def _unwritable(path: Path, error: OSError) -> StorageError:
        return StorageError(
            f"--output {path}: cannot be written: {error.strerror}; "
            "see that this user may write there, and that there is room"
        )

    def write_manifest(self, manifest: Mapping[str, object]) -> None:
        """Replace `run.json` atomically: a reader finds the old one or the new one, whole.

        Raises `StorageError`.
        """
        target = self.path / MANIFEST
        draft = target.with_suffix(".json.new")
        try:
            with draft.open("wb") as stream:
                stream.write(
                    orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
                )
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(target)
            sync_directory(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise StorageError(f"{target} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._opened.close()
