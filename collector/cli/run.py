"""`collector run`: the main job."""

import asyncio
import gc
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.arguments import CompaniesFile, warn_of_duplicates
from collector.cli.extras import needs_extra
from collector.cli.printing import complain
from collector.cli.signals import stop_on_signals
from collector.cli.summary import print_summary
from collector.cli.watch import watch
from collector.end import End
from collector.errors import ExitCode, InputError
from collector.fetch.credentials import Credentials, load_credentials
from collector.job import Job
from collector.plan import Plan
from collector.prepare import default_output, prepare_plan
from collector.run import Run
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
    job = _job(plan, settings, credentials, settings.output or default_output(settings, now))
    end = asyncio.run(execute(job))
    return report(job, end)


def _job(plan: Plan, settings: RunSettings, credentials: Credentials, output: Path) -> Job:
    if settings.engine == "local":
        return Run(plan, settings, credentials, output)
    if not settings.shard.is_whole:
        raise InputError(
            "--shard is for processes that are started one by one, and --engine dask starts all of "
            "them itself; leave one of them out"
        )
    with needs_extra("dask", "dask", "distributed", "cryptography"):
        from collector.engine.cluster_run import ClusterRun  # noqa: PLC0415 - an extra
    return ClusterRun(plan, settings, credentials, output)


async def execute(job: Job) -> End:
    """Execute a run while showing it, and let signals end it in order."""
    # What was imported and read stays. Without this the first full collection looks at all of it,
    # just when the first request leaves: it arrives 20 ms late, and those behind it too close.
    gc.freeze()
    with stop_on_signals(job.stop, job.stop_at_once):
        async with watch(job):
            return await job.execute()


def report(job: Job, end: End, *, can_go_on: bool = True) -> int:
    """Print how a run ended, and return its exit code; see `summary_rows` for `can_go_on`."""
    for remark in job.remarks:
        complain(f"warning: {job.files.directory}: {remark}")
    if end.error is not None:
        complain(end.error)
    if not job.settings.quiet and end.exit_code not in _BEFORE_IT_BEGAN:
        print_summary(job, end, can_go_on=can_go_on)
    return end.exit_code
