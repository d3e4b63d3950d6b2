"""Whether so many cells may fail, or be empty, as the options say."""

from collector.core.cell import CellState
from collector.core.errors import ImplausibleError
from collector.settings import RunSettings
from collector.telemetry.stats import RunStats

__all__ = ["all_empty", "implausible_counts", "too_many_failed"]


def too_many_failed(stats: RunStats, settings: RunSettings) -> ImplausibleError | None:
    """Return the error if more cells have failed than `--max-failed` allows; otherwise None."""
    most, failed = settings.max_failed, stats.cells[CellState.FAILED]
    if most is None or failed <= most.of(stats.planned):
        return None
    return ImplausibleError(
        f"{failed} of {stats.planned} cells have failed, more than --max-failed {most} allows; "
        "look at errors.jsonl"
    )


def implausible_counts(stats: RunStats, settings: RunSettings) -> ImplausibleError | None:
    """Return the error if more cells have failed or are empty than allowed, after the last cell."""
    most = settings.max_empty
    empty = stats.kept[CellState.EMPTY] + stats.cells[CellState.EMPTY]
    if most is None or empty <= most.of(stats.planned):
        return too_many_failed(stats, settings)
    return ImplausibleError(
        f"{empty} of {stats.planned} cells are empty, more than --max-empty {most} allows; look "
        "whether that can be true"
    )


def all_empty(stats: RunStats) -> str | None:
    """Return the warning that a run has several answers, and all are empty; otherwise None."""
    counts = stats.kept + stats.cells
    empty = counts[CellState.EMPTY]
    if empty <= 1 or counts[CellState.DATA] or stats.missing:
        return None
    return f"all {empty} answers are empty: every counter of every company and window is 0"
