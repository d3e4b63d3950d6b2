"""`collector status`: the coverage of a run, and how to resume it."""

from typing import Annotated

from cyclopts import Parameter

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import say, write
from collector.core.errors import ExitCode
from collector.settings import StatusSettings

__all__ = ["status"]


def status(
    run_dir: RunDirectoryArgument,
    /,
    *,
    settings: Annotated[StatusSettings, Parameter(name="*")] = StatusSettings(),  # noqa: B008 - frozen
) -> int:
    """Print what has come of a run, and return the exit code that --fail-on asks for.

    Parameters
    ----------
    run_dir
        The directory of a run, such as output/2026-11-23.
    """
    from collector.cli.status_output import coverage_json, coverage_text
    from collector.store.coverage import read_coverage

    coverage = read_coverage(run_dir)
    if settings.json:
        write(coverage_json(coverage))
    else:
        say(coverage_text(coverage))
    counts = coverage.counts()
    # If the list of companies was edited, the missing cells are unknown.
    is_bad = any(counts[state] for state in settings.fail_on) or (
        bool(settings.fail_on) and not coverage.is_intact
    )
    return ExitCode.SOME_FAILED if is_bad else ExitCode.COMPLETE
