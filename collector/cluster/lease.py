"""How long a shard works while the process that started the run may have gone. Pure."""

from typing import Final

from collector.core.text import span_text

__all__ = ["LONGEST_SILENCE", "Lease"]

LONGEST_SILENCE: Final = 60.0
"""Seconds without new orders after which a shard stops although the process that sends them may be
there: it may be stopped, or the Dask scheduler may not answer."""

_CLIENT_GONE: Final = "the process that started the run has gone"
_SCHEDULER_GONE: Final = "the scheduler of the cluster has gone, or is out of reach"
_SILENT: Final = (
    f"no orders have come from the process that started the run for {span_text(LONGEST_SILENCE)}"
)


class Lease:
    """The permission of a shard to work: its reports are heard. Each event of orders renews it.

    `now` is in seconds, here and below, on a clock that stands still while this process does.
    """

    def __init__(self, now: float) -> None:
        self._renewed_at = now

    def renew(self, now: float) -> None:
        """Take a sign of life of the process that started the run."""
        self._renewed_at = now

    def why_over(self, now: float, *, is_connected: bool, is_awaited: bool) -> str | None:
        """Return why the shard must stop; None while it may work.

        * `is_connected`: whether this worker has its connection to the Dask scheduler. A worker
          that loses it ends, and is not connected again.
        * `is_awaited`: False once the Dask scheduler has told that its client has gone.
        """
        if not is_connected:
            return _SCHEDULER_GONE
        if not is_awaited:
            return _CLIENT_GONE
        return _SILENT if now - self._renewed_at > LONGEST_SILENCE else None
