"""`collector run`: the main job."""

import os
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from collector.cli.arguments import CompaniesArgument, refuse_two_divisions, warn_of_duplicates
from collector.settings import RehearsalSettings, RunSettings
from collector.settings.prepare import default_output, prepare_plan

__all__ = ["run"]


def run(
    companies: CompaniesArgument,
    /,
    *,
    settings: Annotated[RunSettings, Parameter(name="*")] = RunSettings(),  # noqa: B008 - frozen
    rehearsal: Annotated[RehearsalSettings, Parameter(name="*")] = RehearsalSettings(),  # noqa: B008 - frozen
) -> int:
    """Collect every company and window into a run directory, and return the exit code.

    Parameters
    ----------
    companies
        A list, with one company id per line, optionally followed by a name; or a table (CSV) with
        a column of ids. The value - means standard input.
    """
    refuse_two_divisions(settings)
    if rehearsal.dry_run:
        from collector.cli.plan import show_plan

        return show_plan(companies, settings)
    now = datetime.now(UTC)
    plan, read = prepare_plan(companies, settings, now)
    output = settings.output or default_output(settings, now)
    from collector.http.credentials import load_credentials

    credentials = load_credentials(os.environ, settings.credentials_file)
    from collector.http.network import load_network

    pinged = () if settings.ping_url is None else (settings.ping_url.reveal(),)
    network = load_network(os.environ, settings, *pinged)
    from collector.cli.streams import background_streams

    # Around the imports too: Dask keeps the standard error that it finds.
    with background_streams():
        warn_of_duplicates(read)
        from collector.cli.execution import collect
        from collector.cli.reading import warn
        from collector.store.since_last import begin_since_last

        plan, remarks = begin_since_last(plan, settings, output)
        for remark in remarks:
            warn(remark)
        return collect(plan, settings, credentials, output, network)
