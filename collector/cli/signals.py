"""Signals: the first ends the run in order, the second at once, the third by force.

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

    The third is left to the system: a disk that hangs must not keep the process alive.

    Needs the running event loop of the main thread.
    """
    # Here, for commands without an event loop use this module too, and start without asyncio.
    import asyncio

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


_CODES: Final = {
    signal.SIGINT: ExitCode.SIGINT,
    signal.SIGTERM: ExitCode.SIGTERM,
    signal.SIGHUP: ExitCode.SIGHUP,
}


def ending_signals() -> Mapping[signal.Signals, ExitCode]:
    """Return the signals that end this process in order, each with its exit code.

    SIGHUP, by which a terminal tells that it is closed, is not among them if whoever started the
    process has it ignored: that is what `nohup` is for.
    """
    is_kept = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return {n: code for n, code in _CODES.items() if n is not signal.SIGHUP or not is_kept}


def until_terminated(work: Callable[[], int]) -> int:
    """Return what `work` returns; SIGTERM and SIGHUP interrupt it as Ctrl-C does.

    They raise `KeyboardInterrupt` in it, so that it can clean up behind itself, and 143 or 129 is
    returned. Needs the main thread.
    """
    codes = ending_signals()
    received: list[ExitCode] = []

    def receive(number: int, _frame: object) -> None:
        received.append(codes[signal.Signals(number)])
        raise KeyboardInterrupt

    with ExitStack() as before:
        # SIGINT raises that by itself.
        for number in codes.keys() - {signal.SIGINT}:
            before.callback(signal.signal, number, signal.signal(number, receive))
        try:
            return work()
        except KeyboardInterrupt:
            if received:
                return received[0]
            raise
