"""Data files as a job that saves space leaves them: compressed, and the plain ones removed."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zstandard

PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
"""What compresses, by the ending that it adds to the name."""


def compress(path: Path, ending: str) -> Path:
    """Replace a file by its compressed form, and return the path of that."""
    packed = path.with_name(path.name + ending)
    packed.write_bytes(PACKERS[ending](path.read_bytes()))
    path.unlink()
    return packed


def compress_all(run: Path, ending: str) -> list[Path]:
    """Do so with all files of lines in a run directory; return the compressed ones."""
    return [compress(path, ending) for path in sorted(run.glob("*.jsonl"))]
