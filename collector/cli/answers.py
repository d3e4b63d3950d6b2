"""The answers of a run on standard output (`--answers -`).

The file of answers is the buffer: a thread reads what is on the disk and prints it. However slow
its reader is, nothing waits for it while the run collects, and nothing piles up in memory.
"""

import errno
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Final, Literal

from collector.cli.printing import require_output, unwritable
from collector.core.errors import ExitCode, StorageError
from collector.core.own_files import open_own
from collector.core.text import span_text, terminal_safe
from collector.core.threads import in_thread
from collector.run.result import End
from collector.store.append_file import AppendFile

__all__ = ["AnswerPrinter", "printed_answers"]

_CHUNK: Final = 64 * 1024
"""Bytes; what is read at once ends with a whole line."""

_PATIENCE_SECONDS: Final = 1.0

_FINISHED: Final = frozenset({ExitCode.COMPLETE, ExitCode.SOME_FAILED})


@contextmanager
def printed_answers(wanted: Literal["-"] | None) -> Iterator["AnswerPrinter | None"]:
    """Give the printer of answers if one is wanted: see the option `--answers`.

    All else that the block prints to standard output goes to standard error then. Raises
    `StorageError` when standard output is closed.
    """
    if wanted is None:
        yield None
        return
    printer = AnswerPrinter(require_output().fileno())
    with redirect_stdout(sys.stderr):
        yield printer


class AnswerPrinter:
    """Prints the lines of a file of answers, once they are on the disk, to a descriptor.

    The thread is a daemon: one that waits for a reader must not keep the process alive.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.is_terminal = os.isatty(descriptor)
        self._path: Path | None = None
        self._durable = 0
        """Where the lines end that are on the disk, in bytes of the file."""
        self._printed = 0
        """Where the lines end that are printed."""
        self._changed = Condition()
        self._is_working = True
        self._error: OSError | None = None
        self._hurried: End | None = None
        self._moved_at = 0.0
        """When the reader last took a line, or was last given less time."""

    def reach(self, answers: AppendFile) -> None:
        """Print the lines that are on the disk by now, but those that the first call finds."""
        with self._changed:
            if self._printed >= self._durable:
                # Until now there was nothing that the reader could have taken.
                self._moved_at = monotonic()
            self._durable = answers.synced_size
            if self._path is None:
                self._path = answers.path
                self._printed = self._durable
                Thread(target=self._work, args=(answers.path,), name="answers", daemon=True).start()
            self._changed.notify_all()

    def hurry(self, end: End) -> None:
        """Wait for the reader no longer than a second in which it takes nothing.

        `end` is how the command ends if lines are not printed then, and nothing else has ended it.
        """
        with self._changed:
            if self._hurried is None:
                self._hurried, self._moved_at = end, monotonic()
                self._changed.notify_all()

    async def finish(self, end: End) -> tuple[End, str | None]:
        """Wait until the reader has taken all lines of a run, as any command does that prints.

        Return how the command ends, and a remark about lines that are not printed. A reader that
        has closed the pipe wants no more, which changes no exit code.
        """
        if end.exit_code not in _FINISHED:
            self.hurry(end)
        await in_thread(self._wait)
        rest = f"the answers that were not printed are in {self._path}"
        is_finished = end.exit_code in _FINISHED
        if self._error is not None and self._error.errno == errno.EPIPE:
            return end, f"the reader of standard output has closed it; {rest}"
        if self._error is not None:
            text = f"{unwritable(self._error)}; {rest}"
            return (End(ExitCode.STORAGE, text, StorageError), None) if is_finished else (end, text)
        if self._hurried is not None and self._is_working and self._printed < self._durable:
            remark = f"standard output took nothing for {span_text(_PATIENCE_SECONDS)}; {rest}"
            return self._hurried if is_finished else end, remark
        return end, None

    def _wait(self) -> None:
        with self._changed:
            while self._printed < self._durable and self._is_working:
                left = None
                if self._hurried is not None:
                    left = self._moved_at + _PATIENCE_SECONDS - monotonic()
                    if left <= 0:
                        return
                self._changed.wait(left)

    def _work(self, path: Path) -> None:
        try:
            with os.fdopen(open_own(path, os.O_RDONLY), "rb") as lines:
                lines.seek(self._printed)
                while True:
                    with self._changed:
                        while self._printed >= self._durable:
                            self._changed.wait()
                        left = self._durable - self._printed
                    chunk = lines.read(min(left, _CHUNK))
                    chunk += b"" if chunk.endswith(b"\n") else lines.readline()
                    if not chunk:
                        # Another process has cut the file, which ends the run as well.
                        break
                    self._print(chunk)
                    with self._changed:
                        self._printed += len(chunk)
                        self._changed.notify_all()
        except OSError as error:
            self._error = error
        finally:
            with self._changed:
                self._is_working = False
                self._changed.notify_all()

    def _print(self, lines: bytes) -> None:
        left = memoryview(terminal_safe(lines) if self.is_terminal else lines)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                # Another process has made the descriptor non-blocking.
                select.select([], [self._descriptor], [])
                continue
            with self._changed:
                self._moved_at = monotonic()
