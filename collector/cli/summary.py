"""The few lines at the end of a run that say what came of it and what to do next."""

from datetime import timedelta
from math import isinf
from typing import Final

from collector.cli.meaning import MEANING, dates_text
from collector.cli.printing import rate_text
from collector.errors import ExitCode
from collector.pace import in_flight_needed
from collector.run import End, Run
from collector.settings import MOST_IN_FLIGHT
from collector.store.run_directory import ERRORS, STATISTICS
from collector.tally import CellState, Tally

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
    duration = timedelta(seconds=round(tally.seconds))
    rows = [
        ("cells", f"{answered}{before}, {failed:,} failed, {tally.missing:,} missing"),
        ("dates", _dates(job)),
        ("requests", _requests(tally)),
        ("outcomes", _outcomes(tally)),
        ("latency", _latency(tally)),
        ("time", f"{duration}, {_rate(job)}"),
        ("in flight", _in_flight(job)),
    ]
    rows = [(name, text) for name, text in rows if text]
    if tally.done:
        rows.append(("answers", str(job.output / STATISTICS)))
    if tally.failure_kinds:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in tally.failure_kinds.most_common())
        rows.append(("failures", f"{job.output / ERRORS} ({kinds})"))
    rows.append(("exit", f"{end.exit_code.value}: {MEANING[end.exit_code]}"))
    if can_go_on and tally.planned > data + empty and end.exit_code in _CAN_GO_ON:
        rows.append(("next", "the same command again asks for what failed or is missing"))
    return "\n".join(f"{name:<9} {text}" for name, text in rows)


def _dates(job: Run) -> str:
    return "" if job.dates.record is None else dates_text(job.dates.record)


def _requests(tally: Tally) -> str:
    return (
        f"{tally.requests:,} sent, {tally.accepted:,} accepted, {tally.refused:,} refused, "
        f"{tally.retries:,} retried"
    )


def _outcomes(tally: Tally) -> str:
    """Return how many answers there were of each status, and how many tries broke and how."""
    statuses = [f"{status}: {n:,}" for status, n in sorted(tally.statuses.items())]
    broken = [f"{kind}: {n:,}" for kind, n in sorted(tally.broken.items())]
    resent = [f"sent again on a new connection: {tally.resent:,}"] if tally.resent else []
    return ", ".join(statuses + broken + resent)


def _latency(tally: Tally) -> str:
    latencies = tally.latencies
    if not latencies.count:
        return ""
    shares = ", ".join(
        f"{name} within {_seconds(latencies.percentile(share))}" for name, share in _SHARES.items()
    )
    return f"{shares}, longest {_seconds(latencies.longest)}"


def _rate(job: Run) -> str:
    gate = job.gate
    most = "no upper limit" if isinf(gate.ceiling) else f"at most {job.settings.rate}"
    limit = "" if gate.limit is None else f"; limit of the API found at {gate.limit:.1f}"
    return f"{job.tally.average_rate():.1f} requests a second ({most}{limit})"


def _in_flight(job: Run) -> str:
    """Say when `--concurrency` held the rate back, and which value would not."""
    tally, gate, now = job.tally, job.gate, job.settings.concurrency
    latency = tally.latencies.mean
    # Answers that come in bursts leave in bursts: then few have been held up, each of them for all.
    is_short = gate.rate * latency > now or tally.held_up >= _HELD_UP_SHARE * tally.requests
    if not is_short or tally.requests <= now:
        return ""
    if isinf(gate.ceiling):
        wanted, why = 2 * now, "would show whether the API allows more"
    else:
        wanted = in_flight_needed(gate.rate, latency)
        why = f"would do for {rate_text(gate.rate)} requests a second at {_seconds(latency)}"
    wanted = min(wanted, MOST_IN_FLIGHT)
    if wanted <= now:
        return ""
    return f"at most {now} held the rate back; --concurrency {wanted} {why}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


_SHARES: Final = {"half": 0.5, "90 %": 0.9, "99 %": 0.99}

_HELD_UP_SHARE: Final = 0.2
"""Share of the requests; fewer are moments, not the pace of the run."""

_ANSWERED: Final = (CellState.DATA, CellState.EMPTY)

_CAN_GO_ON: Final = {
    ExitCode.SOME_FAILED,
    ExitCode.CREDENTIALS,
    ExitCode.STOPPED_EARLY,
    ExitCode.STORAGE,
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
}
