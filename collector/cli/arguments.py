"""Positional arguments that several commands share, and the warning about duplicate companies."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from collector.cli.printing import complain
from collector.plan import Companies
from collector.settings.parsers import converter, parse_directory
from collector.settings.prepare import duplicate_remarks

__all__ = ["CompaniesArgument", "RunDirectoryArgument", "warn_of_duplicates"]

CompaniesArgument = Annotated[Path, Parameter(allow_leading_hyphen=True, show_default=False)]
"""A path, or `-` for standard input."""

RunDirectoryArgument = Annotated[
    Path,
    Parameter(allow_leading_hyphen=True, converter=converter(parse_directory)),
]
"""The directory of an existing run."""


def warn_of_duplicates(companies: Companies) -> None:
    """Warn on standard error about the duplicate lines that were dropped; list 10 at most."""
    for remark in duplicate_remarks(companies):
        complain(f"warning: {remark}")
