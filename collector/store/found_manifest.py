"""Manifests as they are on the disk, with what they record of the files and of each other."""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collector.core.regular import read_regular
from collector.plan import Shard
from collector.store.digests import Digests, fits_its_digest
from collector.store.files import Listing, PartFiles, is_data_file

__all__ = [
    "MANIFEST",
    "FoundManifest",
    "has_finished",
    "manifest_names",
    "manifests_in",
    "read_manifest",
]

MANIFEST: Final = re.compile(
    r"run(?:-(?P<number>[0-9]{5})-of-(?P<total>[0-9]{5}))?(?:\.(?P<kept>[1-9][0-9]{0,8}))?\.json"
)

_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a manifest: those of 100 million lines have 2 MB of digests."""


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
    paths = map(directory.joinpath, sorted(manifest_names(Listing.of(directory))))
    return list(filter(None, map(read_manifest, paths)))


def manifest_names(listing: Listing) -> list[str]:
    """Return the names of manifests."""
    names = (name for name in listing.names if name.startswith("run"))
    return list(filter(MANIFEST.fullmatch, names))


def read_manifest(path: Path) -> FoundManifest | None:
    """Read a manifest; None if it has no name of one, or is no file. Raises `OSError`."""
    match = MANIFEST.fullmatch(path.name)
    if match is None or not path.is_file():
        return None
    shard = Shard(int(match["number"] or 0), int(match["total"] or 1))
    text = read_regular(path, _LARGEST)
    return FoundManifest(path.parent, path.name, shard, int(match["kept"] or 0), text)


def has_finished(files: PartFiles) -> bool:
    """Tell whether the manifest of a part is as it was written when the part had finished.

    Raises `OSError`.
    """
    last = read_manifest(files.manifest)
    return last is not None and last.digests is not None
