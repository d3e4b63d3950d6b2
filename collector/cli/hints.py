"""Texts for the end of a run: what its exit code means, the next step, how to resume."""

import shlex
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.filesize import decimal

from collector.core.cell import CellState
from collector.core.errors import (
    ClusterError,
    CollectorError,
    CredentialsError,
    ExitCode,
    IgnoredDatesError,
    OutageError,
    StorageError,
)
from collector.run.result import End
from collector.run.view import RunView
from collector.settings import RunSettings
from collector.store.attempt_entry import describe_settings
from collector.store.coverage import Coverage
from collector.store.files import COMPANIES, parts_in
from collector.store.identity import LOCAL
from collector.store.manifest import DatesRecord

__all__ = ["EXIT_TEXTS", "dates_text", "exit_text", "next_step", "resume_command"]


def next_step(run: RunView, end: End) -> str:
    """Return the next step; nothing when there is none or `end.error` states it already."""
    if end.exit_code is ExitCode.BUG:
        return f"report it, with the end of {run.files.log.name}; it holds no secrets"
    if _unanswered(run) == 0:
        return ""
    if end.cause is not None:
        return _after_error(end.cause, run)
    return _resume(run, end) if end.exit_code in _CAN_RESUME else ""


def _resume(run: RunView, end: End) -> str:
    left = run.stats.seconds_left()
    takes = f"about {timedelta(seconds=round(left))}" if left else ""
    if end.error is not None:  # the deadline: its text says how to resume
        return f"what is missing takes {takes} more at this rate" if takes else ""
    step = _RESUME
    if run.stats.cells[CellState.FAILED]:
        return f"{step}; {_command('status', str(run.files.directory))} shows which"
    return f"{step}, {takes} at this rate" if takes else step


def _after_error(cause: type[CollectorError], run: RunView) -> str:
    """Return the next step after an error whose text says already that the run can be resumed."""
    source = run.plan.companies.source
    check = _command("check", "COMPANIES" if source == _NO_FILE else source)
    if issubclass(cause, OutageError):
        return f"{check} tells whether the service is back"
    if issubclass(cause, ClusterError):
        return _START_CLUSTER if run.settings.scheduler else _RESUME
    if issubclass(cause, CredentialsError):
        return f"{check} tells whether the credentials are taken"
    if issubclass(cause, IgnoredDatesError):
        return f"{check} --write puts the dates that the API honours into collector.toml"
    return _space_needed(run) if issubclass(cause, StorageError) else ""


def _space_needed(run: RunView) -> str:
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


def _unanswered(run: RunView) -> int:
    return run.stats.missing + run.stats.cells[CellState.FAILED]


def _command(subcommand: str, path: str) -> str:
    return shlex.join(["collector", subcommand, _path(path)])


_RESUME: Final = "the same command again asks for what failed or is missing"
_START_CLUSTER: Final = (
    "see that the scheduler and its workers are up; the same command again asks for what is missing"
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


_NOT_REPEATED: Final = frozenset(
    {
        *("from", "until", "last", "timezone", "window", "lookback", "output", "quiet"),
        *("log-level", "shard", "engine", "workers", "scheduler", "insecure-cluster"),
    }
)
"""Options that the plan and the directory replace, or that concern only the display; and those of
shards: without them, one process requests everything that the shards have left over."""


def resume_command(coverage: Coverage) -> str | None:
    """Return the shell command that resumes a run: it requests the failed and missing cells.

    None when every cell has an answer, another process holds the run, or the run is spoilt: the
    command would be refused.

    The command names the service, which must be the same, and the settings of the last invocation
    that differ from the defaults. It reads the companies from the list in the run directory, so
    that it works whatever happens to the original file.
    """
    counts = coverage.counts()
    is_complete = not counts[CellState.FAILED] + counts[CellState.MISSING]
    if is_complete or coverage.held_by or coverage.is_spoilt:
        return None
    directory = coverage.directory
    arguments = ["collector", "run", _path(directory / COMPANIES)]
    first, last = coverage.plan.windows[0], coverage.plan.windows[-1]
    if first.from_date is not None:
        arguments += ["--from", str(first.from_date), "--until", str(last.until_date)]
    else:
        # Explicit, because collector.toml may set other days by now.
        arguments += ["--last", "none", "--lookback", "none"]
    arguments += ["--window", str(coverage.manifest.plan.window)]
    options = {
        name: value
        for name, value in coverage.manifest.service.items()
        if not value.startswith(LOCAL)
    }
    if coverage.manifest.attempts:
        defaults = describe_settings(RunSettings())
        settings = coverage.manifest.attempts[-1]["settings"]
        options |= {
            name: _option(value)
            for name, value in settings.items()
            if name in defaults and name not in _NOT_REPEATED and value != defaults[name]
        }
    arguments += [f"--{name}={value}" for name, value in options.items()]
    arguments += ["--output", _path(directory)]
    return shlex.join(arguments)


def _option(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def _path(path: Path | str) -> str:
    # A name that begins with a dash would be read as an option.
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


EXIT_TEXTS: Final[Mapping[int, str]] = {
    ExitCode.COMPLETE: "every cell has an answer",
    ExitCode.SOME_FAILED: "finished, but some cells failed",
    ExitCode.BAD_INPUT: "bad input, nothing was sent",
    ExitCode.CREDENTIALS: "credentials missing or refused",
    ExitCode.STOPPED_EARLY: "stopped early",
    ExitCode.STORAGE: "the output cannot be written",
    ExitCode.LOCKED: "another run holds the directory",
    ExitCode.DATES: "dates are not honoured, or have come to mean something else",
    ExitCode.BUG: "a bug",
    ExitCode.SIGHUP: "interrupted by SIGHUP, for the terminal was closed",
    ExitCode.SIGINT: "interrupted by SIGINT",
    ExitCode.SIGTERM: "interrupted by SIGTERM",
}


def exit_text(code: int, error: str | None = None, *, shards: str = "") -> str:
    """Return `error`, or else the meaning of an exit code; nothing for an unknown code.

    `shards` names the part that ended, such as `shard 0/2`; it is empty for the whole run.
    """
    if shards and code == ExitCode.COMPLETE:
        return f"every cell of {shards} has an answer"
    text = error or EXIT_TEXTS.get(code, "")
    return f"{text} ({shards})" if shards else text


def dates_text(dates: DatesRecord) -> str:
    """Return the verdict on the dates of a run: `honoured, last day included ... (4 requests)`."""
    if dates.is_doubted:
        return f"doubted: {'; '.join(dates.evidence)}; the same command again finds out"
    if dates.checked_at is None:
        return f"{dates.verdict}, not looked at"
    last_day = "sent as the day after it" if dates.until_exclusive else "sent as it is"
    return f"{dates.verdict}, last day {dates.until} and {last_day} ({dates.requests} requests)"
