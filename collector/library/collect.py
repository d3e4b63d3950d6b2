"""`collect`: a run inside a Python program."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple, Unpack

from collector.core.errors import ExitCode, InputError
from collector.core.text import escaped
from collector.core.threads import in_thread
from collector.http.credentials import (
    AccessToken,
    ClientCredentials,
    Credentials,
    load_credentials,
)
from collector.http.network import Network, load_network
from collector.library.options import CollectOptions, check_names, read_settings
from collector.library.result import RunResult, error_of, result_of
from collector.plan import Plan
from collector.plan.company_values import GivenCompanies, companies_of, entries_of
from collector.run.run import Run
from collector.settings import RunSettings
from collector.settings.prepare import (
    default_output,
    duplicate_remarks,
    prepare_plan,
    prepare_windows,
)
from collector.store.since_last import begin_since_last

__all__ = ["collect"]

_RESULTS: Final = frozenset({ExitCode.COMPLETE, ExitCode.SOME_FAILED, ExitCode.STOPPED_EARLY})


async def collect(
    companies: GivenCompanies | str | PathLike[str],
    *,
    credentials: Credentials | None = None,
    config: str | PathLike[str] | None = None,
    **options: Unpack[CollectOptions],
) -> RunResult:
    """Collect every company and window into a run directory, as `collector run` does.

    * `companies`: ids, pairs of an id and a name, a mapping from ids to names, or the path of a
      companies file.
    * `credentials`: None for those of `credentials_file`, or else of the environment.
    * `config`: a file of options such as `collector.toml`, for those that are not given; by default
      no file is read, and no `COLLECTOR_*` variable.
    * `options`: those of `collector run`, with `_` for `-`; `from_date` and `until_date` for
      `--from` and `--until`.

    It works in the running event loop and prints nothing. Cancelling it stops the run cleanly: each
    line is whole, the directory is unlocked, and the same call resumes the run.

    Return how the run ended if the command would end with 0, 1 or 4. Raise what it would end with
    otherwise: `InputError` (2), `CredentialsError` (3), `StorageError` (5), `LockedError` (6),
    `DatesError` or `AttributionError` (7), `ImplausibleError` (8). What the command would warn of
    is in the notes of the error. A bug is a `RuntimeError`. An argument that does not exist is a
    `TypeError`.
    """
    check_names(options)
    cancelled_before = _cancellations()
    # Here: a cursor of a database, for instance, can be read in the thread of the caller only.
    given = companies if isinstance(companies, str | PathLike) else entries_of(companies)
    prepared = await in_thread(_prepare, given, credentials, config, options)
    run = Run(
        prepared.plan,
        prepared.settings,
        prepared.credentials,
        prepared.output,
        network=prepared.network,
    )
    # In a task of its own: in Python 3.11 a failed task group leaves a cancellation on its task.
    end = await asyncio.create_task(run.execute(), name="collect")
    # What is in no log: the run has not come as far as that.
    early = () if end.exit_code is ExitCode.COMPLETE else run.events.unwritten()
    found = (*duplicate_remarks(prepared.plan.companies), *prepared.remarks)
    remarks = (*found, *early, *run.remarks)
    if end.exit_code in _RESULTS:
        if _cancellations() > cancelled_before:
            # The run has ended for another reason in the same moment.
            raise asyncio.CancelledError
        return result_of(run, end, remarks)
    raise error_of(end, remarks)


def _cancellations() -> int:
    """Return how often the running task was cancelled."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


class _Prepared(NamedTuple):
    """All that a run needs; nothing was sent or written yet."""

    plan: Plan
    settings: RunSettings
    credentials: Credentials
    network: Network
    output: Path
    remarks: Sequence[str]


def _prepare(
    companies: str | PathLike[str] | list[object],
    credentials: Credentials | None,
    config: str | PathLike[str] | None,
    options: Mapping[str, object],
) -> _Prepared:
    """Read what is given, in the order of the command: options, companies, credentials, network."""
    settings = read_settings(options, config)
    now = datetime.now(UTC)
    if isinstance(companies, list):
        _refuse_columns(options)
        plan = Plan(companies_of(companies), prepare_windows(settings, now))
    else:
        plan, _ = prepare_plan(_existing(companies), settings, now)
    if credentials is None:
        credentials = load_credentials(os.environ, settings.credentials_file)
    elif not isinstance(credentials, AccessToken | ClientCredentials):
        raise InputError(
            f"credentials: a {type(credentials).__name__} cannot be used; give ClientCredentials "
            "or an AccessToken"
        )
    elif settings.credentials_file is not None:
        raise InputError("credentials and credentials_file are both given; give one of them")
    network = load_network(os.environ, settings)
    output = settings.output or default_output(settings, now)
    plan, remarks = begin_since_last(plan, settings, output)
    return _Prepared(plan, settings, credentials, network, output, remarks)


def _refuse_columns(options: Mapping[str, object]) -> None:
    """Raise `InputError` for options that say how to read a file, where no file is read."""
    for name in ("id_column", "name_column"):
        if options.get(name) is not None:
            raise InputError(
                f"{name} is for a companies file, and the companies are given as values; leave it "
                "out"
            )


def _existing(companies: str | PathLike[str]) -> Path:
    """Return the path of a companies file. Raises `InputError` if a text may be an id instead."""
    path = Path(companies)
    if isinstance(companies, str) and companies != "-" and not os.path.lexists(path):
        raise InputError(
            f"{escaped(companies)}: there is no such file; check the path (a text is the path of a "
            "companies file; ids are given in a list)"
        )
    return path
