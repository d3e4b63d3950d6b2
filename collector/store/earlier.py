"""The names in the answers of earlier runs: those in the directories beside a run directory."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from heapq import nlargest
from itertools import islice
from pathlib import Path
from typing import Final

from collector.core.errors import ExitCode, InputError
from collector.store.files import COMPANIES, parts_in
from collector.store.identity import service_differences
from collector.store.manifest import Manifest, names_recorded
from collector.telemetry.names import AnswerNames, Drift, NamesRecord, drift_of

__all__ = ["drift_beside", "recorded_drift"]

_MOST_RUNS: Final = 10
"""Earlier runs that a run is compared with."""

_MOST_DIRECTORIES: Final = 30
"""Directories that are opened to find these runs."""

_MOST_ENTRIES: Final = 10_000
"""Entries beside a run directory that are looked at."""

_MOST_SHARDS: Final = 20
"""Manifests of a run that are read. A thousand shards may each do this at the same time, and some
of the answers have the names of all."""

_FINISHED: Final = frozenset({ExitCode.COMPLETE, ExitCode.SOME_FAILED})


def drift_beside(
    directory: Path,
    manifests: Sequence[Manifest],
    unrecorded: Iterable[NamesRecord] = (),
    *,
    is_whole: bool,
) -> Drift | None:
    """Compare the names in the answers of a run with those of earlier runs beside it. Blocks.

    `manifests` are those of the run, `unrecorded` are names that they do not have yet. `is_whole`
    says that no cell is missing. The earlier runs are the 10 newest of the same service that began
    before this one and have finished. What cannot be read is left out: the commands that read runs
    report it.
    """
    attempts = [entry for manifest in manifests for entry in manifest.attempts]
    names = AnswerNames([*names_recorded(attempts), *unrecorded])
    if not names.answers:
        return None
    began_at = min(entry["started_at"] for entry in attempts)
    earlier: list[AnswerNames] = []
    for other in _beside(directory):
        with suppress(OSError, InputError, ValueError):
            found = _names_of(_manifests(other, _MOST_SHARDS), manifests[0].service, began_at)
            earlier += [] if found is None else [found]
        if len(earlier) == _MOST_RUNS:
            break
    return drift_of(names, earlier, is_whole=is_whole)


def recorded_drift(directory: Path, *, is_whole: bool) -> Drift | None:
    """Do the same for a run whose names are all recorded; None if they cannot be read."""
    with suppress(OSError, InputError, ValueError):
        return drift_beside(directory, _manifests(directory), is_whole=is_whole)
    return None


def _manifests(directory: Path, most: int | None = None) -> list[Manifest]:
    """Return the manifests of all parts in a directory, or of the first `most`."""
    if not (directory / COMPANIES).exists():
        # What is no run is not listed: it may have any number of files.
        return []
    manifests = (Manifest.read(files.manifest) for files in parts_in(directory))
    return list(islice(filter(None, manifests), most))


def _beside(directory: Path) -> list[Path]:
    """Return the directories beside one, and itself, the last one to be changed first."""
    found: list[tuple[float, str]] = []
    with suppress(OSError), os.scandir(directory.absolute().parent) as entries:
        for entry in islice(entries, _MOST_ENTRIES):
            with suppress(OSError):
                if entry.is_dir():
                    found += [(entry.stat().st_mtime, entry.path)]
    return [Path(path) for _, path in nlargest(_MOST_DIRECTORIES, found)]


def _names_of(
    manifests: list[Manifest], service: Mapping[str, str], began_at: str
) -> AnswerNames | None:
    """Return the names of a run; None if it is not to be compared with."""
    attempts = [entry for manifest in manifests for entry in manifest.attempts]
    lasts = [manifest.attempts[-1]["exit_code"] for manifest in manifests if manifest.attempts]
    records = names_recorded(attempts)
    is_finished = _FINISHED.issuperset(lasts)
    is_earlier = all(entry["started_at"] < began_at for entry in attempts)
    others = any(service_differences(service, manifest.service) for manifest in manifests)
    return AnswerNames(records) if records and is_finished and is_earlier and not others else None
