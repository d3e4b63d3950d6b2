"""A run directory that is made, is unmade when nothing was begun, or goes while a run works."""

from contextlib import suppress
from pathlib import Path

from collector.errors import InputError, StorageError
from collector.store.replacement import sync_directory

__all__ = ["make_directory", "taken_away", "unmake"]


def make_directory(path: Path, made: list[Path]) -> None:
    """Make a directory and its parents, and note in `made` which were not there.

    Raises `InputError` when one of them is a file, and `OSError`.
    """
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


def unmake(made: list[Path]) -> None:
    """Take away directories that were made for nothing; one that is in use by now stays."""
    for part in reversed(made):
        with suppress(OSError):
            part.rmdir()


def taken_away(directory: Path) -> StorageError:
    """Return the error of a run whose directory does not stand under its name any more."""
    return StorageError(
        f"{directory}: was removed or replaced by somebody else while the run worked; what was "
        "collected is where it was moved to, if it is anywhere"
    )
