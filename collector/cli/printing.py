"""Printing that neither steers a terminal nor changes how the command ends."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from collector.core.errors import StorageError
from collector.core.text import escaped

__all__ = ["complain", "rate_text", "say", "show", "write"]


def say(text: str) -> None:
    """Print to standard output. Whoever should read it may have gone: that is not our failure."""
    _print(text, sys.stdout)


def show(picture: str) -> None:
    """Print to standard output what was drawn for a terminal, escapes included.

    Foreign text in it must have been made harmless before.
    """
    _put(picture, sys.stdout, end="")


def complain(text: str) -> None:
    """Print to standard error, behind the command's name. Foreign text in it is made harmless."""
    _print(f"collector: {text}", sys.stderr)


def write(pieces: Iterable[bytes]) -> None:
    """Write a document for programs to standard output, as it is.

    A reader who has gone wants no more of it. Raises `StorageError` when it cannot be written
    whole, for a program must not take a part for all.
    """
    if sys.stdout is None:  # closed before we began
        raise StorageError("standard output is closed; give it a file or a pipe")
    try:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return
    except OSError as error:
        raise StorageError(f"standard output cannot be written: {error.strerror}") from error


def rate_text(rate: float) -> str:
    """Return a rate with four digits, and with all that stand before the point."""
    return f"{rate:.4g}" if rate < 1000 else f"{rate:.0f}"  # noqa: PLR2004 - four digits


def _print(text: str, stream: TextIO | None) -> None:
    _put("\n".join(escaped(line) for line in text.split("\n")), stream, end="\n")


def _put(text: str, stream: TextIO | None, *, end: str) -> None:
    if stream is None:  # closed before we began
        return
    # What the stream's encoding lacks is spelled out, or else the whole text would be lost.
    encoding = stream.encoding or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    # A closed pipe or a full disk; ValueError is a stream that was closed meanwhile.
    with suppress(OSError, ValueError):
        print(text, end=end, file=stream, flush=True)
