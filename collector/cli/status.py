"""`collector status`: the coverage of a run, and how to resume it; or a table of nights."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import say, write
from collector.core.cell import GAP, CellState
from collector.core.errors import ExitCode
from collector.settings import StatusSettings

__all__ = ["status"]


def status(
    run_dir: RunDirectoryArgument,
    /,
    *run_dirs: RunDirectoryArgument,
    settings: Annotated[StatusSettings, Parameter(name="*")] = StatusSettings(),  # noqa: B008 - frozen
) -> int:
    """Print the state of a run, and return the exit code that --fail-on requests.

    Parameters
    ----------
    run_dir
        The directory of a run, such as output/2026-11-23.
    run_dirs
        More of them, for a table of nights.
    """
    is_bad = (
        _status_of(run_dir, settings) if not run_dirs else _nights((run_dir, *run_dirs), settings)
    )
    return ExitCode.SOME_FAILED if is_bad else ExitCode.COMPLETE


def _status_of(directory: Path, settings: StatusSettings) -> bool:
    """Print the coverage of a run; return whether it has what --fail-on names."""
    from collector.cli.status_output import coverage_json, coverage_text
    from collector.store.coverage import read_coverage

    coverage = read_coverage(directory)
    if settings.json:
        write(coverage_json(coverage))
    else:
        say(coverage_text(coverage))
    counts = coverage.counts()
    # Of one run, what has no answer is a gap.
    gaps = counts[CellState.FAILED] + counts[CellState.MISSING]
    return _is_bad(settings, counts, gaps, is_intact=coverage.is_intact)


def _nights(directories: Sequence[Path], settings: StatusSettings) -> bool:
    """Print a table of runs; return whether any has what --fail-on names, or there is a gap."""
    from collector.cli.nights_output import nights_json, nights_text
    from collector.cli.reading import runs_in
    from collector.store.nights import read_nights

    runs, are_some_lost = runs_in(directories)
    nights = read_nights(runs, datetime.now(UTC))
    if settings.json:
        write(nights_json(nights))
    else:
        say(nights_text(nights))
    counts = sum((Counter(night.counts) for night in nights.nights), Counter[CellState]())
    is_intact = not are_some_lost and all(night.is_intact for night in nights.nights)
    return _is_bad(settings, counts, nights.gap_days(), is_intact=is_intact)


def _is_bad(
    settings: StatusSettings, counts: Mapping[CellState, int], gaps: int, *, is_intact: bool
) -> bool:
    found = {**{state.value: count for state, count in counts.items()}, GAP: gaps}
    # If the list of companies was edited, the missing cells are unknown.
    return bool(settings.fail_on) and (
        not is_intact or any(found.get(state) for state in settings.fail_on)
    )
