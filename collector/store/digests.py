"""Digests of the files of a run, which its manifest records when the run has finished."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collector.core.text import json_text
from collector.store.data_file import open_data, stored_as
from collector.store.files import COMPANIES, Listing, PartFiles

__all__ = [
    "BLOCK_LINES",
    "Digests",
    "FileDigest",
    "Hasher",
    "Link",
    "blocks_of",
    "digest_of",
    "file_digests",
    "fits_its_digest",
    "pieces_of",
    "recorded_name",
    "with_digest",
]

BLOCK_LINES: Final = 1000
"""Lines of a block. The digest of each block tells where a file was changed."""

_BLOCK_DIGITS: Final = 16
"""Digits of the digest of a block: 64 bits find a place; that of the whole file verifies it."""

_READ_AT_ONCE: Final = 256 * 1024

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class FileDigest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a file consists of; `blocks` are digests of 1,000 lines each, if there are several."""

    lines: _Count
    bytes: _Count
    sha256: str
    blocks: list[str] = []


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Another manifest as it was: its path from this run directory, and the digest of its bytes.

    `started_at` is when its run began.
    """

    manifest: str
    started_at: str
    sha256: str


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest records when its run has finished.

    `files` has the data files by name. `previous` are manifests that no other one had recorded yet:
    usually that of the night before. `directory` is the name of the run directory; empty if it was
    not recorded.
    """

    files: dict[str, FileDigest]
    previous: list[Link]
    directory: Annotated[str, msgspec.Meta(max_length=300)] = ""


def file_digests(files: PartFiles, listing: Listing) -> dict[str, FileDigest]:
    """Return the digests of the data files of a part that has finished, by name.

    These are the companies, and the answers and errors of all parts that no other process can work
    on meanwhile. `listing` is of their directory. Blocks for as long as it takes to read them.
    Raises as `digest_of` does.
    """
    paths = [files.directory / COMPANIES]
    reserved = listing.reserved_for(files)
    for part, errors in reserved.errors_of(reserved.parts(files)).items():
        paths += [part.statistics, *errors]
    digests = {path.name: digest_of(path) for path in paths if stored_as(path).is_file()}
    return {name: digest for name, digest in digests.items() if digest.bytes}


def recorded_name(directory: Path) -> str:
    """Return the name of a run directory as a manifest records it, whatever path leads to it."""
    return json_text(directory.resolve().name)


def digest_of(path: Path, size: int | None = None) -> FileDigest:
    """Return the digest of a data file, or of its first `size` bytes. Blocks.

    Of a compressed file that is the digest of its content.

    Raises `OSError`, `InputError` and `DecompressionError` as `open_data` and its stream do.
    """
    file = Hasher()
    for piece in pieces_of(path):
        file.update(piece if size is None else piece[:size])
        if size is not None and not (size := size - len(piece[:size])):
            break
    return file.digest()


def blocks_of(digest: FileDigest) -> list[str]:
    """Return the digests of all blocks; a file of one block has that of the whole file."""
    return digest.blocks or [digest.sha256[:_BLOCK_DIGITS]]


def pieces_of(path: Path) -> Iterator[bytes]:
    """Yield the content of a data file in pieces. Raises as `digest_of` does."""
    with open_data(path) as stream:
        while piece := stream.read(_READ_AT_ONCE):
            yield piece


class Hasher:
    """Hashes a file and its blocks, piece by piece: `update` it, then take its `digest`."""

    def __init__(self) -> None:
        self._whole, self._block = sha256(), sha256()
        self._lines = self._bytes = self._block_lines = 0
        self._blocks: list[str] = []
        self._block_is_open = False

    def update(self, piece: bytes) -> None:
        """Add the bytes that follow; they may be any part of lines."""
        self._whole.update(piece)
        self._bytes += len(piece)
        while piece:
            wanted = BLOCK_LINES - self._block_lines
            *lines, rest = piece.split(b"\n", wanted)
            end = len(piece) - len(rest) if len(lines) == wanted else len(piece)
            self._block.update(piece[:end])
            self._block_is_open = True
            self._block_lines += len(lines)
            self._lines += len(lines)
            if len(lines) == wanted:
                self._end_block()
            piece = piece[end:]

    def _end_block(self) -> None:
        self._blocks.append(self._block.hexdigest()[:_BLOCK_DIGITS])
        self._block, self._block_lines, self._block_is_open = sha256(), 0, False

    def digest(self) -> FileDigest:
        """Return the digest of all bytes. Call it once."""
        if self._block_is_open:
            self._end_block()
        return FileDigest(
            lines=self._lines,
            bytes=self._bytes,
            sha256=self._whole.hexdigest(),
            blocks=self._blocks if len(self._blocks) > 1 else [],
        )


_END: Final = b"\n}\n"


def with_digest(text: bytes) -> bytes:
    """Return an indented JSON object with one more member: the digest of the lines before it."""
    lines = text.removesuffix(_END) + b",\n"
    return b'%b  "sha256": "%b"%b' % (lines, sha256(lines).hexdigest().encode(), _END)


def fits_its_digest(text: bytes) -> bool | None:
    """Tell whether `with_digest` has made a text; None if it has no digest of itself."""
    lines, found, _ = text.rpartition(b'  "sha256": "')
    if not found or not lines.endswith(b",\n"):
        return None
    return with_digest(lines.removesuffix(b",\n") + _END) == text
