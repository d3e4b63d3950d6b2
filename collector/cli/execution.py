"""A run from its plan to its exit code: shown while it works, ended in order, summed up."""

import asyncio
import gc
from pathlib import Path
from typing import Final

from collector.cli.extras import needs_extra
from collector.cli.printing import complain
from collector.cli.signals import stop_on_signals
from collector.cli.summary import print_summary
from collector.cli.watch import watch
from collector.core.errors import ExitCode
from collector.http.credentials import Credentials
from collector.plan import Plan
from collector.run.result import End
from collector.run.run import Run
from collector.run.view import Job
from collector.settings import RunSettings

__all__ = ["attempt", "execute", "report"]

_BEFORE_IT_BEGAN: Final = {ExitCode.BAD_INPUT, ExitCode.LOCKED}
"""Ends of which there is nothing to tell but their reason."""


def attempt(plan: Plan, settings: RunSettings, credentials: Credentials, output: Path) -> int:
    """Collect a plan into a run directory, and return the exit code."""
    job = _job(plan, settings, credentials, output)
    end = asyncio.run(execute(job))
    return report(job, end)


def _job(plan: Plan, settings: RunSettings, credentials: Credentials, output: Path) -> Job:
    if settings.engine == "local":
        return Run(plan, settings, credentials, output)
    with needs_extra("dask", "dask", "distributed", "cryptography"):
        from collector.cluster.run import ClusterRun
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
