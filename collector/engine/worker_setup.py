"""Loaded by each process of a local cluster as it starts (`preload`)."""

import signal


def dask_setup(_process: object) -> None:
    """Leave signals to the process that was started: terminals and systemd send them to all.

    That one ends the shards in order; processes that end by themselves would lose what is in
    flight.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
