"""Files of text, compressed while they are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from gzip import GzipFile
from pathlib import Path
from typing import IO, Final, cast

from collector.core.own_files import open_own
from collector.export.formats import Compression

__all__ = ["compressed"]

_GZIP_LEVEL: Final = 6
"""The level of the program gzip. The highest, which Python takes, needs several times as long."""


@contextmanager
def compressed(path: Path, compression: Compression) -> Iterator[IO[bytes]]:
    """Open an existing file of ours; what the block writes is compressed. Raises `OSError`.

    zstd needs the package zstandard. Neither form contains a name or a time: the same text makes
    the same file.
    """
    with open(path, "wb", opener=open_own) as file:
        if compression is Compression.GZIP:
            with GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as stream:
                yield cast("IO[bytes]", stream)
        elif compression is Compression.ZSTD:
            import zstandard

            compressor = zstandard.ZstdCompressor(write_checksum=True)
            with compressor.stream_writer(file, closefd=False) as stream:
                yield stream
        else:
            yield file
