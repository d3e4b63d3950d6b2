"""Names of the files of a run directory, and of its shards."""

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from collector.core.endpoint import STATISTICS
from collector.core.text import counted
from collector.plan import Shard
from collector.store.data_file import (
    DecompressionError,
    is_compressed,
    open_data,
    stored_as,
    stored_twice,
)

__all__ = [
    "CLUSTER_LOCK",
    "COMPANIES",
    "LOCK",
    "PLAN_LOCK",
    "FileStamp",
    "Listing",
    "PartFiles",
    "files_are",
    "is_data_file",
    "next_errors",
    "parts_in",
    "stored_twice_of",
]

COMPANIES: Final = "run-companies.txt"
"""Not `companies.txt`: that is the user's own file when the run directory is theirs (`.`)."""

LOCK: Final = "run.lock"
"""The lock of the whole directory; a shard has its own in addition."""

CLUSTER_LOCK: Final = "run-cluster.lock"
"""The lock of the process that assigns all shards."""

PLAN_LOCK: Final = "run-plan.lock"
"""The lock of the plan, which shards write one after the other."""

_SHARD: Final = re.compile(
    rf"/(?:{STATISTICS.stem}(?=[^/]*\.jsonl)|run(?![^/]*\.jsonl))"
    r"-([0-9]{5})-of-([0-9]{5})\.(?:jsonl(?:\.gz|\.zst)?|json|lock)(?=/)"
)
"""Of all names between slashes at once: a directory may have thousands."""


class FileStamp(NamedTuple):
    """What changes when a file is written or replaced: inode, size, times in nanoseconds."""

    inode: int
    size: int
    written_at: int
    changed_at: int

    @classmethod
    def of(cls, path: Path) -> "FileStamp | None":
        """Return the stamp of a file; None if there is none. Raises `OSError`."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class PartFiles:
    """Paths of the files that one shard of a run writes, or a run without shards.

    Shard 3/16 has `statistics-00003-of-00016.jsonl` and so on, a run without shards
    `statistics.jsonl`. After the run they may be compressed; see `stored_as`.
    """

    directory: Path
    shard: Shard = field(default_factory=Shard)

    @property
    def statistics(self) -> Path:
        """The lines of answered cells."""
        return self._path(STATISTICS.stem, "jsonl")

    @property
    def errors(self) -> Path:
        """The lines of cells that failed for good in the last attempt."""
        return self._path("errors", "jsonl")

    @property
    def log(self) -> Path:
        """The events."""
        return self._path("log", "jsonl")

    @property
    def manifest(self) -> Path:
        """The manifest: the plan, the service and every attempt."""
        return self._path("run", "json")

    @property
    def checkpoint(self) -> Path:
        """What a start has found in the lines; see `collector.store.checkpoint`."""
        return self._path("run", "checkpoint")

    @property
    def lock(self) -> Path:
        """The lock of the shard; without shards, that of the directory."""
        return self._path("run", "lock")

    def exist(self) -> bool:
        """Tell whether a run was begun."""
        return self.manifest.exists() or self.has_statistics()

    def has_for_itself(self, other: "PartFiles") -> bool:
        """Tell whether no other process can work on `other` while this part is locked.

        That holds for all parts but the other shards of the same number.
        """
        return other == self or other.shard.total != self.shard.total

    def has_statistics(self) -> bool:
        """Tell whether there is a file of results, even a compressed one. Raises `OSError`."""
        return stored_as(self.statistics).exists()

    def has_answers(self) -> bool:
        """Tell whether there is any line of results. Raises `OSError`."""
        path = stored_as(self.statistics)
        if path == self.statistics:
            return path.is_file() and path.stat().st_size > 0
        try:
            with open_data(path) as stream:
                return bool(stream.read(1))
        except DecompressionError:
            return True

    def compressed(self) -> list[Path]:
        """Return the compressed files that a run would have to append to."""
        found = map(stored_as, (self.statistics, self.errors, self.log))
        return [path for path in found if is_compressed(path)]

    def _path(self, stem: str, suffix: str) -> Path:
        return self.directory / f"{stem}{self.shard.in_names}.{suffix}"


_ERRORS: Final = re.compile(
    r"(?P<name>errors(?:-(?P<number>[0-9]{5})-of-(?P<total>[0-9]{5}))?"
    r"(?P<attempt>\.[1-9][0-9]*)?\.jsonl)(?:\.gz|\.zst)?"
)


class Listing(NamedTuple):
    """The names in a directory at one moment.

    It answers all questions about names of that moment: with thousands of shards the listing, and
    the search in it, cost more than what else a shard does. It shows nothing of what another
    process creates later: a process that has locked others out lists the directory anew.
    """

    directory: Path
    names: Sequence[str]

    @classmethod
    def of(cls, directory: Path) -> "Listing":
        """List a directory. Raises `OSError`, unless there is no directory."""
        with suppress(FileNotFoundError):
            return cls(directory, os.listdir(directory))  # noqa: PTH208 - there may be thousands
        return cls(directory, ())

    def parts(self, *more: PartFiles) -> list[PartFiles]:
        """Return the parts that have files here, or at least a lock, and `more`; each once.

        In ascending order. The run without shards always comes first.
        """
        found = set(_SHARD.findall(f"/{'/'.join(self.names)}/"))
        shards = {Shard(int(number), int(total)) for number, total in found}
        shards = {shard for shard in shards if not shard.is_whole and shard.number < shard.total}
        shards.update(files.shard for files in more if not files.shard.is_whole)
        ordered = sorted(shards, key=attrgetter("total", "number"))
        return [PartFiles(self.directory), *(PartFiles(self.directory, each) for each in ordered)]

    def reserved_for(self, files: PartFiles) -> "Listing":
        """Return the names without those of parts that `files` has not for itself.

        See `PartFiles.has_for_itself`.
        """
        own, ending = files.shard.in_names, f"-of-{files.shard.total:05}."
        return self._replace(
            names=[each for each in self.names if ending not in each or own in each]
        )

    def errors(self) -> dict[Path, Shard]:
        """Return the files of errors, without the endings of compression, by shard.

        Those of earlier attempts are included.
        """
        return {self.directory / match["name"]: _shard_of(match) for match in self._errors()}

    def errors_of(self, parts: Iterable[PartFiles]) -> dict[PartFiles, list[Path]]:
        """Return the paths of the errors of each part, those of earlier attempts first.

        The last one is that of the last attempt, which may not exist.
        """
        earlier: dict[PartFiles, list[Path]] = {files: [] for files in parts}
        for match in self._errors():
            files = PartFiles(self.directory, _shard_of(match))
            # But not `errors-00000-of-00001.1.jsonl`, which is of no part.
            name = f"errors{files.shard.in_names}{match['attempt']}.jsonl"
            if match["name"] == name and files in earlier:
                earlier[files].append(self.directory / name)
        return {
            files: [*sorted(paths, key=_attempt), files.errors] for files, paths in earlier.items()
        }

    def _errors(self) -> Iterable[re.Match[str]]:
        names = (name for name in self.names if name.startswith("errors"))
        # One of all forms of a file.
        return {match["name"]: match for match in map(_ERRORS.fullmatch, names) if match}.values()


def parts_in(directory: Path) -> list[PartFiles]:
    """Return the parts in a directory, see `Listing.parts`. Raises `OSError` as `Listing.of`."""
    return Listing.of(directory).parts()


def _shard_of(match: re.Match[str]) -> Shard:
    return Shard(int(match["number"] or 0), int(match["total"] or 1))


def next_errors(errors: Sequence[Path]) -> Path:
    """Return the path that the errors of the last attempt get when another attempt begins.

    `errors` are those of a part, as `errors_of` returns them.
    """
    *earlier, last = errors
    number = _attempt(earlier[-1]) + 1 if earlier else 1
    return last.with_suffix(f".{number}.jsonl")


def stored_twice_of(listing: Listing, parts: Iterable[PartFiles]) -> list[str]:
    """Return warnings about files of which there is another form, which is not read."""
    # By the names without an ending, for each form has another one.
    paths = (
        path
        for files, errors in listing.errors_of(parts).items()
        for path in (files.statistics, *errors, files.log)
    )
    return [
        f"{stored_as(path)}: is read, and {other.name} beside it is not; remove one of them"
        for path, other in ((path, stored_twice(path)) for path in paths)
        if other is not None
    ]


def files_are(paths: Sequence[Path]) -> str:
    """Name files as the subject of a sentence: the first one, and how many others there are."""
    others = len(paths) - 1
    if not others:
        return f"{paths[0].name} is"
    return f"{paths[0].name} and {counted(others, 'more file')} are"


_DATA_FILE: Final = re.compile(
    rf"{re.escape(COMPANIES)}"
    rf"|(?:{STATISTICS.stem}|errors)(?:-[0-9]{{5}}-of-[0-9]{{5}})?\.jsonl"
    r"|errors(?:-[0-9]{5}-of-[0-9]{5})?\.[1-9][0-9]*\.jsonl"
)


def is_data_file(name: str) -> bool:
    """Tell whether a data file of a run can have this name, when it is not compressed."""
    return _DATA_FILE.fullmatch(name) is not None


def _attempt(errors: Path) -> int:
    return int(errors.name.split(".")[1])
