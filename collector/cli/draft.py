"""The file that a command makes: it appears when it is whole, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import StorageError
from collector.store.replacement import replacing

__all__ = ["draft_of"]


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Give the path of an empty file, which takes the place of `path` when the block has ended.

    Raises `StorageError` when the disk refuses, and then the old file is in its place.
    """
    try:
        # Two commands at a time do not write into each other's drafts.
        with replacing(path, suffix=f".{os.getpid()}.new") as draft:
            yield draft
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from error
