"""`collector report`: one offline page about runs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from collector import __version__
from collector.cli.arguments import RunDirectory, runs_in
from collector.cli.draft import draft_of
from collector.cli.extras import needs_extra
from collector.cli.printing import say
from collector.cli.termination import until_sigterm
from collector.errors import ExitCode, InputError
from collector.settings import ReportSettings
from collector.store.recorded_run import RecordedRun

__all__ = ["report"]


def report(
    run_dir: RunDirectory,
    /,
    *run_dirs: RunDirectory,
    settings: Annotated[ReportSettings, Parameter(name="*")],
) -> int:
    """Draw a page about runs.

    Parameters
    ----------
    run_dir
        The directory of a run, such as output/2026-11-23.
    run_dirs
        More of them.
    """
    if settings.to.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"{settings.to}: the page is HTML; give --to a name such as report.html")
    runs = runs_in([run_dir, *run_dirs])
    return until_sigterm(lambda: _report(runs, settings.to, settings.lang))


def _report(runs: Sequence[RecordedRun], path: Path, lang: str) -> ExitCode:
    with needs_extra("report", "duckdb", "plotly"):
        # Here, for the core install has neither a database nor a drawing library.
        from collector.report.language import Lang  # noqa: PLC0415
        from collector.report.page import render  # noqa: PLC0415
        from collector.report.read import read_report  # noqa: PLC0415
        from collector.tables.engine import analytical_database  # noqa: PLC0415
    with draft_of(path) as draft, analytical_database() as database:
        page = read_report(database, runs, datetime.now(UTC))
        with draft.open("wb") as stream:
            stream.writelines(render(page, Lang(lang), __version__))
    say(f"the page is in {path}")
    return ExitCode.COMPLETE
