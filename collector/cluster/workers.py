"""Whether there are workers while a run works: else its shards are waited for in vain."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from distributed import Client
from structlog.typing import FilteringBoundLogger

from collector.cluster.cluster import no_workers, workers_of
from collector.cluster.division import WorkerAbsence, WorkerNews, workers_within
from collector.core.errors import ClusterError
from collector.run.shutdown import Shutdown
from collector.settings import RunSettings

__all__ = ["WorkerMonitor"]

_LOOK_SECONDS: Final = 1.0


class WorkerMonitor:
    """Looks on whether a cluster has workers.

    `end` is called with the error when it had none for as long as is waited for.
    """

    def __init__(
        self,
        client: Client,
        settings: RunSettings,
        log: FilteringBoundLogger,
        shutdown: Shutdown,
        end: Callable[[ClusterError], None],
    ) -> None:
        self._client = client
        self._settings = settings
        self._log = log
        self._shutdown = shutdown
        self._end = end
        self._patience = workers_within(settings.max_outage)
        self._absence = WorkerAbsence(self._patience)

    @property
    def is_deserted(self) -> bool:
        """Whether there is nobody who could end a shard in order."""
        return self._absence.is_empty

    async def keep(self) -> None:
        """Look on until cancelled."""
        while True:
            workers = await workers_of(self._client)
            # If the scheduler does not say, that is no news of its workers; it has ways of its own
            # to be missed.
            if workers is not None:
                self._tell(self._absence.take(len(workers), time.monotonic()))
            await asyncio.sleep(_LOOK_SECONDS)

    def _tell(self, news: WorkerNews | None) -> None:
        if news is WorkerNews.GONE:
            self._log.warning("workers_gone", waits_for=self._patience)
        elif news is WorkerNews.BACK:
            self._log.warning("workers_back")
        elif news is WorkerNews.OVER:
            self._end(no_workers(self._settings, self._patience))
        if self.is_deserted and self._shutdown.is_stopped:
            self._shutdown.stop_at_once()
