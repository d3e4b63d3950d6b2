"""`collector export`: the newest answer of every cell over many runs, as columns."""

import os
from typing import Annotated

from cyclopts import Parameter

from collector.cli.arguments import RunDirectory, begun
from collector.cli.extras import needs_extra
from collector.cli.printing import complain, say
from collector.errors import ExitCode, StorageError
from collector.export.target import delimiter_of, target_of
from collector.settings import ExportSettings
from collector.store.recorded_run import each_once, find_runs
from collector.store.replacement import replacing

__all__ = ["export"]


def export(
    run_dir: RunDirectory,
    /,
    *run_dirs: RunDirectory,
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
    with needs_extra("export", "duckdb"):
        # Here, for the core install has no database.
        from collector.export.export import export as export_runs  # noqa: PLC0415
        from collector.tables.engine import analytical_database  # noqa: PLC0415
    runs = each_once(find_runs(begun([run_dir, *run_dirs])))
    try:
        with (
            # Two exports at a time do not write into each other's drafts.
            replacing(settings.to, suffix=f".{os.getpid()}.new") as draft,
            analytical_database() as database,
        ):
            done = export_runs(database, runs, draft, target, delimiter)
    except OSError as error:
        raise StorageError(f"{settings.to}: cannot be written: {error.strerror}") from error
    for remark in done.remarks:
        complain(f"warning: {remark}")
    say(f"{done.rows:,} rows of {done.columns} columns are in {settings.to}")
    return ExitCode.COMPLETE
