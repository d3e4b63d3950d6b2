"""The summary at the end of a run: a table in a terminal, plain lines anywhere else."""

import shutil
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from collector.cells import CellState
from collector.cli.printing import say, show
from collector.cli.summary_rows import BAD, GOOD, UNDONE, Row, summary_rows
from collector.end import End
from collector.job import Job
from collector.quoting import escaped
from collector.tally import Tally

__all__ = ["print_summary", "summary", "summary_table"]


def print_summary(job: Job, end: End, *, can_go_on: bool = True) -> None:
    """Print to standard output how a run ended; see `summary_rows` for `can_go_on`."""
    # Asked of the stream itself: FORCE_COLOR must not put escapes into a file.
    if sys.stdout is None or not sys.stdout.isatty():
        say(summary(job, end, can_go_on=can_go_on))
        return
    console = Console()
    if console.no_color or console.is_dumb_terminal or not console.is_terminal:
        # No colours, and no other escapes either; long lines are wrapped all the same.
        size = shutil.get_terminal_size()
        console = Console(color_system=None, width=size.columns, height=size.lines)
    with console.capture() as captured:
        console.print(summary_table(job, end, console, can_go_on=can_go_on))
    show(captured.get())


def summary(job: Job, end: End, *, can_go_on: bool = True) -> str:
    """Return the summary as plain text, a line for each row: programs and mails take it so."""
    rows = summary_rows(job, end, can_go_on=can_go_on)
    return "\n".join(f"{row.label:<{_LABEL}} {row.text}" for row in rows)


def summary_table(
    job: Job, end: End, console: Console, *, can_go_on: bool = True
) -> RenderableType:
    """Return the summary for a terminal: texts are wrapped in their column.

    In colour there is a bar as well. Foreign text is made harmless here.
    """
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, min_width=_LABEL, style="dim")
    grid.add_column(overflow="fold")
    if console.color_system is not None:
        grid.add_row("coverage", _coverage(job.tally, "=" if console.options.ascii_only else "━"))
    for row in summary_rows(job, end, can_go_on=can_go_on):
        grid.add_row(row.label, _painted(row))
    return grid


def _painted(row: Row) -> Text:
    # Text takes everything for what it is: `[red]` in a name is no style.
    text = Text(escaped(row.text), style=row.style)
    for words, style in row.marks:
        text.highlight_words([words], style)
    return text


def _coverage(tally: Tally, mark: str) -> Text:
    """Return a bar of the states of all cells, and the share that is answered."""
    failed = tally.cells[CellState.FAILED]
    answered = tally.done - failed
    bar = Text()
    lengths = _lengths((answered, failed, tally.missing))
    for length, style in zip(lengths, (GOOD, BAD, UNDONE), strict=True):
        bar.append(mark * length, style)
    # Rounded down: all means all.
    thousandths = 1000 * answered // tally.planned
    return bar.append(
        f" {thousandths / 10:g} % answered", GOOD if not tally.planned - answered else ""
    )


def _lengths(counts: Sequence[int]) -> list[int]:
    """Share the bar out; whatever there is of is seen, and the first takes what is over."""
    total = sum(counts)
    lengths = [max(1, _BAR * count // total) if count else 0 for count in counts]
    longest = lengths.index(max(lengths))
    lengths[longest] += _BAR - sum(lengths)
    return lengths


_LABEL: Final = 9
_BAR: Final = 30
