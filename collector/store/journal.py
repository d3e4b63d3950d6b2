"""The one writer of results and errors: each line is written at once, and synced in groups."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from collector.core.cell import CellState
from collector.core.errors import StorageError
from collector.core.outcome import FailureKind
from collector.core.threads import in_thread
from collector.store.append_file import AppendFile

__all__ = ["Journal", "Line"]

_GROUP_SECONDS: Final = 0.25
_GROUP_LINES: Final = 2000
_MAX_UNSYNCED: Final = 4 * _GROUP_LINES


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line with its line break, what it makes of its cell, and how that one failed."""

    text: bytes
    state: CellState
    kind: FailureKind | None = None


class Journal:
    """Takes lines from the workers; syncs them in groups, a quarter of a second apart.

    A line is in its file when `append` returns: killing the process loses none, only the machine
    can. A cell counts as done, and `on_durable` is told, after its group is synced.
    `sync_groups` does that; its owner runs it as a task beside the workers, and cancels it only
    after they have ended.
    """

    def __init__(
        self,
        statistics: AppendFile,
        errors: AppendFile,
        *,
        on_durable: Callable[[Sequence[Line]], None],
    ) -> None:
        self._statistics = _Part(statistics)
        self._errors = _Part(errors)
        self._on_durable = on_durable
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._is_closing = False
        self._failure: StorageError | None = None

    async def append(self, line: Line) -> None:
        """Write a line; waits only while syncing is far behind.

        Raises `StorageError` when the disk does not take it, or has not taken an earlier one:
        nothing is written after that.
        """
        while (unsynced := self._unsynced) >= _MAX_UNSYNCED and not self._failure:
            self._room.clear()
            await self._room.wait()
        if self._failure:
            raise self._failure
        part = self._errors if line.state is CellState.FAILED else self._statistics
        try:
            part.file.append(line.text)
        except OSError as error:
            raise self._failed(part, error) from error
        part.unsynced.append(line)
        self._arrived.set()
        if unsynced + 1 >= _GROUP_LINES:
            self._hurry.set()

    def close(self) -> None:
        """Tell `sync_groups` that no more lines come: it syncs what is left and ends."""
        self._is_closing = True
        self._arrived.set()
        self._hurry.set()

    async def sync_groups(self) -> None:
        """Sync group after group until `close`; when cancelled, what came until then.

        Raises `StorageError` when the disk does not take a group. Syncing is never tried again.
        """
        try:
            while self._unsynced or not self._is_closing:
                await self._arrived.wait()
                await self._let_group_grow()
                await self._sync()
        except asyncio.CancelledError:
            while self._unsynced:
                # Cancelled once more: what came is still synced and counted.
                with suppress(asyncio.CancelledError):
                    await self._sync()
            raise

    @property
    def _unsynced(self) -> int:
        return len(self._statistics.unsynced) + len(self._errors.unsynced)

    async def _let_group_grow(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GROUP_SECONDS):
                await self._hurry.wait()

    async def _sync(self) -> None:
        if not self._is_closing:
            self._arrived.clear()
            self._hurry.clear()
        for part in (self._statistics, self._errors):
            await self._sync_part(part)
        self._room.set()

    async def _sync_part(self, part: "_Part") -> None:
        count = len(part.unsynced)
        if not count:
            return
        was_cancelled = False
        try:
            await in_thread(part.file.sync)
        except asyncio.CancelledError:
            was_cancelled = True
        except OSError as error:
            failure = self._failed(part, error)
            part.file.cut_unsynced()
            raise failure from error
        # Lines that came meanwhile stay for the next sync.
        group, part.unsynced = part.unsynced[:count], part.unsynced[count:]
        self._on_durable(group)
        if was_cancelled:
            raise asyncio.CancelledError

    def _failed(self, part: "_Part", error: OSError) -> StorageError:
        self._failure = StorageError(
            f"{part.file.path} cannot be written: {error.strerror}; no line is torn, and every "
            "line that was counted is on the disk; make room, or see that this user may write "
            "there, and run the same command again"
        )
        self._room.set()
        return self._failure


class _Part:
    """A file, and its lines that are not synced yet."""

    def __init__(self, file: AppendFile) -> None:
        self.file = file
        self.unsynced: list[Line] = []
