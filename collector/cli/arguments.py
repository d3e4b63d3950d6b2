"""What several commands have in common: companies, run directories, and warnings of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.printing import complain
from collector.errors import InputError
from collector.option_values import converter, parse_directory
from collector.plan import Companies
from collector.store.recorded_run import (
    RecordedRun,
    each_once,
    find_runs,
    oldest_first,
    was_begun,
)

__all__ = ["CompaniesFile", "RunDirectory", "runs_in", "warn_of_duplicates"]

CompaniesFile = Annotated[Path, Parameter(allow_leading_hyphen=True, show_env_var=False)]
"""A path, or `-` for standard input."""

RunDirectory = Annotated[
    Path,
    Parameter(allow_leading_hyphen=True, converter=converter(parse_directory), show_env_var=False),
]
"""The directory of a run that is there already."""

_SHOWN: Final = 10


def warn_of_duplicates(companies: Companies) -> None:
    """Say on standard error which lines were dropped, so that nobody misses them later."""
    duplicates = companies.duplicates
    for duplicate in duplicates[:_SHOWN]:
        complain(
            f"warning: {companies.source}:{duplicate.line}: company {duplicate.id} "
            f"stands in line {duplicate.first_line} already; dropped"
        )
    if len(duplicates) > _SHOWN:
        complain(f"warning: and {len(duplicates) - _SHOWN} more duplicates dropped")


def runs_in(directories: Sequence[Path]) -> list[RecordedRun]:
    """Return the runs that have begun in directories, each once, the oldest first.

    One dead run must not take all nights away: it is left out with a warning. Raises `InputError`
    if there is no other, for nothing must not replace earlier answers, and as `find_runs` does.
    """
    begun = [directory for directory in directories if was_begun(directory)]
    for directory in directories:
        if directory not in begun:
            complain(f"warning: {directory}: a run was killed before its first cell; left out")
    if not begun:
        raise InputError("no run has begun in these directories; give others")
    return oldest_first(each_once(find_runs(begun)))
