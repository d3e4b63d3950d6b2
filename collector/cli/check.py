"""`collector check`: verifies the credentials, the companies and the meaning of the dates."""

import os
from typing import Annotated

from cyclopts import Parameter

from collector.cli.arguments import CompaniesArgument, warn_of_duplicates
from collector.plan import read_companies
from collector.settings import CheckSettings

__all__ = ["check"]


def check(
    companies: CompaniesArgument,
    /,
    *,
    settings: Annotated[CheckSettings, Parameter(name="*")] = CheckSettings(),  # noqa: B008 - frozen
) -> int:
    """Find out what a run would meet, with at most 40 requests, and return the exit code.

    Parameters
    ----------
    companies
        A list, with one company id per line, optionally followed by a name; or a table (CSV) with
        a column of ids. The value - means standard input.
    """
    read = read_companies(companies, columns=settings.columns)
    from collector.http.credentials import load_credentials

    credentials = load_credentials(os.environ, settings.credentials_file)
    from collector.http.network import load_network

    network = load_network(os.environ, settings)
    warn_of_duplicates(read)
    from collector.cli.check_output import run_check

    return run_check(read, settings, credentials, network)
