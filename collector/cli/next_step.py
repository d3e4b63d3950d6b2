"""The next step after a run, in one line: what its message has not said already."""

import shlex
import shutil
from typing import Final

from rich.filesize import decimal

from collector.cli.hints import path_argument
from collector.core.cell import CellState
from collector.core.errors import (
    ClusterError,
    CollectorError,
    CredentialsError,
    ExitCode,
    IgnoredDatesError,
    ImplausibleError,
    OutageError,
    StorageError,
)
from collector.core.text import clock_text
from collector.run.base import BaseRun
from collector.run.result import End
from collector.store.files import parts_in

__all__ = ["next_step"]


def next_step(run: BaseRun, end: End) -> str:
    """Return the next step; nothing when there is none or `end.error` states it already."""
    if end.exit_code is ExitCode.BUG:
        return f"report it, with the end of {run.files.log.name}; it holds no secrets"
    if _unanswered(run) == 0:
        return ""
    if end.cause is not None:
        return _after_error(end.cause, run)
    return _resume(run, end) if end.exit_code in _CAN_RESUME else ""


def _resume(run: BaseRun, end: End) -> str:
    left = run.stats.seconds_left()
    takes = f"about {clock_text(left)}" if left else ""
    if end.error is not None:  # the deadline: its text says how to resume
        return f"what is missing takes {takes} more at this rate" if takes else ""
    step = _RESUME
    if run.stats.cells[CellState.FAILED]:
        return f"{step}; {_command('status', str(run.files.directory))} shows which"
    return f"{step}; this takes {takes} at this rate" if takes else step


def _after_error(cause: type[CollectorError], run: BaseRun) -> str:
    """Return the next step after an error whose text says already that the run can be resumed."""
    source = run.plan.companies.source
    check = _command("check", "COMPANIES" if source == _NO_FILE else source)
    if issubclass(cause, OutageError):
        return f"{check} shows whether the service works now"
    if issubclass(cause, ClusterError):
        return _START_CLUSTER if run.settings.scheduler else _RESUME
    if issubclass(cause, ImplausibleError):
        return f"{check} shows what the API answers"
    if issubclass(cause, CredentialsError):
        return f"{check} shows whether the API accepts the credentials"
    if issubclass(cause, IgnoredDatesError):
        return f"{check} --write puts the dates that the API honours into collector.toml"
    return _space_needed(run) if issubclass(cause, StorageError) else ""


def _space_needed(run: BaseRun) -> str:
    """Return how much disk space the rest of the run needs; nothing if there is enough."""
    unanswered = _unanswered(run)
    answered = run.stats.planned - unanswered
    try:
        # A whole run may have kept answers in the files of shards, and the other way round.
        is_whole = run.settings.shard.is_whole
        parts = parts_in(run.files.directory) if is_whole else [run.files]
        size = sum(part.statistics.stat().st_size for part in parts if part.has_answers())
        free = shutil.disk_usage(run.files.directory).free
    except OSError:
        return ""
    needed = round(size / answered * unanswered) if answered else 0
    if needed <= free:
        return ""
    return (
        f"make room for about {decimal(needed)}; {decimal(free)} are free for {run.files.directory}"
    )


def _unanswered(run: BaseRun) -> int:
    return run.stats.missing + run.stats.cells[CellState.FAILED]


def _command(subcommand: str, path: str) -> str:
    return shlex.join(["collector", subcommand, path_argument(path)])


_RESUME: Final = "run the same command again: it requests what failed or is missing"
_START_CLUSTER: Final = (
    "check that the scheduler and its workers are up; then run the same command again to resume"
)

_NO_FILE: Final = "standard input"

_CAN_RESUME: Final = {
    ExitCode.SOME_FAILED,
    ExitCode.CREDENTIALS,
    ExitCode.STOPPED_EARLY,
    ExitCode.STORAGE,
    ExitCode.SIGHUP,
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
}
