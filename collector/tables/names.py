"""The names of companies, from the newest run that has one."""

from collections.abc import Iterable

from collector.core.errors import InputError
from collector.store.recorded_run import RecordedRun
from collector.tables.engine import Database

__all__ = ["load_names"]


def load_names(database: Database, runs: Iterable[RecordedRun]) -> list[str]:
    """Create a table `names` (company_id, company_name) of runs; later runs take precedence.

    Returns texts for the user about lists of companies that cannot be read.
    """
    names: dict[str, str] = {}
    remarks: list[str] = []
    for run in runs:
        try:
            names.update(run.plan().plan.companies.names)
        except InputError as error:
            remarks.append(f"{error}; the names in it are not known")
    database.connection.execute(
        "CREATE TEMP TABLE names AS SELECT unnest($1::VARCHAR[]) AS company_id, "
        "unnest($2::VARCHAR[]) AS company_name",
        [list(names), list(names.values())],
    )
    return remarks
