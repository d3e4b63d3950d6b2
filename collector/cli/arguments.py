"""Positional arguments that several commands share, and the warning about duplicate companies."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from collector.cli.printing import complain
from collector.core.errors import InputError
from collector.plan import Companies
from collector.settings import Processes
from collector.settings.parsers import converter, parse_directory
from collector.settings.prepare import duplicate_remarks

__all__ = [
    "CompaniesArgument",
    "RunDirectoryArgument",
    "refuse_two_divisions",
    "warn_of_duplicates",
]

CompaniesArgument = Annotated[Path, Parameter(allow_leading_hyphen=True, show_default=False)]
"""A path, or `-` for standard input."""

RunDirectoryArgument = Annotated[
    Path,
    Parameter(allow_leading_hyphen=True, converter=converter(parse_directory)),
]
"""The directory of an existing run."""


def refuse_two_divisions(settings: Processes) -> None:
    """Raise `InputError` for one shard of a run that is to start all of its shards itself."""
    if settings.engine == "dask" and not settings.shard.is_whole:
        raise InputError(
            "--shard is for processes that are started one by one, and --engine dask starts all of "
            "them itself; leave one of them out"
        )


def warn_of_duplicates(companies: Companies) -> None:
    """Warn on standard error about the duplicate lines that were dropped; list 10 at most."""
    for remark in duplicate_remarks(companies):
        complain(f"warning: {remark}")
