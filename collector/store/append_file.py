"""A file that only grows, by whole lines."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from collector.store.fault_points import FaultPoint, reach

__all__ = ["AppendFile"]


# macOS has no fdatasync.
_sync = getattr(os, "fdatasync", os.fsync)


class AppendFile:
    """Appends whole lines with the system's own calls; it is the file's only writer.

    There is no buffer that could write a failed line again later: a line is in the file when
    `append` returns, or is taken back when it raises `OSError`. `sync` blocks for as long as the
    disk takes and belongs into a thread; lines may be appended meanwhile.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.size = self._synced_size = os.fstat(descriptor).st_size
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file, or create it. Raises `OSError`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        # A pipe that nobody reads must not hold the run.
        flags |= os.O_NONBLOCK
        return cls(os.open(path, flags, 0o644), path)

    def append(self, lines: bytes) -> None:
        """Write whole lines, or leave the file as it was and raise `OSError`."""
        reach(FaultPoint.BEFORE_WRITE, self.path)
        written = 0
        try:
            written = os.write(self._descriptor, lines)
            while written < len(lines):
                reach(FaultPoint.AFTER_PARTIAL_WRITE, self.path)
                written += os.write(self._descriptor, memoryview(lines)[written:])
        except OSError:
            self._take_back(written)
            raise
        self.size += written

    def sync(self) -> None:
        """Wait until everything appended so far is on the disk, in the file of this name.

        Raises `OSError`, also when somebody else has removed, replaced or cut the file meanwhile.
        Asking again after that proves nothing, for the kernel reports a lost page once only.
        """
        size = self.size
        reach(FaultPoint.BEFORE_SYNC, self.path)
        _sync(self._descriptor)
        self._check_identity(size)
        self._synced_size = size
        reach(FaultPoint.AFTER_SYNC, self.path)

    def cut_unsynced(self) -> None:
        """After `sync` has failed: cut off what was appended since the last one that did not.

        Nobody knows what of it is on the disk. The next run must not find lines there that may
        only be in memory.
        """
        # What has no length to cut (a device) has kept nothing either.
        with suppress(OSError):
            if os.fstat(self._descriptor).st_size > self._synced_size:
                os.ftruncate(self._descriptor, self._synced_size)
            self.size = self._synced_size

    def close(self) -> None:
        """Close the file; nothing is pending, so nothing is written."""
        os.close(self._descriptor)

    def _take_back(self, written: int) -> None:
        # Measured, not counted: if somebody else wrote into the file, theirs is not ours to cut.
        with suppress(OSError):
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)

    def _check_identity(self, size: int) -> None:
        """Raise `OSError` unless what was appended is what others find under the file's name."""
        own = os.fstat(self._descriptor)
        try:
            is_found = os.path.samestat(self.path.stat(), own)
        except FileNotFoundError:
            is_found = False
        if not is_found or own.st_size < size:
            raise OSError(errno.ESTALE, "it was removed, replaced or cut by somebody else")
