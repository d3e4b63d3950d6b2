"""`collector export`: the newest answer of every cell over many runs, as columns."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.extras import needs_extra
from collector.cli.printing import complain, note
from collector.cli.signals import until_terminated
from collector.core.errors import ExitCode, InputError
from collector.export.formats import Target, delimiter_of, target_of
from collector.settings import ExportSettings

__all__ = ["export"]


def export(
    run_dir: RunDirectoryArgument,
    /,
    *run_dirs: RunDirectoryArgument,
    settings: Annotated[ExportSettings, Parameter(name="*")],
) -> int:
    """Write flat columns, one row for each company and window.

    Parameters
    ----------
    run_dir
        The directory of a run, such as output/2026-11-23.
    run_dirs
        More of them.
    """
    target = target_of(settings.to)
    delimiter = delimiter_of(target, settings.delimiter)
    run_dirs = (run_dir, *run_dirs)
    return until_terminated(
        lambda leftovers: _export(run_dirs, settings.to, target, delimiter, leftovers)
    )


def _export(
    run_dirs: Sequence[Path], path: Path, target: Target, delimiter: str, leftovers: list[Path]
) -> ExitCode:
    from collector.cli.reading import draft_of, runs_in

    runs = runs_in(run_dirs)
    with needs_extra("export", "duckdb"):
        # Here: the core install has no database.
        from collector.export.export import export as export_runs
        from collector.tables.engine import analytical_database, is_utf8
    if not target.is_csv and not is_utf8(os.path.realpath(path)):
        raise InputError(f"{path}: DuckDB writes no path that is not UTF-8; give another one")
    with draft_of(path) as draft, analytical_database() as database:
        # With the log that DuckDB has beside its file.
        leftovers += (draft, draft.with_name(f"{draft.name}.wal"), database.scratch)
        done = export_runs(database, runs, draft, target, delimiter)
    for remark in done.remarks:
        complain(f"warning: {remark}")
    rows = f"{done.rows:,} row{'' if done.rows == 1 else 's'}"
    note(f"{rows} of {done.columns} columns are in {path}")
    return ExitCode.SOME_FAILED if done.is_incomplete else ExitCode.COMPLETE
