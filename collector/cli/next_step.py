"""What to do next after a run, in one line: what its message has not said already."""

import shlex
import shutil
from datetime import timedelta
from typing import Final

from rich.filesize import decimal

from collector.cells import CellState
from collector.end import End
from collector.errors import (
    ClusterError,
    CollectorError,
    CredentialsError,
    ExitCode,
    IgnoredDatesError,
    OutageError,
    StorageError,
)
from collector.job import Job
from collector.store.files import parts_in

__all__ = ["next_step"]


def next_step(job: Job, end: End) -> str:
    """Return what to do next, or nothing when there is nothing to do or `end.error` says it all."""
    if end.exit_code is ExitCode.BUG:
        return f"report it, with the end of {job.files.log.name}; it holds no secrets"
    if _unanswered(job) == 0:
        return ""
    if end.cause is not None:
        return _after(end.cause, job)
    return _go_on(job, end) if end.exit_code in _CAN_GO_ON else ""


def _go_on(job: Job, end: End) -> str:
    left = job.tally.seconds_left()
    takes = f"about {timedelta(seconds=round(left))}" if left else ""
    if end.error is not None:  # the deadline: it says how to go on
        return f"what is missing takes {takes} more at this rate" if takes else ""
    step = _GO_ON
    if job.tally.cells[CellState.FAILED]:
        return f"{step}; {_command('status', str(job.files.directory))} shows which"
    return f"{step}, {takes} at this rate" if takes else step


def _after(cause: type[CollectorError], job: Job) -> str:
    """Return what helps against an error whose text says already that the run can be continued."""
    source = job.plan.companies.source
    check = _command("check", "COMPANIES" if source == _NO_FILE else source)
    if issubclass(cause, OutageError):
        return f"{check} tells whether the service is back"
    if issubclass(cause, ClusterError):
        return _START_CLUSTER if job.settings.scheduler else _GO_ON
    if issubclass(cause, CredentialsError):
        return f"{check} tells whether the credentials are taken"
    if issubclass(cause, IgnoredDatesError):
        return f"{check} --write puts the dates that the API honours into collector.toml"
    return _room(job) if issubclass(cause, StorageError) else ""


def _room(job: Job) -> str:
    """Say how much room is needed, if it is that which is lacking."""
    unanswered = _unanswered(job)
    answered = job.tally.planned - unanswered
    try:
        # What a run has kept may be in files of shards, and the other way round.
        is_whole = job.settings.shard.is_whole
        parts = parts_in(job.files.directory) if is_whole else [job.files]
        size = sum(part.statistics.stat().st_size for part in parts if part.has_answers())
        free = shutil.disk_usage(job.files.directory).free
    except OSError:
        return ""
    needed = round(size / answered * unanswered) if answered else 0
    if needed <= free:
        return ""
    return (
        f"make room for about {decimal(needed)}; {decimal(free)} are free for {job.files.directory}"
    )


def _unanswered(job: Job) -> int:
    return job.tally.missing + job.tally.cells[CellState.FAILED]


def _command(subcommand: str, path: str) -> str:
    # A name that begins with a dash would be taken for an option.
    return shlex.join(["collector", subcommand, f"./{path}" if path.startswith("-") else path])


_GO_ON: Final = "the same command again asks for what failed or is missing"
_START_CLUSTER: Final = (
    "see that the scheduler and its workers are up; the same command again asks for what is missing"
)

_NO_FILE: Final = "standard input"

_CAN_GO_ON: Final = {
    ExitCode.SOME_FAILED,
    ExitCode.CREDENTIALS,
    ExitCode.STOPPED_EARLY,
    ExitCode.STORAGE,
    ExitCode.SIGHUP,
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
}
