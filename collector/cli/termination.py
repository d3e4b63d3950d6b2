"""The signals that end a command in order, and what they do where there is no event loop."""

import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Final

from collector.errors import ExitCode

__all__ = ["ending_signals", "until_terminated"]

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
