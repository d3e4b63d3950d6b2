"""The summary at the end of a run: its results and the next step.

A table in a terminal, plain lines elsewhere.
"""

import shutil
import sys
from collections.abc import Sequence
from math import isinf
from typing import Final, NamedTuple

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from collector.cli.hints import dates_text, exit_text
from collector.cli.next_step import next_step
from collector.cli.printing import note, rate_text, show
from collector.core.cell import CellState
from collector.core.errors import ExitCode
from collector.core.text import clock_text, counted, escaped, span_text
from collector.pace import in_flight_needed
from collector.run.base import BaseRun
from collector.run.result import End
from collector.settings import MOST_IN_FLIGHT
from collector.telemetry.histogram import SlowCompany
from collector.telemetry.stats import RunStats

__all__ = ["SummaryRow", "one_line", "print_summary", "summary", "summary_rows", "summary_table"]


_GOOD: Final = "green"
_UNFINISHED: Final = "yellow"
_BAD: Final = "red"
_NEXT_STEP: Final = "bold"
"""Styles; the text says the same without them."""


class SummaryRow(NamedTuple):
    """A label and its text; `style` applies to the text, `marks` are words with their own style.

    The text may contain untrusted characters; marks are the collector's own words.
    """

    label: str
    text: str
    style: str = ""
    marks: tuple[tuple[str, str], ...] = ()


def summary_rows(run: BaseRun, end: End, *, can_resume: bool) -> list[SummaryRow]:
    """Return the rows that have a text.

    `can_resume` tells whether the same command would reach the same service again.
    """
    stats = run.stats
    rows = [
        _cells(stats),
        SummaryRow("dates", _dates(run)),
        _requests(stats),
        SummaryRow("outcomes", _outcomes(stats)),
        SummaryRow("latency", _latency(stats)),
        SummaryRow("slowest", _slowest(run)),
        SummaryRow("time", f"{clock_text(stats.seconds)}, {_rate(run)}"),
        SummaryRow("in flight", _in_flight(run)),
        SummaryRow("answers", str(run.answers) if stats.done else ""),
        SummaryRow("failures", _failures(run)),
        SummaryRow("exit", _exit(run, end.exit_code), _style(end.exit_code)),
        SummaryRow("next", next_step(run, end) if can_resume else "", _NEXT_STEP),
    ]
    return [row for row in rows if row.text]


def one_line(run: BaseRun, end: End, *, can_resume: bool) -> str:
    """Return the summary of a run that was not successful, for users who want no other."""
    next_one = next_step(run, end) if can_resume else ""
    parts = (_exit(run, end.exit_code), f"cells: {_cells(run.stats).text}", next_one)
    return f"{run.files.directory}: exit {'; '.join(filter(None, parts))}"


def _cells(stats: RunStats) -> SummaryRow:
    if not stats.is_known:
        text = f"{stats.planned:,} planned; how many have an answer is not known"
        return SummaryRow("cells", text, _UNFINISHED)
    data, empty = (stats.kept[state] + stats.cells[state] for state in _ANSWERED)
    kept = stats.kept.total()
    before = f", {kept:,} of them in earlier attempts" if kept else ""
    answered = f"{data + empty:,} of {stats.planned:,} answered"
    failed, missing = f"{stats.cells[CellState.FAILED]:,} failed", f"{stats.missing:,} missing"
    marks = [(answered, _GOOD)] if data + empty == stats.planned else []
    marks += [(failed, _BAD)] if stats.cells[CellState.FAILED] else []
    marks += [(missing, _UNFINISHED)] if stats.missing else []
    counts = f"{answered} ({data:,} data, {empty:,} empty){before}, {failed}, {missing}"
    return SummaryRow("cells", counts, marks=tuple(marks))


def _exit(run: BaseRun, code: ExitCode) -> str:
    shard = run.settings.shard
    return f"{code.value}: {exit_text(code, shards='' if shard.is_whole else f'shard {shard}')}"


def _style(code: ExitCode) -> str:
    if code is ExitCode.COMPLETE:
        return _GOOD
    return _UNFINISHED if code in _WITHOUT_FAULT else _BAD


def _failures(run: BaseRun) -> str:
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in run.stats.failure_kinds.most_common())
    return f"{run.failures} ({kinds})" if kinds else ""


def _slowest(run: BaseRun) -> str:
    """Return the slow companies, and the median of all companies."""
    latencies = run.stats.company_latencies
    slowest = latencies.slowest(_MOST_SLOW)
    if not slowest:
        return ""
    names = run.plan.companies.names
    listed = ", ".join(_slow(company, names.get(company.company_id)) for company in slowest)
    return f"{listed}; half of the companies within {span_text(latencies.median())}"


def _slow(company: SlowCompany, name: str | None) -> str:
    who = _short(company.company_id) + (f" ({_short(name)})" if name else "")
    return f"{who} mean {span_text(company.mean)} of {counted(company.answers, 'answer')}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _dates(run: BaseRun) -> str:
    return "" if run.dates_record is None else dates_text(run.dates_record)


def _requests(stats: RunStats) -> SummaryRow:
    """Return how many were sent, and what became of them: the three parts add up."""
    limited, failed = f"{stats.refused:,} rate-limited", f"{stats.failed:,} failed"
    marks = [(limited, _UNFINISHED)] if stats.refused else []
    marks += [(failed, _UNFINISHED)] if stats.failed else []
    parts = f"{stats.good:,} answered, {limited}, {failed}"
    text = f"{stats.requests:,} sent: {parts}; {stats.retries:,} retried"
    return SummaryRow("requests", text, marks=tuple(marks))


def _outcomes(stats: RunStats) -> str:
    """Return the number of answers by status, and of broken requests by kind of failure."""
    statuses = [f"{status}: {n:,}" for status, n in sorted(stats.statuses.items())]
    broken = [f"{kind}: {n:,}" for kind, n in sorted(stats.broken.items())]
    resent = [f"sent again on a new connection: {stats.resent:,}"] if stats.resent else []
    return ", ".join(statuses + broken + resent)


def _latency(stats: RunStats) -> str:
    latencies = stats.latencies
    if not latencies.count:
        return ""
    shares = ", ".join(
        f"{name} within {span_text(latencies.percentile(share))}" for name, share in _SHARES.items()
    )
    return f"{shares}, longest {span_text(latencies.longest)}"


def _rate(run: BaseRun) -> str:
    pace = run.pace
    most = "no upper limit" if isinf(pace.ceiling) else f"at most {run.settings.rate}"
    limit = "" if pace.limit is None else f"; limit of the API found at {pace.limit:.1f}"
    return f"{run.stats.average_rate():.1f} requests per second ({most}{limit})"


def _in_flight(run: BaseRun) -> str:
    """Say when `--concurrency` held the rate back, and which value would not."""
    stats, pace, now = run.stats, run.pace, run.settings.concurrency
    latency = stats.latencies.mean
    # Answers that come in bursts leave in bursts: then few have been held up, each of them for all.
    is_short = pace.rate * latency > now or stats.held_up >= _HELD_UP_SHARE * stats.requests
    if not is_short or stats.requests <= now:
        return ""
    if isinf(pace.ceiling):
        wanted, why = 2 * now, "would show whether the API allows more"
    else:
        wanted = in_flight_needed(pace.rate, latency)
        why = f"would do for {rate_text(pace.rate)} requests per second at {span_text(latency)}"
    wanted = min(wanted, MOST_IN_FLIGHT)
    if wanted <= now:
        return ""
    return f"at most {now} held the rate back; --concurrency {wanted} {why}"


_SHARES: Final = {"half": 0.5, "90 %": 0.9, "99 %": 0.99}

_HELD_UP_SHARE: Final = 0.2
"""Share of the requests; a smaller one does not slow down the run."""

_ANSWERED: Final = (CellState.DATA, CellState.EMPTY)

_MOST_SLOW: Final = 3
_LONGEST: Final = 40
"""Characters of an id or a name."""

_WITHOUT_FAULT: Final = {
    ExitCode.SOME_FAILED,
    ExitCode.STOPPED_EARLY,
    ExitCode.SIGHUP,
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
}
"""Exit codes of unfinished runs without a fault on this side; all others need the user."""


def print_summary(run: BaseRun, end: End, *, can_resume: bool) -> None:
    """Print the summary to standard output; see `summary_rows` for `can_resume`."""
    # Ask the stream itself: FORCE_COLOR must not put escapes into a file.
    if sys.stdout is None or not sys.stdout.isatty():
        note(summary(run, end, can_resume=can_resume))
        return
    console = Console()
    if console.no_color or console.is_dumb_terminal or not console.is_terminal:
        # No colours and no other escapes; long lines are still wrapped.
        size = shutil.get_terminal_size()
        console = Console(color_system=None, width=size.columns, height=size.lines)
    with console.capture() as captured:
        console.print(summary_table(run, end, console, can_resume=can_resume))
    show(captured.get())


def summary(run: BaseRun, end: End, *, can_resume: bool = True) -> str:
    """Return the summary as plain text, one line per row, for programs and mails."""
    rows = summary_rows(run, end, can_resume=can_resume)
    return "\n".join(f"{row.label:<{_LABEL}} {row.text}" for row in rows)


def summary_table(
    run: BaseRun, end: End, console: Console, *, can_resume: bool = True
) -> RenderableType:
    """Return the summary for a terminal: texts are wrapped in their column, untrusted text escaped.

    In colour there is a coverage bar as well.
    """
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, min_width=_LABEL, style="dim")
    grid.add_column(overflow="fold")
    if console.color_system is not None and run.stats.is_known:
        grid.add_row("coverage", _coverage(run.stats, "=" if console.options.ascii_only else "━"))
    for row in summary_rows(run, end, can_resume=can_resume):
        grid.add_row(row.label, _styled(row))
    return grid


def _styled(row: SummaryRow) -> Text:
    # `Text` reads no markup: `[red]` in a name is no style.
    text = Text(escaped(row.text), style=row.style)
    for words, style in row.marks:
        text.highlight_words([words], style)
    return text


def _coverage(stats: RunStats, mark: str) -> Text:
    """Return a bar of the states of all cells, and the share of answered cells."""
    failed = stats.cells[CellState.FAILED]
    answered = stats.done - failed
    bar = Text()
    lengths = _lengths((answered, failed, stats.missing))
    for length, style in zip(lengths, (_GOOD, _BAD, _UNFINISHED), strict=True):
        bar.append(mark * length, style)
    # Rounded down: 100 % means all.
    thousandths = 1000 * answered // stats.planned
    return bar.append(
        f" {thousandths / 10:g} % answered", _GOOD if not stats.planned - answered else ""
    )


def _lengths(counts: Sequence[int]) -> list[int]:
    """Divide the bar: at least 1 for a count above 0; the longest part takes the remainder."""
    total = sum(counts)
    lengths = [max(1, _BAR * count // total) if count else 0 for count in counts]
    longest = lengths.index(max(lengths))
    lengths[longest] += _BAR - sum(lengths)
    return lengths


_LABEL: Final = 9
_BAR: Final = 30
