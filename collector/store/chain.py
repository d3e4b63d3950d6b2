"""The chain of runs: each manifest records the digests of those that no other has recorded yet."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collector.core.regular import open_regular, read_regular
from collector.core.text import json_text
from collector.plan import Shard
from collector.store.atomic import remove_drafts, replace_file
from collector.store.digests import Digests, Link, fits_its_digest
from collector.store.files import LOCK, Listing, PartFiles, is_data_file

__all__ = [
    "FoundManifest",
    "has_finished",
    "keep_finished",
    "link_target",
    "links_of",
    "manifests_in",
    "newest_in",
    "runs_beside",
    "unrecorded",
]

_MANIFEST: Final = re.compile(
    r"run(?:-(?P<number>[0-9]{5})-of-(?P<total>[0-9]{5}))?(?:\.(?P<kept>[1-9][0-9]{0,8}))?\.json"
)
_LINK: Final = re.compile(rf"(?:\.\./(?P<directory>[^/]+)/)?(?P<name>{_MANIFEST.pattern})")

_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a manifest: those of 100 million lines have 2 MB of digests."""

_MOST_RUNS: Final = 100
_MOST_MANIFESTS: Final = 1000
_MOST_LINKS: Final = 1000
"""What the end of a run reads at most of the runs beside it, and of one directory; and records."""

_CLOCKS_DIFFER: Final = 60.0
"""Seconds by which the clocks of machines that write shards of one run may differ. What is missed
if they differ more is recorded by the next run, which reads all manifests."""

_LONGEST_LINK: Final = 300
"""Characters: a name of a directory has 255 at most, which every system sets."""

_MOST_TOLD: Final = 10


_STARTED: Final = re.compile(rb'"started_at": *"([0-9TZ:.-]{1,40})"')
_HEAD: Final = 64 * 1024
"""Bytes of a manifest in which its first attempt has begun."""


class _Attempt(msgspec.Struct, frozen=True):
    started_at: str
    ended_at: str | None = None
    exit_code: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None


class _Fields(msgspec.Struct, frozen=True):
    attempts: list[_Attempt]
    digests: Digests | msgspec.UnsetType | None = msgspec.UNSET


_decoder: Final = msgspec.json.Decoder(_Fields)


@dataclass(frozen=True, eq=False)
class FoundManifest:
    """A manifest as it is on the disk.

    `kept` tells that it was copied to `run.1.json` when its run was resumed after it had finished.
    """

    directory: Path
    name: str
    shard: Shard
    kept: int
    text: bytes

    @cached_property
    def sha256(self) -> str:
        """The digest of all its bytes."""
        return sha256(self.text).hexdigest()

    @cached_property
    def _fields(self) -> _Fields | None:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            fields = _decoder.decode(self.text)
            # A manifest of an older collector has neither digests nor one of itself.
            fits = fits_its_digest(self.text)
            if fits is None:
                fits = fields.digests is msgspec.UNSET
            # No file of another name is opened, whatever a manifest says.
            names = fields.digests.files if isinstance(fields.digests, Digests) else ()
            if fields.attempts and fits and all(map(is_data_file, names)):
                return fields
        return None

    @property
    def is_damaged(self) -> bool:
        """Whether it is no manifest, or does not fit its own digest."""
        return self._fields is None

    @property
    def is_older(self) -> bool:
        """Whether a collector has written it that recorded no digests."""
        return self._fields is not None and self._fields.digests is msgspec.UNSET

    @property
    def digests(self) -> Digests | None:
        """What it has recorded when its run had finished; None before that."""
        digests = None if self._fields is None else self._fields.digests
        return digests if isinstance(digests, Digests) else None

    @property
    def last_attempt(self) -> _Attempt | None:
        """The last invocation; None if the manifest is damaged."""
        return None if self._fields is None else self._fields.attempts[-1]

    @property
    def started_at(self) -> str:
        """When its run began, as a text that is ordered like the time; empty if it is damaged."""
        return "" if self._fields is None else self._fields.attempts[0].started_at

    @property
    def files(self) -> PartFiles:
        """The part that it is about."""
        return PartFiles(self.directory, self.shard)


def manifests_in(directory: Path) -> list[FoundManifest]:
    """Read the manifests in a directory, by name, those of earlier attempts included.

    What is no file is left out. Raises `OSError`.
    """
    paths = map(directory.joinpath, sorted(_names_in(Listing.of(directory))))
    return list(filter(None, map(_read, paths)))


def _names_in(listing: Listing) -> list[str]:
    """Return the names of manifests."""
    names = (name for name in listing.names if name.startswith("run"))
    return list(filter(_MANIFEST.fullmatch, names))


def _last_changed(listing: Listing, *, is_continued: bool) -> Iterator[FoundManifest]:
    """Yield the manifests in a directory that changed last, the last one first.

    With `is_continued` those are left out that one which has finished had read: when it ended it
    recorded each that no other one had recorded.
    """
    paths = map(listing.directory.joinpath, _names_in(listing))
    changed = sorted(((_changed_at(path), path) for path in paths), reverse=True)
    read_until = 0.0
    for changed_at, path in changed[:_MOST_MANIFESTS]:
        if changed_at < read_until:
            return
        if (found := _read(path)) is not None:
            yield found
            if is_continued and found.digests is not None:
                read_until = max(read_until, min(_ended_at(found), changed_at) - _CLOCKS_DIFFER)


def _read(path: Path) -> FoundManifest | None:
    match = _MANIFEST.fullmatch(path.name)
    if match is None or not path.is_file():
        return None
    shard = Shard(int(match["number"] or 0), int(match["total"] or 1))
    text = read_regular(path, _LARGEST)
    return FoundManifest(path.parent, path.name, shard, int(match["kept"] or 0), text)


def _ended_at(manifest: FoundManifest) -> float:
    last = manifest.last_attempt
    with suppress(ValueError):
        if last is not None and last.ended_at is not None:
            return datetime.fromisoformat(last.ended_at).timestamp()
    return 0


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0


def runs_beside(directory: Path) -> Iterator[Path]:
    """Yield the run directories in the parent of one, this one included if it is one.

    They have the manifest of a run without shards, or the lock that every run has. Links are left
    out: what they lead to has another name. `directory` is resolved. Raises `OSError`.
    """
    with os.scandir(directory.parent) as entries:
        for entry in entries:
            path = Path(entry.path)
            names = (PartFiles(path).manifest.name, LOCK)
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False) and any((path / n).exists() for n in names):
                    yield path


def unrecorded(files: PartFiles, listing: Listing) -> list[Link]:
    """Return links to finished manifests, here and beside this run, that none has recorded yet.

    Usually that is the one of the night before. Others are of runs at the same time, of runs that
    were resumed after a later one had ended, and of other shards of this run. Of the shards only
    the first one looks beside the run: each would find the same. It reads the directories whose
    runs began last, and those that changed last; the other shards read what has changed since one
    of this run has finished. What cannot be read is left out. Blocks. `listing` is of the
    directory of this run.
    """
    own = files.directory.resolve()
    is_first = files.shard.number == 0
    directories: list[Path] = []
    if is_first:
        with suppress(OSError):
            directories = _latest(list(runs_beside(own)))
    found: list[FoundManifest] = []
    for directory in dict.fromkeys([own, *directories]):
        with suppress(OSError):
            there = Listing(own, listing.names) if directory == own else Listing.of(directory)
            found += _last_changed(there, is_continued=not is_first)
    recorded = {link.sha256 for manifest in found for link in links_of(manifest)}
    new = {
        manifest.sha256: Link(
            manifest=_path_from(own, manifest),
            started_at=manifest.started_at,
            sha256=manifest.sha256,
        )
        for manifest in sorted(found, key=_place, reverse=True)
        if manifest.digests is not None and manifest.sha256 not in recorded
    }
    return list(new.values())[:_MOST_LINKS][::-1]


def _place(manifest: FoundManifest) -> tuple[str, str]:
    return manifest.started_at, manifest.directory.name


def _latest(directories: list[Path]) -> list[Path]:
    """Return the directories whose runs began last, and those that changed last.

    A job that compresses or restores old runs changes them later than last night, and a run that
    was resumed began long before it ended.
    """
    if len(directories) <= _MOST_RUNS:
        return directories
    orders = (_head_of_run, _changed_at)
    return list({one: 0 for by in orders for one in sorted(directories, key=by)[-_MOST_RUNS:]})


def _head_of_run(directory: Path) -> str:
    """Return when the run in a directory began, read from the first bytes of a manifest."""
    with suppress(OSError):
        names = (path for path in directory.iterdir() if _MANIFEST.fullmatch(path.name))
        with open_regular(min(names, default=PartFiles(directory).manifest)) as stream:
            found = _STARTED.search(stream.read(_HEAD))
            return "" if found is None else found[1].decode()
    return ""


def newest_in(directory: Path) -> dict[str, str]:
    """Return the digests, by name, of manifests that none in their directory has recorded.

    They verify the run, when they are kept elsewhere: the one of a run that has finished,
    or those of the shards that ended last, at most 10. Nothing if they cannot be read. Blocks.
    """
    found: list[FoundManifest] = []
    with suppress(OSError):
        found = [manifest for manifest in manifests_in(directory) if manifest.digests is not None]
    recorded = {link.sha256 for manifest in found for link in links_of(manifest)}
    new = [manifest for manifest in found if manifest.sha256 not in recorded]
    return {manifest.name: manifest.sha256 for manifest in new[-_MOST_TOLD:]}


def links_of(manifest: FoundManifest) -> Iterable[Link]:
    """Return the links that a manifest has recorded."""
    return () if manifest.digests is None else manifest.digests.previous


def _path_from(directory: Path, manifest: FoundManifest) -> str:
    if manifest.directory == directory:
        return manifest.name
    return f"../{json_text(manifest.directory.name)}/{manifest.name}"


def link_target(directory: Path, link: Link) -> Path | None:
    """Return the path that a link from a run directory leads to; None if it is no link."""
    match = _LINK.fullmatch(link.manifest)
    if match is None or match["directory"] in {".", ".."} or len(link.manifest) > _LONGEST_LINK:
        return None
    where = directory.parent / match["directory"] if match["directory"] else directory
    return where / match["name"]


def has_finished(files: PartFiles) -> bool:
    """Tell whether the manifest of a part is as it was written when the part had finished.

    Raises `OSError`.
    """
    last = _read(files.manifest)
    return last is not None and last.digests is not None


def keep_finished(files: PartFiles) -> None:
    """Copy the manifest of a part that has finished to `run.1.json` or the like.

    Another attempt is about to replace it, and other manifests may have recorded its digest. Raises
    `OSError`.
    """
    last = _read(files.manifest)
    if last is None or last.digests is None:
        return
    listing = Listing.of(files.directory)
    beginning = f"{files.manifest.stem}."
    paths = (files.directory / name for name in listing.names if name.startswith(beginning))
    kept = [found for found in map(_read, paths) if found is not None and found.kept]
    if any(found.sha256 == last.sha256 for found in kept):
        return
    number = max((found.kept for found in kept), default=0) + 1
    path = files.manifest.with_suffix(f".{number}.json")
    remove_drafts(listing.names, path)
    replace_file(path, [last.text])
