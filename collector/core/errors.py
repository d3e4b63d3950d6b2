"""What stops a run, as a tree; each branch carries the exit code that the command line ends with.

* CollectorError
  + InputError          2   bad arguments, configuration or input file
  + CredentialsError    3   credentials missing or refused
  + OutageError         4   the service is out of reach; the run can be continued
  + ClusterError        4   the cluster is out of reach, or has no workers; likewise
  + StorageError        5   the output cannot be written
  + LockedError         6   another run holds the directory
  + DatesError          7   answers are not of the days that their lines say
    + IgnoredDatesError     the server does not honour the date range

One cell that fails is not among them: that is a `collector.core.outcome.Failure`, a value. Nor is
`StoppedError`, by which what was about to be sent gives way when a run is ended from outside.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar, Final

__all__ = [
    "ClusterError",
    "CollectorError",
    "CredentialsError",
    "DatesError",
    "ExitCode",
    "IgnoredDatesError",
    "InputError",
    "LockedError",
    "OutageError",
    "StoppedError",
    "StorageError",
    "gravest",
    "main_error",
]


class ExitCode(IntEnum):
    """How the process ends; part of the contract with cron, systemd and schedulers."""

    COMPLETE = 0
    SOME_FAILED = 1
    BAD_INPUT = 2
    CREDENTIALS = 3
    STOPPED_EARLY = 4
    STORAGE = 5
    LOCKED = 6
    DATES = 7
    BUG = 70
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


_FROM_THE_GRAVEST: Final = (
    ExitCode.BUG,
    ExitCode.STORAGE,
    ExitCode.DATES,
    ExitCode.CREDENTIALS,
    ExitCode.BAD_INPUT,
    ExitCode.LOCKED,
    ExitCode.STOPPED_EARLY,
    ExitCode.SIGTERM,
    ExitCode.SIGHUP,
    ExitCode.SIGINT,
    ExitCode.SOME_FAILED,
    ExitCode.COMPLETE,
)


def gravest(codes: Iterable[int | None]) -> int | None:
    """Return the code that says most of several ends of one run; None if one has not ended.

    A code that nobody knows, of a newer collector, says more than those that are known.
    """
    ends = set(codes)
    if None in ends or not ends:
        return None
    unknown = ends.difference(_FROM_THE_GRAVEST)
    return next(iter(unknown), None) or next(code for code in _FROM_THE_GRAVEST if code in ends)


class CollectorError(Exception):
    """Stops the run. Its text says what is wrong, where, and what to do about it."""

    exit_code: ClassVar[ExitCode]


class InputError(CollectorError):
    """Bad arguments, configuration or input file. Nothing was sent, nothing was written."""

    exit_code = ExitCode.BAD_INPUT


class CredentialsError(CollectorError):
    """No credentials were given, or the service refused them."""

    exit_code = ExitCode.CREDENTIALS


class OutageError(CollectorError):
    """The service is out of reach. What was collected so far is kept."""

    exit_code = ExitCode.STOPPED_EARLY


class ClusterError(CollectorError):
    """The cluster is out of reach, or has no workers. What was collected so far is kept.

    Its text ends with what is to be done about the cluster.
    """

    exit_code = ExitCode.STOPPED_EARLY


class StorageError(CollectorError):
    """The output cannot be written: disk full, no permission, a file in the way."""

    exit_code = ExitCode.STORAGE


class LockedError(CollectorError):
    """Another run holds the directory. Nothing was sent, nothing was written."""

    exit_code = ExitCode.LOCKED


class DatesError(CollectorError):
    """New answers, or those that are there, would not be of the days that their lines say."""

    exit_code = ExitCode.DATES


class IgnoredDatesError(DatesError):
    """The server does not honour the date range as it is sent: its answers are of other days."""


class StoppedError(Exception):
    """The run is being ended from outside (a signal, the deadline): nothing more is sent.

    It tells whoever was about to send to give up; the cell stays missing, and nothing failed.
    """


def main_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one error of a task group that says best what stopped the run.

    A bug comes before everything that is expected, a disk that refuses before the rest.
    """
    return min(
        (
            main_error(error) if isinstance(error, BaseExceptionGroup) else error
            for error in group.exceptions
        ),
        key=_weight,
    )


def _weight(error: BaseException) -> int:
    if not isinstance(error, CollectorError):
        return 0
    return 1 if isinstance(error, StorageError) else 2
