"""Progress of a run: a live display in a terminal, or else a line every 30 seconds."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from collector.cli.printing import rate_text
from collector.cli.streams import takes_text
from collector.core.cell import CellState
from collector.core.text import clock_text, counted, escaped, span_text
from collector.pace import Cause
from collector.run.base import BaseRun
from collector.telemetry.log import console_logger

__all__ = ["show_lines", "show_live", "watch"]

_REFRESH_SECONDS: Final = 0.25
_LINE_SECONDS: Final = 30.0


@asynccontextmanager
async def watch(run: BaseRun, *, may_be_live: bool) -> AsyncIterator[None]:
    """Show the progress of a run on standard error while the body runs.

    It is a line now and then, not a live display, unless `may_be_live`.
    """
    if run.settings.quiet or sys.stderr is None:
        yield
        return
    console = Console(stderr=True)
    # Ask the stream itself: FORCE_COLOR must not put a live display into a file.
    live = (
        may_be_live and sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal
    )
    show = show_live(run, console) if live else show_lines(run, sys.stderr)
    showing = asyncio.create_task(show, name="watch")
    try:
        yield
    finally:
        showing.cancel()
        # The terminal may be gone: a display that failed must not change how the run ends.
        await asyncio.wait([showing])
        if not showing.cancelled():
            showing.exception()


async def show_live(run: BaseRun, console: Console, *, every: float = _REFRESH_SECONDS) -> None:
    """Update a live display every `every` seconds until cancelled, then remove it."""
    # No refresh by rich's own thread: it would compete with the event loop.
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            # A frame that the terminal is not ready for is left out; the next one is newer.
            if takes_text(console.file):
                live.update(_panel(run), refresh=True)
            await asyncio.sleep(every)


async def show_lines(run: BaseRun, stream: TextIO, *, every: float = _LINE_SECONDS) -> None:
    """Write a structured line every `every` seconds until cancelled."""
    log = console_logger(stream)
    while True:
        await asyncio.sleep(every)
        stats = run.stats
        left = stats.seconds_left()
        pace = run.pace
        log.info(
            "progress",
            done=stats.done,
            total=stats.planned,
            rate=round(stats.rate(), 1),
            allowed=round(pace.rate, 2),
            blocked=None if pace.open_cause is None else pace.open_cause.name.lower(),
            paused_seconds=round(pace.next_probe_in, 1),
            last_error=pace.last_error,
            in_flight=stats.in_flight,
            retrying=stats.retrying,
            retries=stats.retries,
            refused=stats.refused,
            failed=stats.cells[CellState.FAILED],
            seconds_left=None if left is None else round(left),
        )


def _panel(run: BaseRun) -> RenderableType:
    stats = run.stats
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_row(
        f"{stats.done:,} of {counted(stats.planned, 'cell')}",
        ProgressBar(total=stats.planned, completed=stats.done),
        _time_left(stats.seconds_left()),
    )
    return Group(grid, _details(run))


def _details(run: BaseRun) -> Text:
    stats, pace = run.stats, run.pace
    failed = stats.cells[CellState.FAILED]
    text = Text(f"{stats.rate():.1f} of {rate_text(pace.rate)} requests/s", style="cyan")
    text.append(f" · {stats.in_flight:,} in flight", style="default")
    text.append(
        f" · {counted(stats.retries, 'retry', 'retries')} ({stats.retrying:,} waiting)",
        style="default",
    )
    text.append(f" · {counted(failed, 'cell')} failed", style="red" if failed else "default")
    if (cause := pace.open_cause) is not None:
        what = "out of reach" if cause is Cause.FAILING else "rate-limited"
        text.append(
            f" · {what}, next try in {span_text(round(pace.next_probe_in))}", style="yellow"
        )
    if pace.last_error is not None:
        text.append(f" · {escaped(pace.last_error)}", style="yellow")
    return text


def _time_left(seconds: float | None) -> str:
    return "" if seconds is None else f"{clock_text(seconds)} left"
