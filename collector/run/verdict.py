"""What a run is ended by while it works, and after its last cell: one exit code. Pure decisions.

What ends it before its first answer is decided where the failures are counted: `http/first_tries`
(all fail in one definitive way) and `http/silence` (no answer). After the last cell both are asked
once more: a small run ends before either has counted enough.
"""

from collections.abc import Iterable
from typing import Final

from collector.core.cell import CellState
from collector.core.errors import CollectorError, ExitCode, ImplausibleError
from collector.core.outcome import FailureKind
from collector.core.text import counted
from collector.http.first_tries import FirstTries
from collector.http.silence import Silence
from collector.run.result import End
from collector.settings import RunSettings
from collector.telemetry.stats import RunStats

__all__ = [
    "all_empty",
    "implausible_counts",
    "settled_end",
    "too_many_failed",
    "why_unsuccessful",
]

_ANSWERED: Final = frozenset(FailureKind) - {FailureKind.TIMEOUT, FailureKind.CONNECTION}
"""Kinds of failure with a whole answer."""


def too_many_failed(stats: RunStats, settings: RunSettings) -> ImplausibleError | None:
    """Return the error if more cells have failed than `--max-failed` allows; otherwise None.

    One company alone may be broken, however many cells it has.
    """
    most, failed = settings.max_failed, stats.cells[CellState.FAILED]
    if most is None or failed <= most.of(stats.planned):
        return None
    if not stats.has_several(CellState.FAILED):
        return None
    have = "has" if failed == 1 else "have"
    return ImplausibleError(
        f"{failed:,} of {counted(stats.planned, 'cell')} {have} failed, more than --max-failed "
        f"{most} allows; look at errors*.jsonl"
    )


def implausible_counts(stats: RunStats, settings: RunSettings) -> ImplausibleError | None:
    """Return the error if more cells have failed or are empty than allowed, after the last cell.

    One company alone may be empty, too.
    """
    most = settings.max_empty
    empty = stats.kept[CellState.EMPTY] + stats.cells[CellState.EMPTY]
    is_allowed = most is None or empty <= most.of(stats.planned)
    if is_allowed or not stats.has_several(CellState.EMPTY):
        return too_many_failed(stats, settings)
    are = "is" if empty == 1 else "are"
    return ImplausibleError(
        f"{empty:,} of {counted(stats.planned, 'cell')} {are} empty, more than --max-empty {most} "
        "allows; check whether that can be true"
    )


def why_unsuccessful(
    stats: RunStats, settings: RunSettings, silence: Silence, tries: FirstTries, now: float
) -> CollectorError | None:
    """Return the error of a run that has settled all its cells; None if they are to be believed.

    `now` is the time of the clock of `silence`, in seconds.
    """
    if stats.cells[CellState.FAILED] and _is_the_services_failure(silence, stats.failure_kinds):
        return silence.error(now)
    # A shard may have all the companies that are broken.
    alike = tries.error() if settings.shard.is_whole else None
    return alike or implausible_counts(stats, settings)


def settled_end(stats: RunStats) -> End:
    """Return the end of a run that has settled all its cells, and whose cells are believed."""
    return End(ExitCode.SOME_FAILED if stats.cells[CellState.FAILED] else ExitCode.COMPLETE)


def _is_the_services_failure(silence: Silence, kinds: Iterable[FailureKind]) -> bool:
    """Return whether cells that failed, for reasons of these kinds, failed by the service.

    The few cells of a small run fail before the circuit breaker knows of an outage.
    """
    no_answer = not _ANSWERED.intersection(kinds)
    return silence.is_unusable or (silence.was_never_answered and no_answer)


def all_empty(stats: RunStats, settings: RunSettings) -> str | None:
    """Return the warning that a run has several answers, and all are empty; otherwise None."""
    counts = stats.kept + stats.cells
    empty = counts[CellState.EMPTY]
    if empty <= 1 or counts[CellState.DATA] or stats.missing or not settings.shard.is_whole:
        return None
    return f"all {empty:,} answers are empty: every counter of every company and window is 0"
