"""SIGINT and SIGTERM: the first ends the run in order, the second ends the process."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from collector.errors import ExitCode

__all__ = ["stop_on_signals"]

_CODES: Final = {signal.SIGINT: ExitCode.SIGINT, signal.SIGTERM: ExitCode.SIGTERM}


@contextmanager
def stop_on_signals(stop: Callable[[ExitCode], None]) -> Iterator[None]:
    """Call `stop` with the exit code at the first signal; leave the second to the system.

    Needs the running event loop of the main thread.
    """
    loop = asyncio.get_running_loop()

    def release() -> None:
        for number in _CODES:
            loop.remove_signal_handler(number)

    def first(number: signal.Signals) -> None:
        release()
        for again in _CODES:
            signal.signal(again, signal.SIG_DFL)
        stop(_CODES[number])

    for number in _CODES:
        loop.add_signal_handler(number, first, number)
    try:
        yield
    finally:
        release()
