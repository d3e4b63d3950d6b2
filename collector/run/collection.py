"""The middle of a run: cells go through the pool to the recorder, and their lines to the disk."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from collector.core.cell import Cell
from collector.core.errors import CollectorError, main_error
from collector.dates.guard import DatesGuard
from collector.http.gate import Gate
from collector.http.retry import RetryPolicy
from collector.run.held import Settled
from collector.run.pool import Fetch, Pool
from collector.run.recorder import Recorder
from collector.run.verdict import too_many_failed
from collector.settings import RunSettings
from collector.telemetry.stats import RunStats

__all__ = ["Collection"]


class Collection:
    """Collects cells until each is settled: the pool, the journal, and the watch of the dates.

    * `cells`: the cells to request, taken one by one.
    * `fetch`: requests a cell.
    * `recorder`: takes the outcomes, which are counted in `stats`.
    * `dates`: watches what the answers show about the dates.
    * `gate`: says at what rate requests leave.
    * `stop_by`: called when more cells have failed than allowed.
    """

    def __init__(  # noqa: PLR0913 - see the class
        self,
        cells: Iterator[Cell],
        fetch: Fetch,
        recorder: Recorder,
        settings: RunSettings,
        *,
        stats: RunStats,
        dates: DatesGuard,
        gate: Gate,
        stop_by: Callable[[CollectorError], None],
    ) -> None:
        self._recorder, self._settings, self._stats = recorder, settings, stats
        self._dates, self._stop_by = dates, stop_by
        control = gate.control
        self._pool = Pool(
            cells,
            fetch=fetch,
            decide=RetryPolicy(settings.max_attempts).decide,
            settle=self._settle,
            on_retry=lambda item, failure, retry: recorder.retry(
                item, failure, max(retry.delay, gate.next_probe_in)
            ),
            stats=stats,
            concurrency=settings.concurrency,
            rate=lambda: control.rate,
            prefers_new=lambda: control.is_doubtful or control.open_cause is not None,
            on_exhausted=control.no_more_cells,
        )
        self.drain = self._pool.drain

    async def run(self) -> BaseException | None:
        """Return when each cell is settled or the pool was drained: the main error, if any."""
        journal = self._recorder.journal
        try:
            async with asyncio.TaskGroup() as writing:
                writing.create_task(journal.sync_groups(), name="journal")
                # A group of its own, so that an error of the watch cancels the journal after the
                # last worker has ended.
                async with asyncio.TaskGroup() as working:
                    watching = working.create_task(self._dates.watch(), name="dates")
                    await self._pool.run()
                    watching.cancel()
                journal.close()
        except ExceptionGroup as failed:
            return main_error(failed)
        return None

    async def _settle(self, settled: Sequence[Settled]) -> None:
        await self._recorder.settle(settled)
        if (error := too_many_failed(self._stats, self._settings)) is not None:
            self._stop_by(error)
        are_suspicious = [self._dates.observe(item.cell, outcome) for item, outcome in settled]
        if any(are_suspicious):
            await self._dates.verified()
