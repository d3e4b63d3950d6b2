"""Regular files: what holds a reader or loses what is written is refused before it is used.

Opening a named pipe waits until another process opens its other end, and a device may have no
end.
"""

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

__all__ = [
    "check_regular",
    "is_endless",
    "kind_of",
    "open_regular",
    "read_regular",
    "refuse_mode",
    "remedy_for",
]

_AT_ONCE: Final = 64 * 1024


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read. Raises `OSError`, also if it is not a regular file; never waits."""
    return os.fdopen(_open(path), "rb")


def read_regular(path: Path, most: int | None = None) -> bytes:
    """Return the content of a file, or its first `most` bytes; raises as `open_regular`.

    Of a small file that takes less time than a stream.
    """
    descriptor, blocks, size = _open(path), list[bytes](), 0
    try:
        while (most is None or size < most) and (block := os.read(descriptor, _AT_ONCE)):
            blocks.append(block)
            size += len(block)
    finally:
        os.close(descriptor)
    return b"".join(blocks)[:most]


def _open(path: Path) -> int:
    # Without waiting for the other end, should it be a pipe.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    check_regular(path)
    descriptor = os.open(path, flags)
    try:
        refuse_mode(os.fstat(descriptor).st_mode, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def check_regular(path: Path) -> None:
    """Raise `OSError` if a path names something that is not a regular file.

    It may name nothing. A link counts as what it leads to.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    refuse_mode(mode, path)


def is_endless(stream: BinaryIO) -> bool:
    """Tell whether an open file is a device that may have no end, such as a disk or `/dev/zero`.

    A terminal ends where its user ends it, and `/dev/null` at once. Raises `OSError`.
    """
    try:
        descriptor = stream.fileno()
    except io.UnsupportedOperation:  # text in memory
        return False
    status = os.fstat(descriptor)
    if not stat.S_ISCHR(status.st_mode):
        return stat.S_ISBLK(status.st_mode)
    return not os.isatty(descriptor) and status.st_rdev != Path(os.devnull).stat().st_rdev


def kind_of(mode: int) -> str:
    """Return what a mode is, if it is neither that of a regular file nor of a directory."""
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def refuse_mode(mode: int, path: Path) -> None:
    """Raise `OSError` unless a mode is that of a regular file."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        message = f"{path.name} is {kind_of(mode)}, not a file"
        raise OSError(errno.EINVAL, message, str(path))


def remedy_for(error: OSError) -> str:
    """Return what the user can do about a file of a run that cannot be written."""
    if isinstance(error, IsADirectoryError):
        return f"move the directory {error.filename} away"
    return "check that this user may write there, and that there is room"
