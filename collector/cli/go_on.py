"""The command line that goes on with a run, made from what its manifest says."""

import shlex
from pathlib import Path
from typing import Final

from collector.cells import CellState
from collector.settings import RunSettings
from collector.store.coverage import Coverage
from collector.store.files import COMPANIES
from collector.store.manifest import LOCAL, describe_settings

__all__ = ["command_to_go_on"]

_NOT_REPEATED: Final = frozenset(
    {
        *("from", "until", "last", "timezone", "window", "lookback", "output", "quiet"),
        *("log-level", "shard", "engine", "workers", "scheduler", "insecure-cluster"),
    }
)
"""Options that the plan and the directory take the place of, or that are about showing only. And
without a shard, one process asks for all that the shards have left over."""


def command_to_go_on(coverage: Coverage) -> str | None:
    """Return the command that asks for what failed or is missing, ready for a shell.

    None when every cell has an answer, somebody is at work on it, or the run is spoilt: then the
    command would be refused.

    It names the service, which must be the same, and what else the last attempt set otherwise than
    the defaults. Its companies are the list in the run directory, so that it works whatever became
    of the original file.
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
        # Said, for there may be other days in collector.toml by now.
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


def _path(path: Path) -> str:
    # A name that begins with a dash would be taken for an option.
    text = str(path)
    return f"./{text}" if text.startswith("-") else text
