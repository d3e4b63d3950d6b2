"""Texts about the end of a run: what its exit code means, and the command that resumes it."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from collector.core.cell import CellState
from collector.core.errors import ExitCode
from collector.core.text import counted
from collector.settings import RunSettings
from collector.store.attempt_entry import describe_settings
from collector.store.coverage import Coverage
from collector.store.data_file import decompress_command
from collector.store.files import COMPANIES
from collector.store.identity import LOCAL
from collector.store.manifest import DatesRecord

__all__ = ["EXIT_TEXTS", "dates_text", "exit_text", "path_argument", "resume_command"]


_NOT_REPEATED: Final = frozenset(
    {
        *("from", "until", "last", "timezone", "window", "lookback", "since-last", "at-most"),
        *("id-column", "name-column"),
        *("output", "answers", "quiet", "verbose", "log-level", "config"),
        *("shard", "engine", "workers", "scheduler", "insecure-cluster", "ping-url"),
    }
)
"""Options that the plan and the directory replace, that concern only the display, or whose values
are repeated one by one; and those of shards: without them, one process requests everything that the
shards have left over."""


def resume_command(coverage: Coverage) -> str | None:
    """Return the shell command that resumes a run: it requests the failed and missing cells.

    None when every cell has an answer, another process holds the run, or the run is spoilt: the
    command would be refused.

    The command names the service, which must be the same, and the settings of the last invocation
    that differ from the defaults. It reads the companies from the list in the run directory, so
    that it works whatever happens to the original file. Another command before it decompresses
    files, if that is needed.
    """
    counts = coverage.counts()
    is_complete = not counts[CellState.FAILED] + counts[CellState.MISSING]
    if is_complete or coverage.held_by or coverage.is_spoilt:
        return None
    directory = coverage.directory
    arguments = ["collector", "run", path_argument(directory / COMPANIES)]
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
    arguments += ["--output", path_argument(directory)]
    command = shlex.join(arguments)
    if coverage.compressed:
        return f"{decompress_command(coverage.compressed)} && {command}"
    return command


def _option(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def path_argument(path: Path | str) -> str:
    """Return a path as a command argument; one that begins with a dash gets `./` before it."""
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


EXIT_TEXTS: Final[Mapping[int, str]] = {
    ExitCode.COMPLETE: "every cell has an answer",
    ExitCode.SOME_FAILED: "finished, but some cells failed",
    ExitCode.BAD_INPUT: "bad input, nothing was sent",
    ExitCode.CREDENTIALS: "credentials missing or rejected",
    ExitCode.STOPPED_EARLY: "stopped early",
    ExitCode.STORAGE: "the output cannot be written",
    ExitCode.LOCKED: "another run holds the directory",
    ExitCode.DATES: "the API does not honour the dates, or its answers cannot be attributed",
    ExitCode.IMPLAUSIBLE: (
        "implausible: too many cells failed or are empty, or all of the first requests failed alike"
    ),
    ExitCode.BUG: "a bug",
    ExitCode.SIGHUP: "interrupted by SIGHUP (usually because the terminal was closed)",
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
        return f"doubted: {'; '.join(dates.evidence)}; run the same command again to verify them"
    if dates.checked_at is None:
        return f"{dates.verdict}, not looked at"
    last_day = "sent as the day after it" if dates.until_exclusive else "sent unchanged"
    requests = counted(dates.requests, "request")
    return f"{dates.verdict}, last day {dates.until} and {last_day} ({requests})"
