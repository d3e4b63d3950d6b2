"""The questions of `collector check`: asked while it is told how many, shown, written down."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from collector.check import MOST_REQUESTS, Check, Report
from collector.cli.check_table import check_table
from collector.cli.config_edit import write_options
from collector.cli.printing import complain, say
from collector.cli.signals import stop_on_signals
from collector.date_query import DateQuery
from collector.errors import ExitCode
from collector.fetch.credentials import Credentials
from collector.plan import Companies
from collector.prepare import date_query
from collector.probe import Checkup, Finding, Until, Verdict
from collector.settings import CheckSettings

__all__ = ["check_up"]

_REFRESH_SECONDS: Final = 0.25

_CONFIG: Final = Path("collector.toml")


def check_up(companies: Companies, settings: CheckSettings, credentials: Credentials) -> int:
    """Ask, show what was found, write it down if that is wanted, and return the exit code."""
    report = asyncio.run(_execute(Check(companies.ids, settings, credentials)))
    if report.error is not None:
        complain(report.error)
    if report.checkup.answers:
        say(check_table(report, companies, date_query(settings)))
    honoured = _honoured(report.checkup, date_query(settings))
    if not settings.write:
        return report.exit_code
    if honoured is None:
        complain(f"{_CONFIG}: nothing is written, for nothing was found to be honoured")
        return report.exit_code or ExitCode.SOME_FAILED
    _write(*honoured)
    return ExitCode.COMPLETE if report.exit_code is ExitCode.DATES else report.exit_code


async def _execute(job: Check) -> Report:
    with stop_on_signals(job.stop, job.cancel):
        showing = asyncio.create_task(_show(job), name="show")
        try:
            return await job.execute()
        finally:
            showing.cancel()
            await asyncio.wait([showing])


async def _show(job: Check) -> None:
    """Say on a terminal how far it is: with a slow API, silence would look like a fault."""
    console = Console(stderr=True)
    # Asked of the stream itself: FORCE_COLOR must not put a moving display into a file.
    if not sys.stderr or not sys.stderr.isatty() or console.is_dumb_terminal:
        return
    with console.status("") as status:
        while True:
            status.update(f"{job.requests} of at most {MOST_REQUESTS} requests")
            await asyncio.sleep(_REFRESH_SECONDS)


def _honoured(checkup: Checkup, query: DateQuery) -> tuple[DateQuery, Finding] | None:
    if checkup.configured.dates is Verdict.HONOURED:
        return query, checkup.configured
    return checkup.found


def _write(query: DateQuery, finding: Finding) -> None:
    """Write down how dates are honoured, so that `collector run` sends them so."""
    options: dict[str, str | bool] = {
        "from-param": query.from_param,
        "until-param": query.until_param,
        "date-format": query.date_format,
    }
    if finding.until is not Until.INCONCLUSIVE:
        options["until-exclusive"] = finding.until is Until.EXCLUDED
    write_options(_CONFIG, options)
    say(f"written to {_CONFIG}: {', '.join(options)}")
    for name in options:
        variable = f"COLLECTOR_{name.upper().replace('-', '_')}"
        if variable in os.environ:
            complain(f"warning: {variable} is set, and goes before {_CONFIG}")
