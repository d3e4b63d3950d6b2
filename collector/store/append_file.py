"""An append-only file of whole lines."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from collector.core.own_files import open_own
from collector.store.fault_points import FaultPoint, reach

__all__ = ["AppendFile", "LostFileError"]


# macOS has no fdatasync.
_sync = getattr(os, "fdatasync", os.fsync)


class LostFileError(OSError):
    """Another process has removed, replaced or cut a file. The text says which."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(errno.ESTALE, f"another process has {what} it", str(path))


class AppendFile:
    """The only writer of a file; it appends whole lines by system calls, without a buffer.

    So a failed line cannot be written again later: a line is in the file when `append` returns, or
    is removed again when it raises `OSError`. `sync` blocks for as long as the disk takes: call it
    in a thread. Lines may be appended meanwhile.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.size = self._synced_size = os.fstat(descriptor).st_size
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file, or create it. Raises `OSError`, also for a link and what is no file."""
        return cls(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), path)

    @property
    def synced_size(self) -> int:
        """Bytes of the lines that were there when it was opened, and of those that are synced."""
        return self._synced_size

    def append(self, lines: bytes) -> None:
        """Append whole lines, or leave the file as it was and raise `OSError`."""
        reach(FaultPoint.BEFORE_WRITE, self.path)
        written = 0
        try:
            written = os.write(self._descriptor, lines)
            while written < len(lines):
                reach(FaultPoint.AFTER_PARTIAL_WRITE, self.path)
                written += os.write(self._descriptor, memoryview(lines)[written:])
        except OSError:
            self._undo_write(written)
            raise
        self.size += written

    def sync(self) -> None:
        """Wait until everything appended so far is on the disk, in the file of this name.

        Raises `OSError`, also a `LostFileError`. A later call proves nothing then, because the
        kernel reports a lost page only once.
        """
        size = self.size
        reach(FaultPoint.BEFORE_SYNC, self.path)
        _sync(self._descriptor)
        self.check(size)
        self._synced_size = size
        reach(FaultPoint.AFTER_SYNC, self.path)

    def check(self, size: int | None = None) -> None:
        """Raise `LostFileError` unless others find this file, and all of it, under its name.

        `size` is how many bytes it must have; by default those of all lines. An empty file that was
        removed has lost no line. Raises `OSError`.
        """
        expected = self.size if size is None else size
        own = os.fstat(self._descriptor)
        try:
            found = self.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            if not expected:
                return
            raise LostFileError(self.path, "removed") from None
        if not os.path.samestat(found, own):
            raise LostFileError(self.path, "replaced")
        if own.st_size < expected:
            raise LostFileError(self.path, "cut")

    def cut_unsynced(self) -> None:
        """Remove what was appended since the last successful `sync`, after one has failed.

        Which of it is on the disk is unknown. The next run must not find lines that may exist in
        memory only.
        """
        # A device cannot be truncated, and keeps nothing.
        with suppress(OSError):
            if os.fstat(self._descriptor).st_size > self._synced_size:
                os.ftruncate(self._descriptor, self._synced_size)
            self.size = self._synced_size

    def close(self) -> None:
        """Close the file; nothing is pending, so nothing is written."""
        os.close(self._descriptor)

    def _undo_write(self, written: int) -> None:
        # From the actual size: another process may have written to the file, and its bytes stay.
        with suppress(OSError):
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
