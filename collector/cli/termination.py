"""SIGTERM for commands without an event loop: it ends them in order, as Ctrl-C does."""

import signal
from collections.abc import Callable

from collector.errors import ExitCode

__all__ = ["until_sigterm"]


def until_sigterm(work: Callable[[], int]) -> int:
    """Return what `work` returns; SIGTERM raises `KeyboardInterrupt` in it, and 143 is returned.

    So it can clean up behind itself. Needs the main thread.
    """
    is_terminated = False

    def receive(_number: int, _frame: object) -> None:
        nonlocal is_terminated
        is_terminated = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, receive)
    try:
        return work()
    except KeyboardInterrupt:
        if is_terminated:
            return ExitCode.SIGTERM
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
