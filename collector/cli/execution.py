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
from collector.run.view import RunView
from collector.settings import RunSettings

__all__ = ["attempt", "execute", "report"]

_BEFORE_IT_BEGAN: Final = {ExitCode.BAD_INPUT, ExitCode.LOCKED}
"""Ends of which there is nothing to tell but their reason."""


def attempt(plan: Plan, settings: RunSettings, credentials: Credentials, output: Path) -> int:
    """Collect a plan into a run directory, and return the exit code."""
    run = _run_of(plan, settings, credentials, output)
    end = asyncio.run(execute(run))
    return report(run, end)


def _run_of(plan: Plan, settings: RunSettings, credentials: Credentials, output: Path) -> RunView:
    if settings.engine == "local":
        return Run(plan, settings, credentials, output)
    with needs_extra("dask", "dask", "distributed", "cryptography"):
        from collector.cluster.run import ClusterRun
    return ClusterRun(plan, settings, credentials, output)


async def execute(run: RunView) -> End:
    """Execute a run while showing it, and let signals end it in order."""
    # What was imported and read stays. Without this the first full collection looks at all of it,
    # just when the first request leaves: it arrives 20 ms late, and those behind it too close.
    gc.freeze()
    with stop_on_signals(run.stop, run.stop_at_once):
        async with watch(run):
            return await run.execute()


def report(run: RunView, end: End, *, can_resume: bool = True) -> int:
    """Print how a run ended, and return its exit code; see `summary_rows` for `can_resume`."""
    for remark in run.remarks:
        complain(f"warning: {run.files.directory}: {remark}")
    if end.error is not None:
        complain(end.error)
    if not run.settings.quiet and end.exit_code not in _BEFORE_IT_BEGAN:
        print_summary(run, end, can_resume=can_resume)
    return end.exit_code
