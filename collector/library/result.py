"""How a run ended, for the program that has started it."""

from dataclasses import dataclass
from pathlib import Path

from collector.core.cell import CellState
from collector.core.errors import CollectorError, ExitCode
from collector.run.base import BaseRun
from collector.run.result import End

__all__ = ["CellCounts", "RunResult", "error_of", "result_of"]


@dataclass(frozen=True, slots=True)
class CellCounts:
    """How many cells of a plan are in which state; `planned` is the sum of the others.

    * `data`, `empty`: answered, with figures or with zeros only, by this call or an earlier one.
    * `failed`: without an answer for good; the next call requests them again.
    * `missing`: not answered yet.
    """

    planned: int
    data: int
    empty: int
    failed: int
    missing: int

    @property
    def answered(self) -> int:
        """Cells that have an answer."""
        return self.data + self.empty


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a call of `collect` has come to.

    * `exit_code`: that of `collector run`: `COMPLETE` (0), `SOME_FAILED` (1), or `STOPPED_EARLY`
      (4), after which the same call resumes the run.
    * `error`: why it stopped early; None otherwise.
    * `cause`: the class of the error that stopped it, such as `OutageError`; None otherwise, and
      after the deadline.
    * `coverage`: the cells of the plan, or of the shard, by their state.
    * `requests`: requests that this call has sent, retries and tokens included.
    * `seconds`: how long it took.
    * `directory`: the run directory; in it `answers` and `failures` have a line for each cell that
      is answered or failed, `log` has the events. What stopped before the first cell leaves none.
    * `remarks`: what the command would warn of.
    """

    exit_code: ExitCode
    error: str | None
    cause: type[CollectorError] | None
    coverage: CellCounts
    requests: int
    seconds: float
    directory: Path
    answers: Path
    failures: Path
    log: Path
    remarks: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every cell has an answer."""
        return self.exit_code is ExitCode.COMPLETE


def result_of(run: BaseRun, end: End, remarks: tuple[str, ...]) -> RunResult:
    """Return the result of a run that has ended."""
    stats = run.stats
    data, empty = (stats.kept[state] + stats.cells[state] for state in _ANSWERED)
    failed = stats.cells[CellState.FAILED]
    return RunResult(
        exit_code=end.exit_code,
        error=end.error,
        cause=end.cause,
        coverage=CellCounts(stats.planned, data, empty, failed, stats.missing),
        requests=stats.requests,
        seconds=stats.seconds,
        directory=run.files.directory,
        answers=run.answers,
        failures=run.failures,
        log=run.files.log,
        remarks=remarks,
    )


_ANSWERED = (CellState.DATA, CellState.EMPTY)


def error_of(end: End, remarks: tuple[str, ...]) -> Exception:
    """Return the error for a run whose end is no result, with the remarks as its notes."""
    error = RuntimeError(end.error) if end.cause is None else end.cause(end.error or "")
    for remark in remarks:
        error.add_note(remark)
    return error
