"""`collector latest`: the newest answer of every cell over many runs."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import note, require_output, write
from collector.cli.signals import until_terminated
from collector.core.errors import ExitCode, InputError
from collector.core.extras import import_extra
from collector.core.text import counted, terminal_safe
from collector.export.formats import STANDARD_OUTPUT, Compression, Target, format_named
from collector.settings import LatestSettings

__all__ = ["latest"]


def latest(
    run_dir: RunDirectoryArgument,
    /,
    *run_dirs: RunDirectoryArgument,
    settings: Annotated[LatestSettings, Parameter(name="*")] = LatestSettings(),  # noqa: B008 - frozen
) -> int:
    """Print the newest line of every cell, byte for byte as its run has it.

    Parameters
    ----------
    run_dir
        The directory of a run, such as output/2026-11-23.
    run_dirs
        More of them.
    """
    compression = _compression_of(settings.to)
    run_dirs = (run_dir, *run_dirs)
    return until_terminated(
        lambda leftovers: _latest(run_dirs, settings.to, compression, leftovers)
    )


def _compression_of(path: Path) -> Compression:
    if path == STANDARD_OUTPUT:
        return Compression.NONE
    form = format_named(path)
    if form is None or form.target is not Target.JSON_LINES:
        raise InputError(
            f"{path}: the lines are JSON; give --to a name that ends in .jsonl, .jsonl.gz or "
            ".jsonl.zst; collector export writes other formats"
        )
    import_extra("export", *form.packages)
    return form.compression


def _latest(
    run_dirs: Sequence[Path], path: Path, compression: Compression, leftovers: list[Path]
) -> ExitCode:
    from collector.cli.reading import warn
    from collector.store.newest import newest_lines

    with newest_lines(run_dirs, warn) as newest:
        lines = newest.lines()
        if path == STANDARD_OUTPUT:
            write(map(terminal_safe, lines) if require_output().isatty() else lines)
        else:
            _write_file(path, compression, lines, leftovers)
    return ExitCode.SOME_FAILED if newest.lacks_lines else ExitCode.COMPLETE


def _write_file(
    path: Path, compression: Compression, lines: Iterable[bytes], leftovers: list[Path]
) -> None:
    from collector.cli.reading import draft_of
    from collector.export.compression import compressed

    count = 0
    with draft_of(path) as draft:
        leftovers.append(draft)
        with compressed(draft, compression) as stream:
            for count, line in enumerate(lines, 1):  # noqa: B007 - the last one counts
                stream.write(line)
    note(f"{counted(count, 'line is', 'lines are')} in {path}")
