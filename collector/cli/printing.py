"""Printing: untrusted text cannot control the terminal, and a lost reader is no failure."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TextIO

from collector.core.errors import StorageError
from collector.core.text import escaped

__all__ = ["company_text", "complain", "json_array", "rate_text", "say", "show", "write"]


def say(text: str) -> None:
    """Print to standard output, untrusted text escaped; ignore a closed pipe or a full disk."""
    _print(text, sys.stdout)


def show(picture: str) -> None:
    """Print text with terminal escapes to standard output as it is.

    The caller must have escaped the untrusted text in it.
    """
    _put(picture, sys.stdout, end="")


def complain(text: str) -> None:
    """Print to standard error after the command's name, untrusted text escaped."""
    _print(f"collector: {text}", sys.stderr)


def write(pieces: Iterable[bytes]) -> None:
    """Write a document for programs to standard output as it is; ignore a closed pipe.

    Raises `StorageError` when it cannot be written whole: a program must not take a part for the
    whole.
    """
    if sys.stdout is None:  # closed before the start
        raise StorageError("standard output is closed; give it a file or a pipe")
    try:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return
    except OSError as error:
        raise StorageError(f"standard output cannot be written: {error.strerror}") from error


def json_array(values: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a JSON array of encoded values in pieces, one value per line."""
    separator = b"["
    for value in values:
        yield separator + value
        separator = b",\n"
    yield b"[]" if separator == b"[" else b"]"


def company_text(company_id: str, name: str | None) -> str:
    """Return a company as users know it: `id (name)`, or the id alone."""
    return f"{company_id} ({name})" if name else company_id


def rate_text(rate: float) -> str:
    """Return a rate with four digits, or with all its digits before the decimal point."""
    return f"{rate:.4g}" if rate < 1000 else f"{rate:.0f}"  # noqa: PLR2004 - four digits


def _print(text: str, stream: TextIO | None) -> None:
    _put("\n".join(escaped(line) for line in text.split("\n")), stream, end="\n")


def _put(text: str, stream: TextIO | None, *, end: str) -> None:
    if stream is None:  # closed before the start
        return
    # Characters that the encoding lacks become escapes; otherwise the whole text would be lost.
    encoding = stream.encoding or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    # OSError: a closed pipe or a full disk. ValueError: the stream was closed meanwhile.
    with suppress(OSError, ValueError):
        print(text, end=end, file=stream, flush=True)
