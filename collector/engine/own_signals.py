"""Signals for the process that was started alone, and not for those of its cluster."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from threading import Event, Thread
from typing import Final

__all__ = ["own_signals"]

_SIGNALS: Final = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}


@contextmanager
def own_signals() -> Iterator[None]:
    """Let processes that are started meanwhile hear nothing of SIGHUP, SIGINT and SIGTERM.

    Terminals and systemd send them to all. This process ends the shards in order; processes that
    end by themselves, or as they start, would lose what is in flight, or the whole cluster.

    What is blocked here stays so in a process that is started, from its first instruction on. This
    one hears of signals by a thread that is there for nothing else.
    """
    over = Event()
    hearing = Thread(target=over.wait, name="signals", daemon=True)
    hearing.start()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    # It ignores SIGINT and SIGTERM by itself, and lets them through in the thread that starts it.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        over.set()
        hearing.join()
