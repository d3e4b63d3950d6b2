"""Existing runs, for commands that read one of them or compare several."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.store.data_file import stored_as
from collector.store.files import COMPANIES, Listing, PartFiles, parts_in, stored_twice_of
from collector.store.identity import service_differences
from collector.store.lost import PartRecord, lost_files, lost_lines_of, was_begun
from collector.store.manifest import Manifest
from collector.store.merged_manifest import merge_manifests
from collector.store.recorded_plan import Recorded, recorded_plan, recorded_windows
from collector.store.shard_lock import holder_of

__all__ = [
    "BegunRuns",
    "RecordedRun",
    "begun_directories",
    "begun_runs",
    "each_once",
    "find_run",
    "find_runs",
    "oldest_first",
]


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run directory and its manifest; `held_by` names the process that works on it now.

    `parts` are the parts that have files, one if the run has no shards; the manifest is merged from
    all of them. `identity` is equal for two names of one directory. `records` tell for each part
    how many cells had an answer.
    """

    directory: Path
    manifest: Manifest
    held_by: str | None
    identity: tuple[int, int]
    parts: tuple[PartFiles, ...]
    records: tuple[PartRecord, ...]

    def statistics(self) -> list[Path]:
        """Return the paths of the files of results, one for each part; some may not exist.

        This and the next two return the names that the files have, compressed ones included.
        """
        return [stored_as(files.statistics) for files in self.parts]

    def errors(self) -> Iterator[Path]:
        """Yield the paths of all files of errors, for each part those of earlier attempts first."""
        for errors in Listing.of(self.directory).errors_of(self.parts).values():
            yield from map(stored_as, errors)

    def logs(self) -> list[Path]:
        """Return the paths of all logs; some may not exist."""
        return [stored_as(files.log) for files in self.parts]

    def compressed(self) -> list[Path]:
        """Return the files that must be decompressed before the run can be resumed."""
        return [path for files in self.parts for path in files.compressed()]

    def stored_twice(self) -> list[str]:
        """Return warnings about files of which there is another form, which is not read."""
        return stored_twice_of(Listing.of(self.directory), self.parts)

    def is_spoilt(self) -> bool:
        """Tell whether there are lines that cover other days than they state. Raises `OSError`."""
        dates = self.manifest.dates
        is_ignored = dates is not None and dates.is_ignored
        return is_ignored and any(files.has_answers() for files in self.parts)

    def lost(self, lines: Sequence[int], doubled: int = 0) -> list[str]:
        """Return warnings that lines were removed; `lines` counts those of each part.

        `doubled` of all these are of a cell that has another line, and replace no line of others.
        Blocks, for it may read logs.
        """
        in_progress = self.held_by is not None
        return lost_lines_of(
            self.directory, self.records, lines, doubled, is_in_progress=in_progress
        )

    def plan(self) -> Recorded:
        """Rebuild the plan. Raises `InputError` when it cannot be read."""
        try:
            return recorded_plan(self.manifest.plan, self.directory / COMPANIES)
        except ValueError as error:
            raise _damaged(PartFiles(self.directory).manifest, error) from error

    def windows(self) -> tuple[Window, ...]:
        """Return the windows of the plan. Raises `InputError` if they cannot be read."""
        try:
            windows, _ = recorded_windows(self.manifest.plan)
        except ValueError as error:
            raise _damaged(PartFiles(self.directory).manifest, error) from error
        return windows


_LOST_AND_FOUND: Final = "lost+found"


def _is_no_run(directory: Path) -> bool:
    """Tell whether something of that name is no run: a file, or what a file system keeps itself.

    A directory without any file of a run may be one that has lost them.
    """
    try:
        if directory.is_dir():
            return directory.name == _LOST_AND_FOUND
        return directory.exists()
    except OSError:
        # What reads the run says why.
        return False


def find_run(directory: Path) -> RecordedRun:
    """Read the run in a directory. Changes nothing; the run may be in progress.

    Raises `InputError` when there is none, or its manifest cannot be read.
    """
    try:
        if not directory.exists():
            raise InputError(
                f"{directory}: there is no such directory; give the directory of a run, such as "
                "output/2026-11-23"
            )
        parts = tuple(files for files in parts_in(directory) if files.exist())
        manifests = {files.shard: _manifest(files) for files in parts}
        known = {shard: manifest for shard, manifest in manifests.items() if manifest is not None}
        if not known:
            raise InputError(
                lost_files(directory)
                or f"{directory}: there is no {PartFiles(directory).manifest.name} in it; give the "
                "directory of a run, such as output/2026-11-23"
            )
        status = directory.stat()
        identity = status.st_dev, status.st_ino
        manifest = merge_manifests(known)
        held_by = holder_of(directory)
        records = tuple(PartRecord.of(files, manifests[files.shard]) for files in parts)
        return RecordedRun(directory, manifest, held_by, identity, parts, records)
    except NotADirectoryError as error:
        raise InputError(f"{directory}: is not the directory of a run; leave it out") from error
    except OSError as error:
        raise InputError(
            f"{error.filename or directory}: cannot be read: {error.strerror}"
        ) from error


def _manifest(files: PartFiles) -> Manifest | None:
    try:
        return Manifest.read(files.manifest)
    except ValueError as error:
        raise _damaged(files.manifest, error) from error


def find_runs(directories: Iterable[Path]) -> list[RecordedRun]:
    """Read the runs in directories whose answers are to be compared or joined.

    Raises `InputError` as `find_run`, and when the runs are of different services, or the lines of
    one cover other days than they state.
    """
    runs: list[RecordedRun] = []
    for directory in directories:
        run = find_run(directory)
        _refuse_other_days(run)
        runs.append(run)
        _refuse_other_service(runs[0], run)
    return runs


class BegunRuns(NamedTuple):
    """Runs that have begun; `are_some_lost` says that others were left out: files are gone."""

    runs: list[RecordedRun]
    are_some_lost: bool


def begun_runs(directories: Sequence[Path], remark: Callable[[str], object]) -> BegunRuns:
    """Return the runs that have begun in directories, each once, the oldest first.

    A run that has lost its manifests and results is left out with a `remark`, and a file that is
    there in two forms is remarked. Raises `InputError` as `begun_directories` and `find_runs` do,
    and if all runs are lost.
    """
    begun = begun_directories(directories, remark)
    lost = {directory: text for directory in begun if (text := _lost(directory)) is not None}
    kept = [directory for directory in begun if directory not in lost]
    # Without another run, what reads it raises the error.
    found = oldest_first(each_once(find_runs(kept or begun)))
    for text in lost.values():
        remark(f"{text}; left out")
    for run in found:
        for twice in run.stored_twice():
            remark(twice)
    return BegunRuns(found, bool(lost))


def _lost(directory: Path) -> str | None:
    try:
        return lost_files(directory)
    except OSError:
        # What reads the run says why.
        return None


def begun_directories(directories: Sequence[Path], remark: Callable[[str], object]) -> list[Path]:
    """Return those of the directories in which a run has begun, and what does not exist.

    What is no run, such as a file beside the runs, and a run that was killed before its first cell
    are left out with a `remark`, so that the others are still read. Raises `InputError` if no run
    is left: an empty result must not replace an earlier one.
    """
    others = dict.fromkeys(filter(_is_no_run, directories))
    if others.keys() >= set(directories):
        find_runs(directories)
    for directory in others:
        remark(f"{directory}: is not the directory of a run; left out")
    begun: list[Path] = []
    for directory in (each for each in directories if each not in others):
        if was_begun(directory):
            begun.append(directory)
        else:
            remark(f"{directory}: a run was killed before its first cell; left out")
    if not begun:
        raise InputError("no run has begun in these directories; give others")
    return begun


def each_once(runs: Iterable[RecordedRun]) -> list[RecordedRun]:
    """Return runs without duplicates; of those of one directory the last one counts."""
    distinct: dict[tuple[int, int], RecordedRun] = {}
    for run in runs:
        distinct.pop(run.identity, None)
        distinct[run.identity] = run
    return list(distinct.values())


def oldest_first(runs: Iterable[RecordedRun]) -> list[RecordedRun]:
    """Return runs ordered by the start of their last attempt; the sort is stable."""
    return sorted(runs, key=_began_at)


def _began_at(run: RecordedRun) -> str:
    # Timestamps of one format are ordered as texts.
    attempts = run.manifest.attempts
    return str(attempts[-1]["started_at"]) if attempts else ""


def _refuse_other_days(run: RecordedRun) -> None:
    dates = run.manifest.dates
    if dates and dates.is_ignored:
        raise InputError(
            f"{run.directory}: its answers are of other days than its lines say, for the server "
            "ignored the dates; leave this run out"
        )


def _refuse_other_service(first: RecordedRun, run: RecordedRun) -> None:
    if differences := service_differences(first.manifest.service, run.manifest.service):
        raise InputError(
            f"{first.directory} and {run.directory}: their answers are of different services: "
            f"{'; '.join(differences)}; give runs of one service"
        )


def _damaged(path: Path, error: ValueError) -> InputError:
    return InputError(
        f"{path}: is damaged ({error}); the collector run that made it repairs "
        "it when it is started again with its --output"
    )
