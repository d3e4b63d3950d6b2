"""Read-only view of a run for the command line: in this process, or on a cluster."""

import asyncio
from pathlib import Path
from typing import Protocol

from collector.core.errors import ExitCode
from collector.pace.types import PaceView
from collector.plan import Plan
from collector.run.lost_lines import Announcer
from collector.run.result import End
from collector.settings import RunSettings
from collector.store.files import PartFiles
from collector.store.manifest import DatesRecord
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats

__all__ = ["RunView"]


class RunView(Protocol):
    """One attempt at a run. `execute` it once; see `collector.run.run.Run`.

    * `plan`, `settings`: what the run collects, and how.
    * `files`: the paths in the run directory.
    * `remarks`: what the user should know.
    * `announcer`: shows those of them that the user should see before anything is requested.
    * `has_begun`: set when the directory is this run's and has accepted its plan.
    * `events`: the log; `unwritten` has the events if the run never began.
    * `stats`: the counts so far.
    * `answers`, `failures`: the file of these, or the pattern of their names.
    * `pace`: the rate at this moment.
    * `dates_record`: what is known about the meaning of dates; None without dates.
    """

    plan: Plan
    settings: RunSettings
    files: PartFiles
    remarks: tuple[str, ...]
    announcer: Announcer
    has_begun: asyncio.Event
    events: EventLog

    @property
    def stats(self) -> RunStats: ...  # noqa: D102 - see the class
    @property
    def answers(self) -> Path: ...  # noqa: D102
    @property
    def failures(self) -> Path: ...  # noqa: D102
    @property
    def pace(self) -> PaceView: ...  # noqa: D102 - see the class
    @property
    def dates_record(self) -> DatesRecord | None: ...  # noqa: D102
    async def execute(self) -> End: ...  # noqa: D102
    def stop(self, exit_code: ExitCode, why: str | None = None) -> None: ...  # noqa: D102
    def stop_at_once(self) -> None: ...  # noqa: D102
