"""Monitors that the cluster has workers, and answers: otherwise no shard would ever end."""

import asyncio
from collections.abc import Callable
from typing import Final

from distributed import Client
from structlog.typing import FilteringBoundLogger

from collector.cluster.cluster import count_workers, no_workers
from collector.cluster.division import WorkerEvent, WorkerTimeout, workers_within
from collector.core.errors import ClusterError
from collector.core.text import span_text
from collector.run.shutdown import Shutdown
from collector.settings import RunSettings

__all__ = ["WorkerMonitor"]

_POLL_SECONDS: Final = 1.0


class WorkerMonitor:
    """Monitors that a cluster has workers, and that its scheduler answers.

    * `client`: of the Dask cluster.
    * `settings`: how long to wait for workers; where the cluster is.
    * `log`: gets an event when all workers have gone, and when they are back.
    * `shutdown`: stops at once when there is no worker that could stop gracefully.
    * `end`: called with the error when there was no worker, or no answer, for too long.
    * `clock`: seconds in which this process was awake.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one collaborator each
        self,
        client: Client,
        settings: RunSettings,
        log: FilteringBoundLogger,
        shutdown: Shutdown,
        end: Callable[[ClusterError], None],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._settings = settings
        self._log = log
        self._shutdown = shutdown
        self._end = end
        self._clock = clock
        self._patience = workers_within(settings.patience)
        self._without_workers = WorkerTimeout(self._patience)
        # The answers of the Dask scheduler are missing in the same way.
        self._silence = WorkerTimeout(self._patience)
        self._is_silent = False

    @property
    def has_no_workers(self) -> bool:
        """Whether no worker can be told anything, so that no shard can stop gracefully."""
        return self._without_workers.is_empty or self._is_silent

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            workers = await count_workers(self._client)
            now = self._clock()
            # If the Dask scheduler has ended, the futures of the shards say so; one that is stopped
            # only does not answer.
            if self._silence.update(int(workers is not None), now) is WorkerEvent.TIMED_OUT:
                self._is_silent = True
                self._end(_no_answer(self._settings, self._patience))
                self._shutdown.stop_at_once()
            elif workers is not None:
                self._report(self._without_workers.update(workers, now))
            await asyncio.sleep(_POLL_SECONDS)

    def _report(self, event: WorkerEvent | None) -> None:
        if event is WorkerEvent.GONE:
            self._log.warning("workers_gone", waits_for=self._patience)
        elif event is WorkerEvent.BACK:
            self._log.warning("workers_back")
        elif event is WorkerEvent.TIMED_OUT:
            self._end(no_workers(self._settings, self._patience))
        if self.has_no_workers and self._shutdown.is_stopped:
            self._shutdown.stop_at_once()


def _no_answer(settings: RunSettings, seconds: float) -> ClusterError:
    """Return the error of a Dask scheduler that has not answered for so many seconds."""
    # That of a local cluster is in this process.
    where = "--workers" if settings.scheduler is None else f"--scheduler {settings.scheduler}"
    return ClusterError(f"{where}: has not answered for {span_text(seconds)}; check that it works")
