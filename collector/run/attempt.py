"""The record of one attempt in the manifest: written at the start and the end of the attempt."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from collector.core.errors import CollectorError, ExitCode, InputError, StorageError
from collector.core.threads import in_thread
from collector.dates.guard import DOUBT, DatesGuard
from collector.dates.record import doubted, ignored
from collector.plan import Plan
from collector.settings import RunSettings
from collector.settings.prepare import window_size
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.chain import unrecorded
from collector.store.data_file import DecompressionError
from collector.store.digests import Digests, file_digests, recorded_name
from collector.store.earlier import drift_beside
from collector.store.earlier_attempts import EarlierManifests
from collector.store.files import COMPANIES, Listing
from collector.store.found_manifest import has_finished
from collector.store.identity import describe_service
from collector.store.manifest import DatesRecord, Manifest, describe_plan
from collector.store.recorded_plan import is_written
from collector.store.recovery import Recovered
from collector.store.run_directory import RunDirectory, RunFiles
from collector.telemetry.stats import RunStats

__all__ = ["AttemptRecord"]

_FINISHED: Final = frozenset({ExitCode.COMPLETE, ExitCode.SOME_FAILED, ExitCode.IMPLAUSIBLE})
"""Exit codes of attempts that may have settled every cell, and then have nothing left to do."""


class AttemptRecord:
    """Keeps the manifest of a run during one attempt. Threads write it.

    * `directory`: the locked run directory.
    * `recovered`: what earlier attempts have left.
    * `plan`: the cells of the whole run.
    * `settings`: those of this attempt.
    """

    def __init__(
        self, directory: RunDirectory, recovered: Recovered, plan: Plan, settings: RunSettings
    ) -> None:
        self._directory = directory
        self._plan = plan
        self._is_complete = recovered.is_complete
        self._is_recorded = False
        self._earlier = recovered.manifests or EarlierManifests(plan, describe_service(settings))
        self._checkpointer = recovered.checkpointer
        self._attempt = AttemptEntry(datetime.now(UTC), describe_settings(settings), recovered.kept)
        self._manifest = Manifest(
            plan=describe_plan(plan, window_size(settings, plan)),
            service=describe_service(settings),
            attempts=[*recovered.attempts, self._attempt.as_json()],
        )

    async def begin(self, dates: DatesRecord | None, remarks: Sequence[str]) -> RunFiles:
        """Record the start of the attempt, and open the files.

        If the run has finished, no cell is missing, and the directory has recorded all that this
        attempt would record of the run, then its files stay as they are but for the log.

        `dates` states what the dates mean, `remarks` what the user should know. Raises
        `StorageError`, and `InputError` if another shard has recorded another plan meanwhile.
        """
        self._manifest.dates = dates
        self._attempt.remarks = list(remarks)
        self._manifest.attempts[-1] = self._attempt.as_json()
        return await in_thread(self._begin)

    def _begin(self) -> RunFiles:
        self._is_recorded = self._is_complete and self._find_recorded()
        if self._is_recorded:
            return self._directory.open_files()
        plan, manifest = self._plan, self._manifest
        check = partial(self._earlier.check, self._directory.files)
        return self._directory.begin(plan.companies, manifest, check, plan.first_days())

    def _find_recorded(self) -> bool:
        """Tell whether the files have all that this attempt would record of a run that is complete.

        What has been edited, cannot be read, or is of another name is recorded anew.
        """
        files, now, plan = self._directory.files, self._manifest, self._plan
        try:
            last = Manifest.read(files.manifest) if has_finished(files) else None
            return (
                last is not None
                and last.attempts[-1]["exit_code"] == ExitCode.COMPLETE
                and (last.plan, last.service, last.dates) == (now.plan, now.service, now.dates)
                and last.digests is not None
                and last.digests.directory == recorded_name(files.directory)
                and is_written(files.directory / COMPANIES, plan.companies, plan.first_days())
            )
        except (InputError, OSError, ValueError):
            return False

    def remark(self, text: str) -> None:
        """Add what the user should know."""
        self._attempt.remarks = [*self._attempt.remarks, text]

    def dates_found(self, dates: DatesGuard) -> str | None:
        """Record what the answers of this attempt have shown of the dates; return the remark."""
        before, now = self._manifest.dates, datetime.now(UTC)
        if dates.ignored is not None:
            self._manifest.dates = ignored(before, dates.ignored, now)
        elif dates.is_doubtful:
            if before is not None:
                # So that the next attempt verifies the dates.
                self._manifest.dates = doubted(before, DOUBT, now)
            return f"{DOUBT}; run the same command again to verify them"
        return None

    def compare_names(self, stats: RunStats) -> None:
        """Compare the names in the answers of the run with those of earlier runs. Blocks.

        Those that earlier attempts have recorded count as well.
        """
        stats.drift = drift_beside(
            self._directory.files.directory,
            [self._manifest],
            [stats.names.record()],
            is_whole=stats.is_known and not stats.missing,
        )

    async def end(
        self, exit_code: ExitCode, error: str | None, stats: RunStats, limit_found: float | None
    ) -> None:
        """Record how the attempt ended, and the digests of the files if the run has finished.

        `limit_found` is the server's limit, in requests per second. Raises `StorageError`, unless
        the attempt itself ended with one: the first error says more. What is recorded already is
        not recorded again; of an attempt that had nothing to do and was interrupted, the log tells.
        """
        self._attempt.ended(datetime.now(UTC), exit_code, error, stats, limit_found=limit_found)
        is_finished = exit_code in _FINISHED and not stats.missing
        is_kept = self._is_recorded and not (is_finished and exit_code is not ExitCode.COMPLETE)
        try:
            await in_thread(self._write_end, exit_code, is_finished=is_finished, is_kept=is_kept)
        except StorageError:
            if exit_code is not ExitCode.STORAGE:
                raise

    def _write_end(self, exit_code: ExitCode, *, is_finished: bool, is_kept: bool) -> None:
        if self._checkpointer is not None and exit_code is not ExitCode.STORAGE:
            remark = self._checkpointer.finish()
            if remark is not None:
                self.remark(remark)
        if is_kept:
            return
        if is_finished:
            # At the end, from the disk: it holds what earlier attempts wrote too.
            self._manifest.digests = self._digests()
        self._manifest.attempts[-1] = self._attempt.as_json()
        self._directory.write_manifest(self._manifest)

    def _digests(self) -> Digests | None:
        files = self._directory.files
        try:
            name = recorded_name(files.directory)
            listing = Listing.of(files.directory)
            of_files, previous = file_digests(files, listing), unrecorded(files, listing)
            return Digests(files=of_files, previous=previous, directory=name)
        except (CollectorError, DecompressionError, OSError) as error:
            self.remark(f"the digests of the files were not recorded: {error}")
            return None
