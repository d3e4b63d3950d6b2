"""An attempt and its counts, for what reads and writes manifests."""

from datetime import UTC, datetime, timedelta, timezone

from collector.core.cell import CellState
from collector.core.errors import ExitCode
from collector.core.outcome import FailureKind
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.telemetry.names import AnswerNames, Drift, NamesRecord
from collector.telemetry.stats import RunStats

STARTED = datetime(2026, 11, 23, 2, 0, 1, 234_567, tzinfo=UTC)
ENDED = datetime(2026, 11, 23, 0, 0, 2, tzinfo=timezone(timedelta(hours=-3)))


class _Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def run_stats() -> RunStats:
    """Return the counts of an attempt that took 4 seconds."""
    clock = _Clock()
    stats = RunStats(20, clock=clock)
    clock.now += 4.0
    stats.kept.update({CellState.DATA: 1, CellState.EMPTY: 2})
    stats.cells.update({CellState.DATA: 5, CellState.EMPTY: 3, CellState.FAILED: 2})
    stats.failure_kinds.update({FailureKind.TIMEOUT: 1, FailureKind.HTTP: 1})
    for status, count in {500: 2, 200: 8, 429: 3}.items():
        for number in range(count):
            stats.answered(status, 0.1 + number)
    stats.broken.update({FailureKind.TIMEOUT: 1})
    stats.names = AnswerNames(
        [NamesRecord(answers=8, with_data=5, fields={"late": 8}, actions={"RECEIVED": 5})]
    )
    stats.drift = Drift(("late",), ("actions.CLOSED",))
    stats.requests, stats.retries, stats.refused, stats.good = 14, 4, 3, 7
    return stats


def ended_attempt(error: str | None = "out of reach") -> AttemptEntry:
    """Return the entry of an attempt that was stopped early."""
    kept = {CellState.DATA: 1, CellState.EMPTY: 2}
    attempt = AttemptEntry(STARTED, describe_settings(RunSettings()), kept, ("odd",))
    attempt.ended(ENDED, ExitCode.STOPPED_EARLY, error, run_stats(), limit_found=48.0567)
    return attempt
