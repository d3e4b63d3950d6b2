"""Runs that are there already, to be read side by side: of one service, each of them once."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from collector.errors import InputError
from collector.store.lock import held_by
from collector.store.manifest import Manifest
from collector.store.recorded_plan import Recorded, recorded_plan, service_differences
from collector.store.run_directory import COMPANIES, LOCK, MANIFEST, STATISTICS

__all__ = ["RecordedRun", "each_once", "find_run", "find_runs", "oldest_first", "was_begun"]


class RecordedRun(NamedTuple):
    """A run directory and what its manifest says; `held_by` says who works on it right now.

    `identity` is the same for one directory under two names.
    """

    directory: Path
    manifest: Manifest
    held_by: str | None
    identity: tuple[int, int]

    def plan(self) -> Recorded:
        """Put its plan together again. Raises `InputError` when that cannot be read."""
        try:
            return recorded_plan(self.manifest.plan, self.directory / COMPANIES)
        except ValueError as error:
            raise _damaged(self.directory, error) from error


def was_begun(directory: Path) -> bool:
    """Tell whether there is more in a directory than the lock of a run that began nothing.

    A run that is killed before its first cell leaves that.
    """
    if not (directory / LOCK).exists():
        return True
    return any((directory / name).exists() for name in (MANIFEST, STATISTICS))


def find_run(directory: Path) -> RecordedRun:
    """Read what run is in a directory; changes nothing, and the run may be at work.

    Raises `InputError` when there is none, or its manifest cannot be read.
    """
    try:
        manifest = Manifest.read(directory / MANIFEST)
        if manifest is None:
            raise InputError(
                f"{directory}: there is no {MANIFEST} in it; give the directory of a run, such as "
                "output/2026-11-23"
            )
        status = directory.stat()
        identity = status.st_dev, status.st_ino
        return RecordedRun(directory, manifest, held_by(directory / LOCK), identity)
    except NotADirectoryError as error:
        raise InputError(f"{directory}: is not the directory of a run; leave it out") from error
    except OSError as error:
        raise InputError(
            f"{error.filename or directory}: cannot be read: {error.strerror}"
        ) from error
    except ValueError as error:
        raise _damaged(directory, error) from error


def find_runs(directories: Iterable[Path]) -> list[RecordedRun]:
    """Read what runs are in directories whose answers are to be laid side by side.

    Raises `InputError` as `find_run` does, when the runs are of different services, or when the
    answers of one are of other days than its lines say.
    """
    runs: list[RecordedRun] = []
    for directory in directories:
        run = find_run(directory)
        _refuse_other_days(run)
        runs.append(run)
        _refuse_other_service(runs[0], run)
    return runs


def each_once(runs: Iterable[RecordedRun]) -> list[RecordedRun]:
    """Return runs without repetitions; one that comes again, under whatever name, counts there."""
    distinct: dict[tuple[int, int], RecordedRun] = {}
    for run in runs:
        distinct.pop(run.identity, None)
        distinct[run.identity] = run
    return list(distinct.values())


def oldest_first(runs: Iterable[RecordedRun]) -> list[RecordedRun]:
    """Return runs ordered by when their last attempt began; those of one moment stay so."""
    return sorted(runs, key=_began_at)


def _began_at(run: RecordedRun) -> str:
    # Moments of one form are ordered as texts.
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


def _damaged(directory: Path, error: ValueError) -> InputError:
    return InputError(
        f"{directory / MANIFEST}: is damaged ({error}); the collector run that made it repairs "
        "it when it is started again with its --output"
    )
