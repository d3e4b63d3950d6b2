"""The few lines at the end of a run that say what came of it and what to do next."""

from datetime import timedelta
from typing import Final

from collector.cli.meaning import MEANING
from collector.errors import ExitCode
from collector.run import End, Run
from collector.store.run_directory import ERRORS, STATISTICS
from collector.tally import CellState

__all__ = ["summary"]


def summary(job: Run, end: End, *, can_go_on: bool = True) -> str:
    """Return the summary as plain text of a few lines.

    `can_go_on` says whether the same command would find the same service again.
    """
    tally = job.tally
    data, empty = (tally.kept[state] + tally.cells[state] for state in _ANSWERED)
    failed = tally.cells[CellState.FAILED]
    kept = tally.kept.total()
    before = f", {kept:,} of them in earlier attempts" if kept else ""
    answered = f"{data + empty:,} of {tally.planned:,} answered ({data:,} data, {empty:,} empty)"
    sent = f"{tally.requests:,} sent, {tally.retries:,} retried, {tally.refused:,} refused"
    duration = timedelta(seconds=round(tally.seconds))
    rate = f"{tally.average_rate():.1f} requests a second (at most {job.gate.rate:g})"
    rows = [
        ("cells", f"{answered}{before}, {failed:,} failed, {tally.missing:,} missing"),
        ("requests", sent),
        ("time", f"{duration}, {rate}"),
    ]
    if tally.done:
        rows.append(("answers", str(job.output / STATISTICS)))
    if tally.failure_kinds:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in tally.failure_kinds.most_common())
        rows.append(("failures", f"{job.output / ERRORS} ({kinds})"))
    rows.append(("exit", f"{end.exit_code.value}: {MEANING[end.exit_code]}"))
    if can_go_on and tally.planned > data + empty and end.exit_code in _CAN_GO_ON:
        rows.append(("next", "the same command again asks for what failed or is missing"))
    return "\n".join(f"{name:<9} {text}" for name, text in rows)


_ANSWERED: Final = (CellState.DATA, CellState.EMPTY)

_CAN_GO_ON: Final = {
    ExitCode.SOME_FAILED,
    ExitCode.CREDENTIALS,
    ExitCode.STOPPED_EARLY,
    ExitCode.STORAGE,
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
}
