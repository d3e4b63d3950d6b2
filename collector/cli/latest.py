"""`collector latest`: the newest answer of every cell over many runs."""

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import write
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
    from collector.cli.reading import warn
    from collector.store.newest import Pile, newest_lines

    with newest_lines([run_dir, *run_dirs], warn) as newest:
        write(newest.lines(Pile.NEW))
    return ExitCode.SOME_FAILED if newest.lacks_lines else ExitCode.COMPLETE
