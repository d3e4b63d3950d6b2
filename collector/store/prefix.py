"""The first bytes of a file, as far as they were read or written, and their digest."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collector.core.errors import StoppedError
from collector.core.regular import open_regular
from collector.store.data_file import DataStream

__all__ = ["Prefix", "PrefixRecord"]

_READ_AT_ONCE: Final = 1024 * 1024


class PrefixRecord(msgspec.Struct, frozen=True):
    """How many bytes of a file were read or written, and their SHA-256."""

    size: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    sha256: Annotated[str, msgspec.Meta(max_length=64)]


class Prefix:
    """The bytes at the beginning of a file: their number, and their digest."""

    def __init__(self) -> None:
        self.size = 0
        self._digest = sha256()

    @classmethod
    def of(cls, path: Path, size: int | None = None, *, is_stopped: Callable[[], bool]) -> "Prefix":
        """Read the first `size` bytes of a plain file, or all, and at most what there is.

        Raises `OSError`, and `StoppedError` when `is_stopped` returns true. Blocks.
        """
        prefix = cls()
        with open_regular(path) as file:
            stream = prefix.extended_by(DataStream(path, file.read))
            left = _READ_AT_ONCE
            while left:
                if is_stopped():
                    raise StoppedError
                left = _READ_AT_ONCE if size is None else min(_READ_AT_ONCE, size - prefix.size)
                if not stream.read(left):
                    break
        return prefix

    def extended_by(self, stream: DataStream) -> DataStream:
        """Return a stream of the bytes that follow; each that is read extends the prefix."""

        def read(size: int) -> bytes:
            piece = stream.read(size)
            self.extend(piece)
            return piece

        return DataStream(stream.path, read)

    def extend(self, piece: bytes) -> None:
        """Add the bytes that follow."""
        self._digest.update(piece)
        self.size += len(piece)

    def record(self) -> PrefixRecord:
        """Return the record of the bytes so far."""
        return PrefixRecord(self.size, self._digest.hexdigest())
