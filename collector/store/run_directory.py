"""The directory of one run: its files, and how they come to be."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import orjson

from collector.errors import InputError, StorageError
from collector.store.append_file import AppendFile, sync_directory

__all__ = ["RunDirectory"]

STATISTICS: Final = "statistics.jsonl"
ERRORS: Final = "errors.jsonl"
MANIFEST: Final = "run.json"
LOG: Final = "log.jsonl"


class RunDirectory:
    """An open run directory. Use it as a context manager; it closes its files, nothing else."""

    def __init__(self, path: Path, statistics: AppendFile, errors: AppendFile) -> None:
        self.path = path
        self.statistics = statistics
        self.errors = errors

    @property
    def log_path(self) -> Path:
        """Where the structured events go."""
        return self.path / LOG

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make the directory and its files.

        Raises `InputError` when it holds a run already or is no directory, `StorageError` when
        it cannot be written.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            # Whoever creates this file has the directory; of two at the same moment, only one.
            statistics = AppendFile.create(path / STATISTICS)
            errors = AppendFile.create(path / ERRORS)
            sync_directory(path)
        except FileExistsError:
            if not path.is_dir():
                raise InputError(f"--output {path}: there is a file of this name") from None
            raise InputError(
                f"--output {path}: holds a run already; give another directory"
            ) from None
        except NotADirectoryError:
            raise InputError(f"--output {path}: part of this path is a file") from None
        except OSError as error:
            raise StorageError(
                f"--output {path}: cannot be written: {error.strerror}; "
                "see that this user may write there, and that there is room"
            ) from error
        return cls(path, statistics, errors)

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
            raise StorageError(f"{target} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.statistics.close()
        self.errors.close()
