"""Directories that a run creates, and removes again if it begins nothing."""

from contextlib import suppress
from pathlib import Path

from collector.core.errors import InputError
from collector.store.atomic import sync_directory

__all__ = ["make_directory", "unmake"]


def make_directory(path: Path, made: list[Path]) -> None:
    """Create a directory and its parents; append those that did not exist to `made`.

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
            # Such as the root of a read-only file system: what counts is whether it exists.
            if not part.is_dir():
                raise
        else:
            made.append(part)
            sync_directory(part.parent)


def unmake(made: list[Path]) -> None:
    """Remove directories that were created for nothing; one that is in use by now stays."""
    for part in reversed(made):
        with suppress(OSError):
            part.rmdir()
