"""A file that only grows, by whole lines."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

__all__ = ["AppendFile", "sync_directory"]


# macOS has no fdatasync.
_sync = getattr(os, "fdatasync", os.fsync)


class AppendFile:
    """Appends blocks of whole lines with the system's own calls.

    There is no buffer that could write a failed block again later: a block is on its way to the
    disk when `append` returns, or is taken back when it raises `OSError`. All methods block, and
    belong into a thread.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Self:
        """Create a file that must not exist yet. Raises `OSError`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        return cls(os.open(path, flags, 0o644), path)

    def append(self, block: bytes) -> None:
        """Write the whole block, or leave the file as it was and raise `OSError`."""
        size = os.fstat(self._descriptor).st_size
        view = memoryview(block)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            # What has no length to take back (a device) has kept nothing either.
            with suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def sync(self) -> None:
        """Wait until everything appended so far is on the disk. Raises `OSError`.

        After an error the state of the disk is unknown, and asking again proves nothing: the
        kernel reports a lost page once only.
        """
        _sync(self._descriptor)

    def close(self) -> None:
        """Close the file; nothing is pending, so nothing is written."""
        os.close(self._descriptor)


def sync_directory(path: Path) -> None:
    """Make the names of new files in a directory durable. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
