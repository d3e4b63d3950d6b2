"""The rows of the summary at the end of a run: what came of it, and what to do next."""

from datetime import timedelta
from math import isinf
from typing import Final, NamedTuple

from collector.cells import CellState
from collector.cli.meaning import dates_text, meaning
from collector.cli.next_step import next_step
from collector.cli.printing import rate_text
from collector.company_latencies import SlowCompany
from collector.end import End
from collector.errors import ExitCode
from collector.job import Job
from collector.pace import in_flight_needed
from collector.settings import MOST_IN_FLIGHT
from collector.tally import Tally

__all__ = ["BAD", "GOOD", "STEP", "UNDONE", "Row", "summary_rows"]

GOOD: Final = "green"
UNDONE: Final = "yellow"
BAD: Final = "red"
STEP: Final = "bold"
"""Styles; what they say stands in the text as well."""


class Row(NamedTuple):
    """A label and its text; `style` is that of the text, `marks` are words with one of their own.

    The text may hold foreign characters; marks are the collector's own words.
    """

    label: str
    text: str
    style: str = ""
    marks: tuple[tuple[str, str], ...] = ()


def summary_rows(job: Job, end: End, *, can_go_on: bool = True) -> list[Row]:
    """Return the rows that have something to say.

    `can_go_on` says whether the same command would find the same service again.
    """
    tally = job.tally
    rows = [
        _cells(tally),
        Row("dates", _dates(job)),
        _requests(tally),
        Row("outcomes", _outcomes(tally)),
        Row("latency", _latency(tally)),
        Row("slowest", _slowest(job)),
        Row("time", f"{timedelta(seconds=round(tally.seconds))}, {_rate(job)}"),
        Row("in flight", _in_flight(job)),
        Row("answers", str(job.answers) if tally.done else ""),
        Row("failures", _failures(job)),
        Row("exit", _exit(job, end.exit_code), _style(end.exit_code)),
        Row("next", next_step(job, end) if can_go_on else "", STEP),
    ]
    return [row for row in rows if row.text]


def _cells(tally: Tally) -> Row:
    data, empty = (tally.kept[state] + tally.cells[state] for state in _ANSWERED)
    kept = tally.kept.total()
    before = f", {kept:,} of them in earlier attempts" if kept else ""
    answered = f"{data + empty:,} of {tally.planned:,} answered"
    failed, missing = f"{tally.cells[CellState.FAILED]:,} failed", f"{tally.missing:,} missing"
    marks = [(answered, GOOD)] if data + empty == tally.planned else []
    marks += [(failed, BAD)] if tally.cells[CellState.FAILED] else []
    marks += [(missing, UNDONE)] if tally.missing else []
    counts = f"{answered} ({data:,} data, {empty:,} empty){before}, {failed}, {missing}"
    return Row("cells", counts, marks=tuple(marks))


def _exit(job: Job, code: ExitCode) -> str:
    shard = job.settings.shard
    return f"{code.value}: {meaning(code, shards='' if shard.is_whole else f'shard {shard}')}"


def _style(code: ExitCode) -> str:
    if code is ExitCode.COMPLETE:
        return GOOD
    return UNDONE if code in _UNDONE else BAD


def _failures(job: Job) -> str:
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in job.tally.failure_kinds.most_common())
    return f"{job.failures} ({kinds})" if kinds else ""


def _slowest(job: Job) -> str:
    """Name the companies that are really slow, and what is usual."""
    latencies = job.tally.company_latencies
    slowest = latencies.slowest(_MOST_SLOW)
    if not slowest:
        return ""
    names = job.plan.companies.names
    listed = ", ".join(_slow(company, names.get(company.company_id)) for company in slowest)
    return f"{listed}; half of the companies within {_seconds(latencies.median())}"


def _slow(company: SlowCompany, name: str | None) -> str:
    who = _short(company.company_id) + (f" ({_short(name)})" if name else "")
    answers = "1 answer" if company.answers == 1 else f"{company.answers:,} answers"
    return f"{who} mean {_seconds(company.mean)} of {answers}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _dates(job: Job) -> str:
    return "" if job.dates_record is None else dates_text(job.dates_record)


def _requests(tally: Tally) -> Row:
    refused = f"{tally.refused:,} refused"
    marks = ((refused, UNDONE),) if tally.refused else ()
    sent = f"{tally.requests:,} sent, {tally.accepted:,} accepted"
    return Row("requests", f"{sent}, {refused}, {tally.retries:,} retried", marks=marks)


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


def _rate(job: Job) -> str:
    gate = job.gate
    most = "no upper limit" if isinf(gate.ceiling) else f"at most {job.settings.rate}"
    limit = "" if gate.limit is None else f"; limit of the API found at {gate.limit:.1f}"
    return f"{job.tally.average_rate():.1f} requests a second ({most}{limit})"


def _in_flight(job: Job) -> str:
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

_MOST_SLOW: Final = 3
_LONGEST: Final = 40
"""Characters of an id or a name."""

_UNDONE: Final = {
    ExitCode.SOME_FAILED,
    ExitCode.STOPPED_EARLY,
    ExitCode.SIGHUP,
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
}
"""Ends that are none of a fault here; the others need somebody."""
