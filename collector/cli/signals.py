"""Signals: the first ends the run in order, the second at once, the third by force."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from collector.cli.termination import ending_signals
from collector.errors import ExitCode

__all__ = ["stop_on_signals"]


@contextmanager
def stop_on_signals(
    stop: Callable[[ExitCode], None], stop_at_once: Callable[[], None]
) -> Iterator[None]:
    """Call `stop` with the exit code at the first signal, and `stop_at_once` at the second.

    The third is left to the system: a disk that hangs must not keep the process alive.

    Needs the running event loop of the main thread.
    """
    loop = asyncio.get_running_loop()
    codes = ending_signals()
    # Counted here, not by exchanging handlers: two signals may come in one turn of the loop.
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
            signal.signal(again, signal.SIG_DFL)
        stop_at_once()

    for number in codes:
        loop.add_signal_handler(number, receive, number)
    try:
        yield
    finally:
        release()
