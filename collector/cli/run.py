"""`collector run`: the main job."""

import asyncio
import gc
import os
from datetime import UTC, datetime
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.arguments import CompaniesFile, warn_of_duplicates
from collector.cli.printing import complain
from collector.cli.signals import stop_on_signals
from collector.cli.summary import print_summary
from collector.cli.watch import watch
from collector.errors import ExitCode
from collector.fetch.credentials import load_credentials
from collector.prepare import default_output, prepare_plan
from collector.run import End, Run
from collector.settings import RunSettings

__all__ = ["execute", "run"]


_BEFORE_IT_BEGAN: Final = {ExitCode.BAD_INPUT, ExitCode.LOCKED}
"""Ends of which there is nothing to tell but their reason."""


def run(
    companies: CompaniesFile,
    /,
    *,
    settings: Annotated[RunSettings, Parameter(name="*")] = RunSettings(),  # noqa: B008 - frozen
) -> int:
    """Collect every company and window into a run directory, and return the exit code.

    Parameters
    ----------
    companies
        File with one company id a line, optionally followed by a name; - is standard input.
    """
    now = datetime.now(UTC)
    plan, read = prepare_plan(companies, settings, now)
    credentials = load_credentials(os.environ, settings.credentials_file)
    warn_of_duplicates(read)
    job = Run(plan, settings, credentials, settings.output or default_output(settings, now))
    end = asyncio.run(execute(job))
    return report(job, end)


async def execute(job: Run) -> End:
    """Execute a run while showing it, and let signals end it in order."""
    # What was imported and read stays. Without this the first full collection looks at all of it,
    # just when the first request leaves: it arrives 20 ms late, and those behind it too close.
    gc.freeze()
    with stop_on_signals(job.stop, job.stop_at_once):
        async with watch(job):
            return await job.execute()


def report(job: Run, end: End, *, can_go_on: bool = True) -> int:
    """Print how a run ended, and return its exit code; see `summary_rows` for `can_go_on`."""
    for remark in job.remarks:
        complain(f"warning: {job.files.directory}: {remark}")
    if end.error is not None:
        complain(end.error)
    if not job.settings.quiet and end.exit_code not in _BEFORE_IT_BEGAN:
        print_summary(job, end, can_go_on=can_go_on)
    return end.exit_code
