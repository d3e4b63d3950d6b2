"""`collector report`: one offline page about runs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from collector import __version__
from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import complain, note
from collector.cli.signals import until_terminated
from collector.core.errors import ExitCode, InputError
from collector.core.extras import needs_extra
from collector.core.own_files import open_own
from collector.settings import ReportSettings

__all__ = ["report"]


def report(
    run_dir: RunDirectoryArgument,
    /,
    *run_dirs: RunDirectoryArgument,
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
    run_dirs = (run_dir, *run_dirs)
    return until_terminated(
        lambda leftovers: _report(run_dirs, settings.to, settings.lang, leftovers)
    )


def _report(run_dirs: Sequence[Path], path: Path, lang: str, leftovers: list[Path]) -> ExitCode:
    from collector.cli.reading import draft_of, runs_in

    runs, are_some_lost = runs_in(run_dirs)
    with needs_extra("report", "duckdb", "jinja2", "markupsafe", "vl_convert"):
        # Here: the core install has neither a database, nor templates, nor a plotting library.
        from collector.report.language import Lang
        from collector.report.page import render
        from collector.report.report import read_report
        from collector.tables.engine import analytical_database
    with draft_of(path) as draft, analytical_database() as database:
        leftovers += (draft, database.scratch)
        page = read_report(database, runs, datetime.now(UTC))
        with open(draft, "wb", opener=open_own) as stream:
            stream.write(render(page, Lang(lang), __version__))
    for remark in page.quality.remarks:
        complain(f"warning: {remark}")
    note(f"the page is in {path}")
    is_incomplete = page.quality.is_incomplete or are_some_lost
    return ExitCode.SOME_FAILED if is_incomplete else ExitCode.COMPLETE
