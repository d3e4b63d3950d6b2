"""Errors that stop a run, as a tree; each has the exit code with which the command line ends.

* CollectorError
  + InputError          2   bad arguments, configuration or input file
  + CredentialsError    3   credentials missing or refused
  + OutageError         4   the service is out of reach; the run can be resumed
    + UnusableError         every answer of it is unusable, from the start
  + ShortageError       4   this machine can make no connection; likewise
  + ClusterError        4   the cluster is out of reach, or has no workers; likewise
  + StorageError        5   the output cannot be written
  + LockedError         6   another run holds the directory
  + AttributionError    7   answers cannot be attributed to requests
  + DatesError          7   answers do not cover the days that their lines state
    + IgnoredDatesError     the server does not honour the date range
  + ImplausibleError    8   all fail for one reason, or more fail or are empty than allowed

One cell that fails is not among them: that is a `collector.core.outcome.Failure`, a value. Nor is
`StoppedError`, which cancels pending requests when a signal or the deadline stops a run.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar, Final, Self

__all__ = [
    "NOT_STARTED",
    "AttributionError",
    "ClusterError",
    "CollectorError",
    "CredentialsError",
    "DatesError",
    "ExitCode",
    "IgnoredDatesError",
    "ImplausibleError",
    "InputError",
    "LockedError",
    "OutageError",
    "ShortageError",
    "StoppedError",
    "StorageError",
    "UnusableError",
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
    IMPLAUSIBLE = 8
    BUG = 70
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


NOT_STARTED: Final = frozenset({ExitCode.BAD_INPUT, ExitCode.LOCKED})
"""Exit codes of a run that never started: it sent and wrote nothing."""

_BY_SEVERITY: Final = (
    ExitCode.BUG,
    ExitCode.STORAGE,
    ExitCode.DATES,
    ExitCode.IMPLAUSIBLE,
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
    """Return the most severe of several exit codes of one run; None if one has not ended.

    An unknown code, of a newer collector, is more severe than the known ones.
    """
    ends = set(codes)
    if None in ends or not ends:
        return None
    unknown = ends.difference(_BY_SEVERITY)
    return next(iter(unknown), None) or next(code for code in _BY_SEVERITY if code in ends)


class CollectorError(Exception):
    """Stops the run. Its text says what is wrong, where, and what to do about it.

    `lines` are the lines of the text. What comes from outside is within one of them, whatever line
    breaks it has.
    """

    exit_code: ClassVar[ExitCode]

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the lines when another process is sent the error, as schedulers do."""
        return type(self), self.lines


class InputError(CollectorError):
    """Bad arguments, configuration or input file. Nothing was sent, nothing was written."""

    exit_code = ExitCode.BAD_INPUT


class CredentialsError(CollectorError):
    """No credentials were given, or the service refused them."""

    exit_code = ExitCode.CREDENTIALS


class OutageError(CollectorError):
    """The service is out of reach. What was collected so far is kept."""

    exit_code = ExitCode.STOPPED_EARLY


class UnusableError(OutageError):
    """The service, or the way to it, cannot be used as it is set up: waiting does not help.

    Its text ends with the option to look at.
    """


class ShortageError(CollectorError):
    """This machine can make no connection, for lack of file descriptors, memory or ports.

    What was collected so far is kept.
    """

    exit_code = ExitCode.STOPPED_EARLY


class ClusterError(CollectorError):
    """The cluster is out of reach, or has no workers. What was collected so far is kept.

    Its text ends with what to do about the cluster.
    """

    exit_code = ExitCode.STOPPED_EARLY


class StorageError(CollectorError):
    """The output cannot be written: disk full, no permission, a file in the way."""

    exit_code = ExitCode.STORAGE


class LockedError(CollectorError):
    """Another run holds the directory. Nothing was sent, nothing was written."""

    exit_code = ExitCode.LOCKED


class AttributionError(CollectorError):
    """The answers of the server cannot be attributed to requests. Nothing doubtful is kept."""

    exit_code = ExitCode.DATES

    @classmethod
    def of(cls, server: str = "the API") -> Self:
        """Return the error for a server whose answers are doubtful."""
        return cls(
            f"the answers of {server} cannot be attributed to requests: it sends more than was "
            "requested, even on connections with a single request; nothing doubtful was written; "
            "check what is between the collector and the API, such as a proxy or a load balancer"
        )


class DatesError(CollectorError):
    """New or existing answers would not cover the days that their lines state."""

    exit_code = ExitCode.DATES


class IgnoredDatesError(DatesError):
    """The server does not honour the date range as it is sent: its answers cover other days."""


class ImplausibleError(CollectorError):
    """Every request fails for one definitive reason, or more cells fail or are empty than allowed.

    What was collected so far is kept. Do not repeat the run unattended: the same would follow.
    """

    exit_code = ExitCode.IMPLAUSIBLE


class StoppedError(Exception):
    """The run is being stopped by a signal or the deadline: nothing more is sent.

    Its text, if there is one, says what the run was waiting for.

    It is raised in a task that is about to send; the cell stays missing, and nothing failed.
    """


def main_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error of a task group that best explains what stopped the run.

    A bug has priority over expected errors, a storage error over the other ones.
    """
    return min(
        (
            main_error(error) if isinstance(error, BaseExceptionGroup) else error
            for error in group.exceptions
        ),
        key=_priority,
    )


def _priority(error: BaseException) -> int:
    if not isinstance(error, CollectorError):
        return 0
    return 1 if isinstance(error, StorageError) else 2
