"""How long a shard works while the process that started the run may have gone. Pure."""

from typing import Final

from collector.core.text import span_text

__all__ = ["LONGEST_SILENCE", "Lease"]

LONGEST_SILENCE: Final = 60.0
"""Seconds without new orders after which a shard stops although the process that sends them may be
there: it may be stopped, or the Dask scheduler may not answer."""

_DOUBTFUL_SECONDS: Final = 2.0
"""Orders come twice per second. After this many seconds without new ones the shard asks the Dask
scheduler whether their sender has gone."""

_CLIENT_GONE: Final = "the process that started the run has gone"
_SCHEDULER_GONE: Final = "the scheduler of the cluster has gone, or is out of reach"
_SILENT: Final = (
    f"no orders have come from the process that started the run for {span_text(LONGEST_SILENCE)}"
)


class Lease:
    """The permission of a shard to work: its reports are heard. New orders renew it.

    `now` is in seconds, here and below, on a clock that stands still while this process does.
    """

    def __init__(self, now: float) -> None:
        self._heartbeat: int | None = None
        self._renewed_at = now

    def renew(self, heartbeat: int, now: float) -> None:
        """Take the heartbeat of the orders that were read; only another one is a sign of life."""
        if heartbeat != self._heartbeat:
            self._heartbeat, self._renewed_at = heartbeat, now

    def is_doubtful(self, now: float) -> bool:
        """Tell whether the Dask scheduler should be asked if it still awaits the result."""
        return now - self._renewed_at > _DOUBTFUL_SECONDS

    def why_over(self, now: float, *, is_connected: bool, is_awaited: bool) -> str | None:
        """Return why the shard must stop; None while it may work.

        * `is_connected`: whether this worker has its connection to the Dask scheduler. A worker
          that loses it ends, and is not connected again.
        * `is_awaited`: False if the Dask scheduler was asked and awaits the result no more, because
          its client has gone.
        """
        if not is_connected:
            return _SCHEDULER_GONE
        if self.is_doubtful(now) and not is_awaited:
            return _CLIENT_GONE
        return _SILENT if now - self._renewed_at > LONGEST_SILENCE else None
