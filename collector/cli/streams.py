"""Standard output and standard error whose writes never wait for a reader.

A terminal that was stopped (Ctrl-S), a frozen ssh or a full pipe takes no more text. A write to it
waits until the reader reads; in the event loop, signals and the deadline would wait as well.
"""

import errno
import io
import os
import select
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Final, TextIO

from collector.cli.printing import complain
from collector.core.text import span_text

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["Output", "background_streams", "takes_text"]

_MOST_WAITING: Final = 1024 * 1024
"""Bytes that wait to be written; what comes in addition is dropped."""

_AT_ONCE: Final = 4096
"""Bytes of one write: a slow reader is to be seen taking them."""

_PATIENCE_SECONDS: Final = 1.0


@dataclass(slots=True)
class Output:
    """Standard output of a command; `is_lost` tells at the end whether text was not written."""

    is_lost: bool = False


@contextmanager
def background_streams() -> Iterator[Output]:
    """Let threads write standard output and standard error, so that no write in the body waits.

    Text that cannot be written is dropped. Leaving waits until the rest is written, but no longer
    than a second in which nothing is taken. A warning on standard error tells what is lost of
    standard output.
    """
    result = Output()
    streams = sys.stdout, sys.stderr
    writers: dict[tuple[int, int, int], _Writer] = {}
    output, errors = (_in_background(stream, writers) for stream in streams)
    sys.stdout, sys.stderr = output, errors
    try:
        yield result
    finally:
        since = monotonic()
        if (loss := _loss(output, since)) is not None:
            result.is_lost = True
            complain(f"warning: standard output {loss}; the rest of it is lost")
        _loss(errors, since)
        sys.stdout, sys.stderr = streams


def takes_text(stream: IO[str]) -> bool:
    """Tell whether a stream has written what it was given: False while its reader is behind."""
    writer = _writer_of(stream)
    return writer is None or writer.is_idle


def _in_background(stream: TextIO | None, writers: dict[tuple[int, int, int], "_Writer"]) -> Any:  # noqa: ANN401 - as `sys` declares its streams
    """Return a stream that a thread writes; the same one if it has no file, as in a test.

    Streams of one file share a writer, which keeps the order of their texts.
    """
    if stream is None:  # closed before the start
        return stream
    try:
        descriptor = stream.fileno()
        status = os.fstat(descriptor)
    except (OSError, ValueError):
        return stream
    key = status.st_dev, status.st_ino, status.st_rdev
    writer = writers.setdefault(key, _Writer())
    return io.TextIOWrapper(
        io.BufferedWriter(_File(descriptor, writer)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=True,
    )


def _writer_of(stream: IO[str] | None) -> "_Writer | None":
    file = getattr(getattr(stream, "buffer", None), "raw", None)
    return file.writer if isinstance(file, _File) else None


def _loss(stream: TextIO | None, since: float) -> str | None:
    """Wait for what a stream still has to write; say what became of it if that is lost."""
    writer = _writer_of(stream)
    if stream is None or writer is None:
        return None
    stream.flush()
    return writer.drain(since)


class _File(io.RawIOBase):
    """The file of a text stream; closing it leaves the descriptor open."""

    def __init__(self, descriptor: int, writer: "_Writer") -> None:
        self._descriptor = descriptor
        self.writer = writer

    def write(self, data: "ReadableBuffer", /) -> int:
        piece = bytes(data)
        self.writer.take(self._descriptor, piece)
        return len(piece)

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True


class _Writer:
    """A queue of text, and the thread that writes it.

    The thread is a daemon: one that waits for a reader must not keep the process alive.
    """

    def __init__(self) -> None:
        self._queue: deque[tuple[int, bytes]] = deque()
        self._waiting = 0
        self._error: OSError | None = None
        self._moved_at = 0.0
        """When the reader last took text, or text came after all was written."""
        self._changed = Condition()
        self._thread: Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether all text is written."""
        return not self._waiting

    def take(self, descriptor: int, data: bytes) -> None:
        """Queue text for a descriptor, unless too much waits already, or a write has failed."""
        with self._changed:
            if self._error is not None or self._waiting + len(data) > _MOST_WAITING:
                return
            if not self._waiting:
                self._moved_at = monotonic()
            self._queue.append((descriptor, data))
            self._waiting += len(data)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = Thread(target=self._work, name="output", daemon=True)
                self._thread.start()

    def drain(self, since: float) -> str | None:
        """Wait until all is written; say why it is not, after a second without progress.

        `since` is when the wait began, in seconds of the monotonic clock. A reader that has closed
        the pipe wants no more: that is no loss.
        """
        with self._changed:
            while self._waiting and self._error is None:
                left = max(since, self._moved_at) + _PATIENCE_SECONDS - monotonic()
                if left <= 0:
                    return f"took no text for {span_text(_PATIENCE_SECONDS)}"
                self._changed.wait(left)
        if self._error is None or self._error.errno == errno.EPIPE:
            return None
        return f"cannot be written: {self._error.strerror}"

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                descriptor, data = self._queue.popleft()
            try:
                self._write(descriptor, data)
            except OSError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return

    def _write(self, descriptor: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                written = os.write(descriptor, left[:_AT_ONCE])
            except BlockingIOError:
                # Another process has made the descriptor non-blocking.
                select.select([], [descriptor], [])
                continue
            left = left[written:]
            with self._changed:
                self._waiting -= written
                self._moved_at = monotonic()
                self._changed.notify_all()
