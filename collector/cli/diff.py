"""`collector diff`: which cells were restated between two runs, and by how much."""

import sys
from typing import Annotated

from cyclopts import Parameter

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import complain, say, write
from collector.core.errors import ExitCode
from collector.settings import DiffSettings

__all__ = ["diff"]


def diff(
    old: RunDirectoryArgument,
    new: RunDirectoryArgument,
    /,
    *,
    settings: Annotated[DiffSettings, Parameter(name="*")] = DiffSettings(),  # noqa: B008 - frozen
) -> int:
    """Print what was restated, what is new and what is gone.

    Parameters
    ----------
    old
        The directory of the earlier run, such as output/2026-11-22.
    new
        The directory of the later run, such as output/2026-11-23.
    """
    from collector.cli.diff_output import diff_json, diff_text
    from collector.store.comparison import compare
    from collector.store.scratch import scratch_database

    # A sum of counters may have one digit more than the longest number that Python reads.
    sys.set_int_max_str_digits(2 * sys.int_info.default_max_str_digits)
    with scratch_database() as database:
        comparison = compare(database, old, new)
        for remark in comparison.remarks:
            complain(f"warning: {remark}")
        if settings.json:
            write(diff_json(comparison))
        else:
            say(diff_text(comparison))
    return ExitCode.SOME_FAILED if comparison.lacks_lines else ExitCode.COMPLETE
