"""The journal of results and errors: lines are written at once, and synced in groups."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from collector.core.cell import CellState
from collector.core.errors import StorageError
from collector.core.outcome import Outcome
from collector.core.threads import in_thread
from collector.store.append_file import AppendFile, LostFileError
from collector.store.checkpointer import Checkpointer

__all__ = ["Journal", "Line", "lost_lines"]

_GROUP_SECONDS: Final = 0.25
_GROUP_LINES: Final = 2000
_MAX_UNSYNCED: Final = 4 * _GROUP_LINES


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line with its line break, the state of its cell, and the outcome that it tells of."""

    text: bytes
    state: CellState
    outcome: Outcome


class Journal:
    """The only writer of results and errors; it syncs lines in groups, every quarter of a second.

    A line is in its file when `append` returns: a killed process loses none, only a machine that
    stops can. A cell counts as done after its group is synced; then `on_durable` is called.
    `sync_groups` syncs; its owner runs it as a task beside the workers, and cancels it only after
    they have ended. `checkpointer` follows the lines of results, in the thread that syncs them.
    """

    def __init__(
        self,
        statistics: AppendFile,
        errors: AppendFile,
        *,
        on_durable: Callable[[Sequence[Line]], None],
        checkpointer: Checkpointer | None = None,
    ) -> None:
        self._statistics = _Part(statistics, checkpointer)
        self._errors = _Part(errors)
        self._on_durable = on_durable
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._is_closing = False
        self._failure: StorageError | None = None

    async def append(self, lines: Sequence[Line]) -> None:
        """Write lines, all of a file by one call; wait only while syncing is far behind.

        Raises `StorageError` when they, or earlier ones, cannot be written or synced. Nothing is
        written after that.
        """
        while self._unsynced >= _MAX_UNSYNCED and not self._failure:
            self._room.clear()
            await self._room.wait()
        if self._failure:
            raise self._failure
        failures = [line for line in lines if line.state is CellState.FAILED]
        answers = lines
        if failures:
            answers = [line for line in lines if line.state is not CellState.FAILED]
        for part, of_part in ((self._statistics, answers), (self._errors, failures)):
            if of_part:
                self._write(part, of_part)
        self._arrived.set()
        if self._unsynced >= _GROUP_LINES:
            self._hurry.set()

    def close(self) -> None:
        """Tell `sync_groups` that no more lines come: it syncs the rest and returns."""
        self._is_closing = True
        self._arrived.set()
        self._hurry.set()

    async def sync_groups(self) -> None:
        """Sync groups until `close`; when cancelled, sync the lines that were appended so far.

        Raises `StorageError` when a group cannot be synced. A sync is never retried.
        """
        try:
            while self._unsynced or not self._is_closing:
                await self._arrived.wait()
                await self._let_group_grow()
                await self._sync()
        except asyncio.CancelledError:
            while self._unsynced:
                # When it is cancelled again, the lines are still synced and counted.
                with suppress(asyncio.CancelledError):
                    await self._sync()
            raise

    def _write(self, part: "_Part", lines: Sequence[Line]) -> None:
        try:
            part.file.append(b"".join([line.text for line in lines]))
        except OSError as error:
            raise self._failed(part, error) from error
        part.unsynced += lines

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
            await in_thread(part.sync, count)
        except asyncio.CancelledError:
            was_cancelled = True
        except OSError as error:
            failure = self._failed(part, error)
            part.file.cut_unsynced()
            raise failure from error
        # Lines that were appended meanwhile wait for the next sync.
        group, part.unsynced = part.unsynced[:count], part.unsynced[count:]
        self._on_durable(group)
        if was_cancelled:
            raise asyncio.CancelledError

    def _failed(self, part: "_Part", error: OSError) -> StorageError:
        if isinstance(error, LostFileError):
            self._failure = lost_lines(error)
        else:
            self._failure = StorageError(
                f"{part.file.path} cannot be written: {error.strerror}; it has only whole lines, "
                "and every line that was counted is on the disk; make room, or check that this "
                "user may write there, and run the same command again"
            )
        self._room.set()
        return self._failure


def lost_lines(error: LostFileError) -> StorageError:
    """Return the error of a run whose lines another process has taken away."""
    return StorageError(
        f"{error.filename}: {error.strerror} while the run worked; run the same command again, "
        "which requests the cells that have no line"
    )


@dataclass(slots=True)
class _Part:
    """A file, and its lines that are not synced yet."""

    file: AppendFile
    checkpointer: Checkpointer | None = None
    unsynced: list[Line] = field(default_factory=list)

    def sync(self, count: int) -> None:
        """Sync the first `count` lines, at least. Raises `OSError`."""
        self.file.sync()
        if self.checkpointer is not None:
            self.checkpointer.follow([line.text for line in self.unsynced[:count]])
