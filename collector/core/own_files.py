"""Files that the collector writes: opened and created so that no other file is changed."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from collector.core.regular import refuse_mode

__all__ = ["MODE", "check_own", "is_draft_of", "new_draft", "open_own"]

MODE: Final = 0o644
"""Mode of every new file, as far as the umask leaves it: other users may read, and never write."""

_ALWAYS: Final = os.O_CLOEXEC | os.O_NOFOLLOW

_RANDOM_BYTES: Final = 8


def open_own(path: Path | str, flags: int) -> int:
    """Open a regular file, or create it if `flags` say so, and return its descriptor.

    It is also an opener for `open`. Raises `OSError`, also for a symbolic link, which may lead to
    a file of another program, and for what is no regular file. A pipe does not block.
    """
    try:
        descriptor = os.open(path, flags | _ALWAYS | os.O_NONBLOCK, MODE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            check_own(os.lstat(path), path)
        raise
    try:
        check_own(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def check_own(status: os.stat_result, path: Path | str) -> None:
    """Raise `OSError` unless this is the status, without following links, of a regular file."""
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "it is a symbolic link", str(path))
    refuse_mode(status.st_mode, Path(path))


def new_draft(path: Path) -> tuple[int, Path]:
    """Create an empty file beside `path`, and return its descriptor (for writing) and its path.

    Its name is that of `path` with 16 random digits and `.new`, so that it never is that of an
    existing file. Raises `OSError`.
    """
    while True:
        draft = path.with_name(f"{path.name}.{token_hex(_RANDOM_BYTES)}.new")
        with suppress(FileExistsError):
            return os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ALWAYS, MODE), draft


def is_draft_of(name: str, path: Path) -> bool:
    """Tell whether a name is one that `new_draft` gives to drafts of `path`."""
    digits = name.removeprefix(f"{path.name}.").removesuffix(".new")
    return (
        name == f"{path.name}.{digits}.new"
        and len(digits) == 2 * _RANDOM_BYTES
        and all(digit in "0123456789abcdef" for digit in digits)
    )
