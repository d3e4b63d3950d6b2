"""`collector export`: the newest answer of every cell over many runs, as columns."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import complain, note, refuse_terminal, write
from collector.cli.signals import until_terminated
from collector.core.errors import ExitCode, InputError
from collector.core.extras import import_extra
from collector.core.text import counted
from collector.export.formats import STANDARD_OUTPUT, Format, delimiter_of, format_of
from collector.settings import ExportSettings

__all__ = ["export"]

_CHUNK: Final = 1024 * 1024


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
    form = format_of(settings.to, settings.format)
    delimiter = delimiter_of(form.target, settings.delimiter)
    if settings.to == STANDARD_OUTPUT and form.is_binary:
        refuse_terminal()
    run_dirs = (run_dir, *run_dirs)
    return until_terminated(
        lambda leftovers: _export(run_dirs, settings, form, delimiter, leftovers)
    )


def _export(
    run_dirs: Sequence[Path],
    settings: ExportSettings,
    form: Format,
    delimiter: str,
    leftovers: list[Path],
) -> ExitCode:
    from collector.cli.reading import runs_in

    path = settings.to
    runs, are_some_lost = runs_in(run_dirs)
    import_extra("export", "duckdb", *form.packages)
    # Here: the core install has no database.
    from collector.export.export import export as export_runs
    from collector.tables.engine import analytical_database, is_utf8

    if form.target.is_made_by_duckdb and not is_utf8(os.path.realpath(path)):
        raise InputError(f"{path}: DuckDB writes no path that is not UTF-8; give another one")
    with analytical_database() as database, _draft_of(path, database.scratch) as draft:
        # With the log that DuckDB has beside its file.
        leftovers += (draft, draft.with_name(f"{draft.name}.wal"), database.scratch)
        done = export_runs(
            *(database, runs, draft, form, delimiter), unknown_fields=settings.unknown_fields
        )
    for remark in done.remarks:
        complain(f"warning: {remark}")
    if path != STANDARD_OUTPUT:
        rows, are = counted(done.rows, "row"), "is" if done.rows == 1 else "are"
        note(f"{rows} of {counted(done.columns, 'column')} {are} in {path}")
    return ExitCode.SOME_FAILED if done.is_incomplete or are_some_lost else ExitCode.COMPLETE


@contextmanager
def _draft_of(path: Path, scratch: Path) -> Iterator[Path]:
    """Yield the path of an empty file; when the block has ended, it is the file or is printed.

    Nothing is printed before all of it is written: a reader must not take a part for the whole.
    """
    from collector.cli.reading import draft_of
    from collector.tables.engine import scratch_refuses

    if path != STANDARD_OUTPUT:
        with draft_of(path) as draft:
            yield draft
        return
    draft = scratch / "output"
    try:
        draft.touch()
        yield draft
        with draft.open("rb") as stream:
            write(iter(lambda: stream.read(_CHUNK), b""))
    except OSError as error:
        raise scratch_refuses(error) from error
