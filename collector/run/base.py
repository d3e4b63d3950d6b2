"""One attempt at a run: what one in this process and one on a cluster have in common."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from collector.core.cell import Cell
from collector.core.errors import CollectorError, ExitCode
from collector.dates.guard import DatesGuard
from collector.http.credentials import Credentials
from collector.http.network import Network
from collector.http.token import TokenProvider
from collector.pace import PaceView, Share
from collector.plan import Plan
from collector.run.lost_lines import Announcer
from collector.run.result import End, end_by
from collector.run.session import Session
from collector.run.shutdown import Shutdown
from collector.settings import RunSettings
from collector.store.files import PartFiles
from collector.store.manifest import DatesRecord
from collector.store.recovery import Recovered
from collector.telemetry.stats import RunStats

__all__ = ["BaseRun"]


class BaseRun(ABC):
    """One attempt at a run. `execute` it once; the command line shows it meanwhile.

    * `plan`, `settings`: what the run collects, and how.
    * `files`: the paths in the run directory.
    * `answers`, `failures`: the file of these, or the pattern of their names.
    * `remarks`: what the user should know.
    * `announcer`: shows those of them that the user should see before anything is requested.
    * `has_begun`: set when the directory is this run's and has accepted its plan.
    * `events`: the log; `unwritten` has the events if the run never began.
    * `stats`: the counts so far.
    """

    _shutdown: Shutdown

    def __init__(  # noqa: PLR0913 - see `Session` for the last five
        self,
        plan: Plan,
        settings: RunSettings,
        files: PartFiles,
        *,
        stats: RunStats,
        credentials: Credentials | TokenProvider,
        network: Network,
        share: Share,
        dates: DatesRecord | None = None,
    ) -> None:
        self.plan, self.settings, self.files = plan, settings, files
        self.answers, self.failures = files.statistics, files.errors
        self.stats = stats
        self.remarks: tuple[str, ...] = ()
        self.announcer = Announcer()
        self.has_begun = asyncio.Event()
        self._session = Session(
            settings,
            credentials,
            share=share,
            network=network,
            companies=len(plan.companies),
            stats=stats,
            concurrency=settings.concurrency,
            patience=settings.patience,
            first_patience=settings.first_patience,
            log_level=settings.least_level,
        )
        self.events, self._log = self._session.events, self._session.log
        self._dates = DatesGuard(plan, settings, self._log, dates)

    @property
    @abstractmethod
    def pace(self) -> PaceView:
        """The rate at this moment."""

    @property
    def dates_record(self) -> DatesRecord | None:
        """What is known about the meaning of dates; None without dates."""
        return self._dates.record

    @abstractmethod
    async def execute(self) -> End:
        """Collect every missing cell, and return how it ended. Expected errors become its end."""

    def stop(self, exit_code: ExitCode, why: str | None = None) -> None:
        """End the run early, as a signal does; collected lines are kept.

        Nothing more is sent. Requests in flight have five seconds to come back, and are settled.
        After the last cell there is nothing to stop, unless the last answers repeat and the dates
        are being verified again.
        """
        self._shutdown.stop(End(exit_code, why))

    def stop_at_once(self) -> None:
        """After `stop`: abandon the requests in flight. Lines in progress are still finished."""
        self._shutdown.stop_at_once()

    def _is_stopped(self) -> bool:
        return self._shutdown.is_stopped

    def _end_with(self, error: CollectorError) -> None:
        self._shutdown.stop(end_by(error, self._session.redact))

    def _found(self, past: Recovered) -> None:
        """Take the answers of earlier attempts."""
        self.stats.found(past.kept, past.empty_companies)
        if past.has_lines:
            # The API has answered this run before: what fails now may be cells that are broken.
            self._session.gate.silence.answered()

    async def _establish(
        self, past: Recovered, another: Callable[[], Cell | None] = lambda: None
    ) -> None:
        """Verify the dates, if that is needed; `another` is as in `Session.client`."""
        verifier = self._session.verifier(self._dates.query, another)
        directory = self.files.directory
        self.remarks += tuple(await self._dates.establish(verifier, past, directory))
