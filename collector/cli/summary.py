"""The few lines at the end of a run that say what came of it and what to do next."""

from datetime import timedelta

from collector.errors import ExitCode
from collector.run import End, Run
from collector.store.run_directory import ERRORS, STATISTICS
from collector.tally import CellState

__all__ = ["summary"]


def summary(job: Run, end: End) -> str:
    """Return the summary as plain text of a few lines."""
    tally = job.tally
    data, empty = tally.cells[CellState.DATA], tally.cells[CellState.EMPTY]
    failed, missing = tally.cells[CellState.FAILED], tally.planned - tally.done
    answered = f"{data + empty:,} of {tally.planned:,} answered ({data:,} data, {empty:,} empty)"
    sent = f"{tally.requests:,} sent, {tally.retries:,} retried, {tally.refused:,} refused"
    duration = timedelta(seconds=round(tally.seconds))
    rate = f"{tally.average_rate():.1f} requests a second (at most {job.gate.rate:g})"
    rows = [
        ("cells", f"{answered}, {failed:,} failed, {missing:,} missing"),
        ("requests", sent),
        ("time", f"{duration}, {rate}"),
    ]
    if tally.done:
        rows.append(("answers", str(job.output / STATISTICS)))
    if tally.failure_kinds:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in tally.failure_kinds.most_common())
        rows.append(("failures", f"{job.output / ERRORS} ({kinds})"))
    rows.append(("exit", f"{end.exit_code.value}: {_MEANING[end.exit_code]}"))
    return "\n".join(f"{name:<9} {text}" for name, text in rows)


_MEANING = {
    ExitCode.COMPLETE: "every cell has an answer",
    ExitCode.SOME_FAILED: "finished, but some cells failed",
    ExitCode.BAD_INPUT: "bad input, nothing was sent",
    ExitCode.CREDENTIALS: "credentials missing or refused",
    ExitCode.STOPPED_EARLY: "stopped early",
    ExitCode.STORAGE: "the output cannot be written",
    ExitCode.BUG: "a bug",
    ExitCode.SIGINT: "interrupted by SIGINT",
    ExitCode.SIGTERM: "interrupted by SIGTERM",
}
