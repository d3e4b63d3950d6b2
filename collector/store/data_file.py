"""Data files of a run: plain, or compressed with gzip or zstd after the run has ended.

A run writes plain files only. A job that saves space may replace `statistics.jsonl` by
`statistics.jsonl.gz` or `statistics.jsonl.zst`; what reads the file reads them alike.
"""

import shlex
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from collector.core.extras import needs_extra
from collector.core.regular import open_regular

__all__ = [
    "DataStream",
    "DecompressionError",
    "decompress_command",
    "decompress_one",
    "is_compressed",
    "open_data",
    "salvage_command",
    "stored_as",
    "stored_twice",
]

_DECOMPRESSORS: Final = {".gz": "gunzip", ".zst": "unzstd --rm"}
"""The endings of compressed files, and the command that replaces such files by the plain ones."""

_PRINTERS: Final = {".gz": "zcat", ".zst": "zstdcat"}
"""Commands that print a compressed file, of a damaged one what precedes the damage."""

_PIECE: Final = 512
"""Bytes of zstd that are decompressed at once: up to 16 MiB, as 4 bytes may stand for 128 KiB."""

_LARGEST_WINDOW: Final = 128 * 1024 * 1024
"""Bytes of memory that a file of zstd may ask for; the program zstd has the same limit."""


class DecompressionError(Exception):
    """A compressed file is damaged or cut: what follows the bytes read so far is lost."""


class DataStream:
    """The bytes of a data file, decompressed while they are read.

    `path` is the name that the file has.
    """

    def __init__(self, path: Path, read: Callable[[int], bytes]) -> None:
        self.path: Final = path
        self._read = read

    def read(self, size: int) -> bytes:
        """Return the next bytes, `size` at most, and none at the end only.

        Raises `OSError`, and `DecompressionError` where the rest is damaged or missing.
        """
        return self._read(size)


def stored_as(path: Path) -> Path:
    """Return the path that a data file has: itself, or with the ending of its compression.

    If there are several, the plain file counts. Returns `path` if there is none.
    """
    return next((form for form in _forms(path) if form.exists()), path)


def stored_twice(path: Path) -> Path | None:
    """Return another form of a data file, which is not read; None if there is only one."""
    others = (form for form in _forms(path) if form.exists() and form != stored_as(path))
    return next(others, None)


def is_compressed(path: Path) -> bool:
    """Tell whether the name of a file says that it is compressed."""
    return path.suffix in _DECOMPRESSORS


def decompress_command(files: Iterable[Path]) -> str:
    """Return the shell command that replaces compressed files of lines by the plain ones."""
    kinds = dict.fromkeys((str(file.parent), file.suffix) for file in files)
    return " && ".join(
        # A directory whose name begins with a dash is no option.
        f"{_DECOMPRESSORS[ending]} {shlex.quote(f'./{name}' if name.startswith('-') else name)}"
        f"/*.jsonl{ending}"
        for name, ending in kinds
    )


def decompress_one(path: Path) -> str:
    """Return the shell command that replaces one compressed file by the plain one."""
    name = f"./{path}" if str(path).startswith("-") else str(path)
    return f"{_DECOMPRESSORS[path.suffix]} {shlex.quote(name)}"


def salvage_command(path: Path) -> str:
    """Return the shell command that makes a plain file of what a damaged one still has.

    The damaged one stays, under a name that no command reads.
    """
    name = f"./{path}" if str(path).startswith("-") else str(path)
    file, plain, aside = (
        shlex.quote(each) for each in (name, name.removesuffix(path.suffix), f"{name}.damaged")
    )
    return f"{_PRINTERS[path.suffix]} {file} > {plain}; mv {file} {aside}"


def _forms(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_name(path.name + ending) for ending in _DECOMPRESSORS)


@contextmanager
def open_data(path: Path, start: int = 0) -> Iterator[DataStream]:
    """Open a data file, whether it has this name or that of its compressed form.

    A plain file is read from byte `start` on, a compressed one as a whole. Takes a few MiB of
    memory, and up to 150 MiB if a file of zstd asks for it. Raises `OSError`,
    also if there is no such file or it is not a regular one, and `InputError` if the file needs the
    package zstandard and that is not installed.
    """
    path = stored_as(path)
    with open_regular(path) as file:
        if path.suffix == ".gz":
            yield DataStream(path, _gzip_reader(file))
        elif path.suffix == ".zst":
            yield DataStream(path, _ZstdReader(file, path).read)
        else:
            file.seek(start)
            yield DataStream(path, file.read)


def _gzip_reader(file: BinaryIO) -> Callable[[int], bytes]:
    stream = GzipFile(fileobj=file)
    is_empty = True

    def read(size: int) -> bytes:
        nonlocal is_empty
        try:
            # Not `read`, which would lose what precedes the damage.
            found = stream.read1(size)
        except (EOFError, OSError, zlib.error) as error:
            # The system's errors have a number; those of gzip have none.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise DecompressionError from error
        if is_empty and not found and file.tell() == 0:
            # To gzip, a file without a byte is no error.
            raise DecompressionError
        is_empty = False
        return found

    return read


class _ZstdReader:
    """Decompresses frames of zstd; the package's own reader takes a file that was cut for whole."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        """Prepare to read `file`. Raises `InputError` if the package zstandard is missing."""
        with needs_extra("export", "zstandard", user=str(path)):
            import zstandard  # noqa: PLC0415 - the core install has no such package

        self._file = file
        self._error = zstandard.ZstdError
        self._start = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj
        self._frame = self._start()
        self._compressed = b""
        self._found = BytesIO()

    def read(self, size: int) -> bytes:
        while not (found := self._found.read(size)):
            self._compressed = self._compressed or self._file.read(_PIECE)
            if not self._compressed:
                if not self._frame.eof:
                    raise DecompressionError
                break
            if self._frame.eof:
                self._frame = self._start()
            try:
                self._found = BytesIO(self._frame.decompress(self._compressed))
            except self._error as error:
                raise DecompressionError from error
            self._compressed = self._frame.unused_data
        return found
