"""The one writer of results and errors: lines are collected and put on the disk in groups."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from collector.errors import StorageError
from collector.models import FailureKind
from collector.store.append_file import AppendFile
from collector.tally import CellState

__all__ = ["Journal", "Line"]

_GROUP_SECONDS: Final = 0.25
_GROUP_LINES: Final = 2000
_MAX_PENDING: Final = 4 * _GROUP_LINES


class Line(NamedTuple):
    """One line with its line break, what it makes of its cell, and how that one failed."""

    text: bytes
    state: CellState
    kind: FailureKind | None = None


class Journal:
    """Takes lines from the workers and writes them in groups, a quarter of a second apart.

    `commit_groups` is the writer; its owner runs it as a task beside the workers, and cancels
    it only after they have ended. A cell counts as done, and `on_durable` is told, only after
    its group is synced.
    """

    def __init__(
        self,
        statistics: AppendFile,
        errors: AppendFile,
        *,
        on_durable: Callable[[Sequence[Line]], None],
    ) -> None:
        self._statistics = statistics
        self._errors = errors
        self._on_durable = on_durable
        self._pending: list[Line] = []
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = False

    async def append(self, line: Line) -> None:
        """Hand over a line; waits only while the disk is far behind."""
        while len(self._pending) >= _MAX_PENDING:
            self._room.clear()
            await self._room.wait()
        self._pending.append(line)
        self._arrived.set()
        if len(self._pending) >= _GROUP_LINES:
            self._hurry.set()

    def close(self) -> None:
        """Tell the writer that no more lines come: it writes what is left and ends."""
        self._closing = True
        self._arrived.set()
        self._hurry.set()

    async def commit_groups(self) -> None:
        """Write and sync group after group until `close`; when cancelled, what came until then.

        Raises `StorageError` when the disk does not take a group; nothing is written after that.
        """
        try:
            while self._pending or not self._closing:
                await self._arrived.wait()
                await self._commit_pending()
                await self._let_group_grow()
        except asyncio.CancelledError:
            await self._commit_pending()
            raise

    async def _let_group_grow(self) -> None:
        try:
            async with asyncio.timeout(_GROUP_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _commit_pending(self) -> None:
        group, self._pending = self._pending, []
        if not self._closing:
            self._arrived.clear()
            self._hurry.clear()
        self._room.set()
        if not group:
            return
        writing = asyncio.ensure_future(asyncio.to_thread(self._commit, group))
        was_cancelled = await _outlast(writing)
        writing.result()
        self._on_durable(group)
        if was_cancelled:
            raise asyncio.CancelledError

    def _commit(self, group: Sequence[Line]) -> None:
        """Append and sync a group; runs in a thread."""
        statistics = b"".join(line.text for line in group if line.state is not CellState.FAILED)
        errors = b"".join(line.text for line in group if line.state is CellState.FAILED)
        for file, block in ((self._statistics, statistics), (self._errors, errors)):
            if not block:
                continue
            try:
                file.append(block)
                file.sync()
            except OSError as error:
                raise StorageError(
                    f"{file.path} cannot be written: {error.strerror}; nothing is torn, and every "
                    "line that was counted is on the disk; make room, or see that this user may "
                    "write there"
                ) from error


async def _outlast(work: asyncio.Future[None]) -> bool:
    """Wait for work in a thread to end, come what may; True when we were cancelled meanwhile.

    A thread cannot be cancelled. Whoever left now could begin the next group while this one is
    still being written.
    """
    was_cancelled = False
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            was_cancelled = True
    return was_cancelled
