"""Records outcomes: their lines in the journal, their events in the log, their counts."""

from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter

from structlog.typing import FilteringBoundLogger

from collector.core.cell import CellState
from collector.core.outcome import Answer, Failure, Outcome
from collector.run.held import Settled
from collector.run.queue import WorkItem
from collector.store.append_file import AppendFile
from collector.store.checkpointer import Checkpointer
from collector.store.journal import Journal, Line
from collector.store.lines import error_line, result_line
from collector.store.run_directory import RunFiles
from collector.telemetry.stats import RunStats

__all__ = ["Recorder"]


class Recorder:
    """Writes the outcomes of cells. A cell is counted once its line is synced.

    * `on_durable`: called with the file of answers as it is opened, and when lines of it are
      synced; None if nothing needs that.
    * `checkpointer`: follows the answers that are on the disk; None if there is no checkpoint.
    """

    def __init__(
        self,
        files: RunFiles,
        stats: RunStats,
        log: FilteringBoundLogger,
        on_durable: Callable[[AppendFile], None] | None,
        checkpointer: Checkpointer | None,
    ) -> None:
        self.journal = Journal(
            files.statistics, files.errors, on_durable=self._count, checkpointer=checkpointer
        )
        self._answers = files.statistics
        self._stats = stats
        self._log = log
        self._on_durable = on_durable
        self._report_durable()

    async def settle(self, settled: Sequence[Settled]) -> None:
        """Write the final outcomes of cells. Raises `StorageError`."""
        await self.journal.append([self._line(item, outcome) for item, outcome in settled])

    def retry(self, item: WorkItem, failure: Failure, delay: float) -> None:
        """Log a failed try that a retry follows in `delay` seconds."""
        self._log.warning(
            "try_failed", **_failure_fields(item, failure), retry_in_seconds=round(delay, 3)
        )

    def _line(self, item: WorkItem, outcome: Outcome) -> Line:
        cell = item.cell
        if isinstance(outcome, Failure):
            self._log.error("cell_failed", **_failure_fields(item, outcome))
            self._stats.seen(CellState.FAILED, cell.company_id)
            return Line(error_line(cell, outcome, item.requests), CellState.FAILED, outcome)
        state = CellState.DATA
        if outcome.counters.is_empty:
            state = CellState.EMPTY
            self._stats.seen(state, cell.company_id)
        return Line(result_line(cell, outcome, item.requests), state, outcome)

    def _count(self, lines: Sequence[Line]) -> None:
        # Without an instruction of Python's for each line, while none has failed.
        states = Counter(map(attrgetter("state"), lines))
        outcomes = list(map(attrgetter("outcome"), lines))
        if states[CellState.FAILED]:
            failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
            self._stats.failure_kinds.update(failure.kind for failure in failures)
            outcomes = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
        self._stats.cells.update(states)
        self._stats.names.count(outcomes, states[CellState.DATA])
        self._report_durable()

    def _report_durable(self) -> None:
        if self._on_durable is not None:
            self._on_durable(self._answers)


def _failure_fields(item: WorkItem, failure: Failure) -> dict[str, object]:
    return {
        "company_id": item.cell.company_id,
        "window": str(item.cell.window),
        "kind": failure.kind.value,
        "status": failure.status,
        "message": failure.message,
        "attempts": item.requests,
    }
