"""Signals: the first stops a run gracefully, the second at once; the third kills the process.

`until_terminated` is for commands without an event loop.
"""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

from collector.core.errors import ExitCode

__all__ = ["ending_signals", "stop_on_signals", "until_terminated"]


@contextmanager
def stop_on_signals(
    stop: Callable[[ExitCode], None], stop_at_once: Callable[[], None]
) -> Iterator[None]:
    """Call `stop` with the exit code at the first signal, and `stop_at_once` at the second.

    The third has its default effect: a disk that hangs must not keep the process alive.

    Needs the running event loop of the main thread.
    """
    # Here: commands without an event loop use this module too, and start without asyncio.
    import asyncio

    loop = asyncio.get_running_loop()
    codes = ending_signals()
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
            signal.signal(again, signal.SIG_DFL)
        stop_at_once()

    for number in codes:
        loop.add_signal_handler(number, receive, number)
    try:
        yield
    finally:
        release()


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


def until_terminated(work: Callable[[], int]) -> int:
    """Return what `work` returns; SIGTERM and SIGHUP interrupt it as Ctrl-C does.

    They raise `KeyboardInterrupt` in it, so that it can clean up, and the function returns 143 or
    129. Needs the main thread.
    """
    codes = ending_signals()
    received: list[ExitCode] = []

    def receive(number: int, _frame: object) -> None:
        received.append(codes[signal.Signals(number)])
        raise KeyboardInterrupt

    with ExitStack() as restoring:
        # Python raises KeyboardInterrupt for SIGINT by itself.
        for number in codes.keys() - {signal.SIGINT}:
            restoring.callback(signal.signal, number, signal.signal(number, receive))
        try:
            return work()
        except KeyboardInterrupt:
            if received:
                return received[0]
            raise
