"""The chain of runs: each manifest records the digests of those that no other has recorded yet."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from collector.core.regular import open_regular
from collector.core.text import json_text
from collector.store.atomic import remove_drafts, replace_file
from collector.store.digests import Link
from collector.store.files import LOCK, Listing, PartFiles
from collector.store.found_manifest import (
    MANIFEST,
    FoundManifest,
    manifest_names,
    manifests_in,
    read_manifest,
)

__all__ = [
    "keep_finished",
    "link_target",
    "links_of",
    "newest_in",
    "runs_beside",
    "unrecorded",
]

_LINK: Final = re.compile(rf"(?:\.\./(?P<directory>[^/]+)/)?(?P<name>{MANIFEST.pattern})")

_MOST_RUNS: Final = 100
_MOSTMANIFESTS: Final = 1000
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


def _last_changed(listing: Listing, *, is_continued: bool) -> Iterator[FoundManifest]:
    """Yield the manifests in a directory that changed last, the last one first.

    With `is_continued` those are left out that one which has finished had read: when it ended it
    recorded each that no other one had recorded.
    """
    paths = map(listing.directory.joinpath, manifest_names(listing))
    changed = sorted(((_changed_at(path), path) for path in paths), reverse=True)
    read_until = 0.0
    for changed_at, path in changed[:_MOSTMANIFESTS]:
        if changed_at < read_until:
            return
        found = None
        # It alone is left out: shards that end later do not read what this one must have read.
        with suppress(OSError):
            found = read_manifest(path)
        if found is not None:
            yield found
            if is_continued and found.digests is not None:
                read_until = max(read_until, min(_ended_at(found), changed_at) - _CLOCKS_DIFFER)


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
        names = (path for path in directory.iterdir() if MANIFEST.fullmatch(path.name))
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


def keep_finished(files: PartFiles) -> None:
    """Copy the manifest of a part that has finished to `run.1.json` or the like.

    Another attempt is about to replace it, and other manifests may have recorded its digest. Raises
    `OSError`.
    """
    last = read_manifest(files.manifest)
    if last is None or last.digests is None:
        return
    listing = Listing.of(files.directory)
    beginning = f"{files.manifest.stem}."
    paths = (files.directory / name for name in listing.names if name.startswith(beginning))
    kept = [found for found in map(read_manifest, paths) if found is not None and found.kept]
    if any(found.sha256 == last.sha256 for found in kept):
        return
    number = max((found.kept for found in kept), default=0) + 1
    path = files.manifest.with_suffix(f".{number}.json")
    remove_drafts(listing.names, path)
    replace_file(path, [last.text])
