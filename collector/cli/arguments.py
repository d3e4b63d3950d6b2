"""Positional arguments that several commands share, and the warning about duplicate companies."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.printing import complain
from collector.plan import Companies
from collector.settings.parsers import converter, parse_directory

__all__ = ["CompaniesArgument", "RunDirectoryArgument", "warn_of_duplicates"]

CompaniesArgument = Annotated[Path, Parameter(allow_leading_hyphen=True, show_default=False)]
"""A path, or `-` for standard input."""

RunDirectoryArgument = Annotated[
    Path,
    Parameter(allow_leading_hyphen=True, converter=converter(parse_directory)),
]
"""The directory of an existing run."""

_SHOWN: Final = 10


def warn_of_duplicates(companies: Companies) -> None:
    """Warn on standard error about the duplicate lines that were dropped; list 10 at most."""
    duplicates = companies.duplicates
    for duplicate in duplicates[:_SHOWN]:
        complain(
            f"warning: {companies.source}:{duplicate.line}: company {duplicate.id} "
            f"stands in line {duplicate.first_line} already; dropped"
        )
    if len(duplicates) > _SHOWN:
        complain(f"warning: and {len(duplicates) - _SHOWN} more duplicates dropped")
