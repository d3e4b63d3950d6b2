"""The files of a run directory: their names, and those of its shards."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from collector.plan import Shard

__all__ = ["CLUSTER_LOCK", "COMPANIES", "LOCK", "PartFiles", "parts_in"]

COMPANIES: Final = "run-companies.txt"
"""Not `companies.txt`: that name belongs to users, and the run directory may be theirs (`.`)."""

LOCK: Final = "run.lock"
"""The lock of the whole directory; a shard has one of its own besides."""

CLUSTER_LOCK: Final = "run-cluster.lock"
"""The lock of whoever hands out all shards."""

_SHARD: Final = re.compile(
    r"(?:statistics(?=.*\.jsonl)|run(?!.*\.jsonl))-(?P<number>[0-9]{5})-of-(?P<total>[0-9]{5})"
    r"\.(?:jsonl|json|lock)"
)


class PartFiles(NamedTuple):
    """The paths of the files that one shard of a run writes, or the run that has no shards.

    Those of shard 3/16 are `statistics-00003-of-00016.jsonl` and so on; without shards,
    `statistics.jsonl`.
    """

    directory: Path
    shard: Shard = Shard()

    @property
    def statistics(self) -> Path:
        """The lines of the answered cells."""
        return self._path("statistics", "jsonl")

    @property
    def errors(self) -> Path:
        """The lines of the cells that failed for good in the last attempt."""
        return self._path("errors", "jsonl")

    @property
    def log(self) -> Path:
        """The events."""
        return self._path("log", "jsonl")

    @property
    def manifest(self) -> Path:
        """What is collected, and the story of each attempt."""
        return self._path("run", "json")

    @property
    def lock(self) -> Path:
        """The lock of the shard; if there are no shards, that of the directory."""
        return self._path("run", "lock")

    def exist(self) -> bool:
        """Tell whether something was begun."""
        return self.manifest.exists() or self.statistics.exists()

    def has_for_itself(self, other: "PartFiles") -> bool:
        """Tell whether nobody can be at work on another part while this one is locked.

        That is so of all but the other shards of the same number.
        """
        return other == self or other.shard.total != self.shard.total

    def has_answers(self) -> bool:
        """Tell whether there is some line of results. Raises `OSError`."""
        return self.statistics.is_file() and self.statistics.stat().st_size > 0

    def all_errors(self) -> Iterator[Path]:
        """Make the paths of the files of errors, those of earlier attempts first."""
        yield from sorted(self.earlier_errors(), key=_attempt)
        yield self.errors

    def earlier_errors(self) -> list[Path]:
        """Return the files of errors of earlier attempts: `errors.1.jsonl`, unordered."""
        stem = self.errors.stem
        name = re.compile(rf"{stem}\.[1-9][0-9]*\.jsonl")
        found = self.directory.glob(f"{stem}.*.jsonl")
        return [path for path in found if name.fullmatch(path.name)]

    def next_errors(self) -> Path:
        """Return where the errors of the last attempt are moved to when another one begins."""
        last = max(map(_attempt, self.earlier_errors()), default=0)
        return self.errors.with_suffix(f".{last + 1}.jsonl")

    def _path(self, stem: str, suffix: str) -> Path:
        return self.directory / f"{stem}{self.shard.in_names}.{suffix}"


def parts_in(directory: Path) -> list[PartFiles]:
    """Return the parts of which there are files in a directory, or at least a lock, in order.

    The run without shards comes first, and always. Raises `OSError`, unless there is no directory.
    """
    found: set[Shard] = set()
    with suppress(FileNotFoundError):
        found = {
            Shard(int(match["number"]), int(match["total"]))
            for path in directory.iterdir()
            if (match := _SHARD.fullmatch(path.name))
        }
    shards = sorted(
        (shard for shard in found if not shard.is_whole and shard.number < shard.total),
        key=lambda shard: (shard.total, shard.number),
    )
    return [PartFiles(directory), *(PartFiles(directory, shard) for shard in shards)]


def _attempt(errors: Path) -> int:
    return int(errors.name.split(".")[1])
