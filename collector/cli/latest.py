"""`collector latest`: the newest answer of every cell over many runs."""

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import complain, write
from collector.core.errors import ExitCode

__all__ = ["latest"]


def latest(run_dir: RunDirectoryArgument, /, *run_dirs: RunDirectoryArgument) -> int:
    """Print the newest line of every cell, as it stands in its run.

    Parameters
    ----------
    run_dir
        The directory of a run, such as output/2026-11-23.
    run_dirs
        More of them.
    """
    from collector.cli.reading import runs_in
    from collector.store.newest import NewestLines, Pile, overlapping, scratch_database

    with scratch_database() as database:
        lines = NewestLines(database)
        for run in runs_in([run_dir, *run_dirs]):
            for remark in lines.read(run, Pile.NEW):
                complain(f"warning: {remark}")
        if overlap := overlapping(lines.windows):
            one, other = overlap
            complain(
                f"warning: windows overlap, such as {one} and {other}: whoever adds up the lines "
                "counts days twice"
            )
        write(lines.lines(Pile.NEW))
    return ExitCode.SOME_FAILED if lines.lacks_lines else ExitCode.COMPLETE
