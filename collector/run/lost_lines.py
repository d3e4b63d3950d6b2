"""Lines that another process has taken away: before an attempt, and while it works."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from collector.core.errors import ExitCode, StorageError
from collector.core.text import counted
from collector.core.threads import in_thread
from collector.run.result import End, end_by
from collector.store.recount import Recount, vanished
from collector.store.run_directory import RunDirectory
from collector.telemetry.stats import RunStats

__all__ = ["Announcer", "checked_end"]


class Announcer:
    """Tells the user, before anything is requested, of lines that are gone.

    * `show`: called with the warning.
    * `shown`: the warnings so far.
    """

    def __init__(self) -> None:
        self.show: Callable[[str], None] = lambda _: None
        self.shown: tuple[str, ...] = ()

    def compare(self, attempts: Sequence[Mapping[str, Any]], kept: int) -> tuple[str, ...]:
        """Warn if fewer cells have a line than the last attempt has recorded; return warnings.

        `attempts` are the entries of the manifest, `kept` is the number of answered cells now.
        """
        if (gone := vanished(attempts, kept)) is not None:
            self.shown = (gone,)
            self.show(gone)
        return self.shown


async def checked_end(
    end: End,
    directory: RunDirectory,
    stats: RunStats,
    count: Callable[[], Recount],
    redact: Callable[[str], str],
) -> End:
    """Return how an attempt ended that has ended so far with `end`.

    If another process has taken lines away, the attempt ends with that error; if it has taken the
    whole directory, with that one, also when a file was missed first. After any error of the
    storage the cells are counted again, by their lines: `stats` never say more than the disk.
    `count` counts them; it blocks, and raises `OSError`.
    """
    is_ours = await in_thread(directory.is_ours)
    try:
        await in_thread(directory.check)
    except StorageError as error:
        known = {ExitCode.BUG, ExitCode.STORAGE} if is_ours else {ExitCode.BUG}
        if end.exit_code not in known:
            end = end_by(error, redact)
    if end.exit_code is not ExitCode.STORAGE:
        return end
    had = stats.answered_cells
    try:
        found = await in_thread(count) if is_ours else None
    except OSError:
        found = None
    if found is None:
        stats.is_known = False
        return replace(end, error=f"{end.error}; how many cells have an answer is not known")
    stats.kept, stats.cells, stats.failure_kinds = found
    if stats.answered_cells >= had:
        return end
    have = "has" if stats.answered_cells == 1 else "have"
    had_one = counted(had, "cell")
    left = f"{stats.answered_cells:,} of the {had_one} that had an answer {have} a line now"
    return replace(end, error=f"{end.error}; {left}")
