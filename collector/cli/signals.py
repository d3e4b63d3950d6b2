"""Signals: the first stops a run gracefully, the second at once; the third kills the process.

`end_on_signals` is for the time before that, and for commands that leave nothing half done;
`until_terminated` is for commands without an event loop that have to clean up.
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final, NoReturn

from collector.core.errors import ExitCode

__all__ = ["end_on_signals", "ending_signals", "stop_on_signals", "until_terminated"]


def end_on_signals() -> None:
    """Let a signal end the process at once, with its exit code, until a command handles it.

    The kernel drops a signal that has no handler in process 1 of a container, and Python prints a
    traceback for Ctrl-C wherever it comes: in the imports, or while text waits for its reader.

    It ends without cleaning up, because an exception that is raised within an import may be lost.
    """
    for number in ending_signals():
        # A shell starts commands in the background with Ctrl-C ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> NoReturn:
    os._exit(_CODES[signal.Signals(number)])


@contextmanager
def stop_on_signals(
    stop: Callable[[ExitCode], None], stop_at_once: Callable[[], None]
) -> Iterator[None]:
    """Call `stop` with the exit code at the first signal, and `stop_at_once` at the second.

    The third has its default effect: a disk that hangs must not keep the process alive. As process
    1 of a container it ends with its exit code: the kernel drops signals with a default effect.

    Needs the running event loop of the main thread. Leaving restores the handlers from before.
    """
    # Here: commands without an event loop use this module too, and start without asyncio.
    import asyncio

    loop = asyncio.get_running_loop()
    codes = ending_signals()
    before = {number: signal.getsignal(number) for number in codes}
    last = _end if os.getpid() == 1 else signal.SIG_DFL
    # Count, do not exchange handlers: two signals may arrive in one iteration of the loop.
    received = 0

    def release() -> None:
        for number in codes:
            loop.remove_signal_handler(number)

    def receive(number: signal.Signals) -> None:
        nonlocal received
        received += 1
        if received == 1:
            stop(codes[number])
            return
        release()
        for again in codes:
            signal.signal(again, last)
        stop_at_once()

    for number in codes:
        loop.add_signal_handler(number, receive, number)
    try:
        yield
    finally:
        release()
        for number, handler in before.items():
            signal.signal(number, handler)


_CODES: Final = {
    signal.SIGINT: ExitCode.SIGINT,
    signal.SIGTERM: ExitCode.SIGTERM,
    signal.SIGHUP: ExitCode.SIGHUP,
}


def ending_signals() -> Mapping[signal.Signals, ExitCode]:
    """Return the signals that stop this process gracefully, each with its exit code.

    SIGHUP, which a terminal sends when it closes, is not among them if the process was started
    with SIGHUP ignored, as `nohup` does.
    """
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return {n: code for n, code in _CODES.items() if n is not signal.SIGHUP or not is_ignored}


_PATIENCE_SECONDS: Final = 1.0
"""How long `work` has after a signal before the process ends without it."""


def until_terminated(work: Callable[[list[Path]], int]) -> int:
    """Return what `work` returns, or the exit code of the signal that interrupts it.

    The signal raises `KeyboardInterrupt` in it, so that it can clean up. A statement of a database
    may hold it for long, and Python with it: after a second the process ends without it. What
    `work` has put into the list it is called with, files and directories, is removed before.

    Needs the main thread.
    """
    codes = ending_signals()
    received: list[ExitCode] = []
    leftovers: list[Path] = []

    def receive(number: int, _frame: object) -> None:
        received.append(codes[signal.Signals(number)])
        raise KeyboardInterrupt

    with ExitStack() as restoring:
        for number in codes:
            restoring.callback(signal.signal, number, signal.signal(number, receive))
        restoring.enter_context(_ended_without_main_thread(leftovers))
        try:
            return work(leftovers)
        except KeyboardInterrupt:
            if received:
                return received[0]
            raise


@contextmanager
def _ended_without_main_thread(leftovers: Sequence[Path]) -> Iterator[None]:
    """Let a thread end the process a second after a signal, unless the block ends by then."""
    is_over = Event()
    # The interpreter writes the number of a signal there when it comes, whatever Python does.
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wait() -> None:
        with os.fdopen(reading, "rb", buffering=0) as numbers:
            number = numbers.read(1)
        if not number or is_over.wait(_PATIENCE_SECONDS):
            return
        for path in leftovers:
            # A place that cannot be written any more must not keep the process alive.
            with suppress(OSError):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        os._exit(_CODES[signal.Signals(number[0])])

    thread = Thread(target=wait, name="signals", daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        is_over.set()
        signal.set_wakeup_fd(before)
        os.close(writing)
        thread.join()
