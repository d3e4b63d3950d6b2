"""What several commands have in common: companies, run directories, and warnings of them."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.printing import complain
from collector.plan import Companies
from collector.settings.parsers import converter, parse_directory

__all__ = ["CompaniesArgument", "RunDirectoryArgument", "warn_of_duplicates"]

CompaniesArgument = Annotated[Path, Parameter(allow_leading_hyphen=True, show_env_var=False)]
"""A path, or `-` for standard input."""

RunDirectoryArgument = Annotated[
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
