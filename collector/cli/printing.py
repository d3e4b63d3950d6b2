"""Printing: untrusted text cannot control the terminal; what was asked for is printed whole.

`say` and `write` print what the user asked a command for; what cannot be written is an error.
`note`, `show` and `complain` print what informs the user; what cannot be written is given up.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from collector.core.errors import InputError, StorageError
from collector.core.text import escaped

__all__ = [
    "columns_of",
    "company_text",
    "complain",
    "json_array",
    "note",
    "padded",
    "rate_text",
    "refuse_terminal",
    "require_output",
    "say",
    "show",
    "unwritable",
    "write",
]


def say(text: str) -> None:
    """Print to standard output, untrusted text escaped; ignore a closed pipe.

    Raises `StorageError` when it cannot be written: the user must not take a part for the whole.
    """
    with _whole_output() as stream:
        _put(_shown(text), stream, end="\n")


def note(text: str) -> None:
    """Print to standard output, untrusted text escaped; ignore that it cannot be written."""
    _try_to_put(_shown(text), sys.stdout, end="\n")


def show(picture: str) -> None:
    """Print text with terminal escapes to standard output as it is, as `note` does.

    The caller must have escaped the untrusted text in it.
    """
    _try_to_put(picture, sys.stdout, end="")


def complain(*lines: str) -> None:
    """Print lines to standard error, after the command's name; untrusted text is escaped.

    Line breaks within a line are escaped too: text from outside cannot make a line of its own.
    """
    text = "\n".join(escaped(line) for line in (f"collector: {lines[0]}", *lines[1:]))
    _try_to_put(text, sys.stderr, end="\n")


def write(pieces: Iterable[bytes]) -> None:
    """Write a document for programs to standard output as it is; ignore a closed pipe.

    Raises `StorageError` when it cannot be written whole: a program must not take a part for the
    whole.
    """
    with _whole_output() as stream:
        stream.buffer.writelines(pieces)
        stream.buffer.flush()


def refuse_terminal() -> None:
    """Raise `InputError` if standard output is a terminal: it cannot show what is no text."""
    if sys.stdout is not None and sys.stdout.isatty():
        raise InputError(
            "standard output is a terminal, and this format is no text; write it to a file with "
            "--to, or send the output to a file or a pipe"
        )


def require_output() -> TextIO:
    """Return standard output. Raises `StorageError` if it was closed before the start."""
    if sys.stdout is None or sys.stdout.closed:
        raise StorageError("standard output is closed; give it a file or a pipe")
    return sys.stdout


def unwritable(error: OSError) -> StorageError:
    """Return the error of a standard output that cannot be written."""
    return StorageError(f"standard output cannot be written: {error.strerror}")


@contextmanager
def _whole_output() -> Iterator[TextIO]:
    try:
        yield require_output()
    except BrokenPipeError:
        return
    except OSError as error:
        raise unwritable(error) from error


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


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide letters (of East Asia) take two."""
    # Here, and not at the start of each command.
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, columns: int) -> str:
    """Return a text with blanks after it, so that it takes so many columns of a terminal."""
    return text + " " * (columns - columns_of(text))


def rate_text(rate: float) -> str:
    """Return a rate with four digits, or with all its digits before the decimal point."""
    return f"{rate:.4g}" if rate < 1000 else f"{rate:.0f}"  # noqa: PLR2004 - four digits


def _shown(text: str) -> str:
    return "\n".join(escaped(line) for line in text.split("\n"))


def _try_to_put(text: str, stream: TextIO | None, *, end: str) -> None:
    if stream is None:  # closed before the start
        return
    # OSError: a closed pipe or a full disk. ValueError: the stream was closed meanwhile.
    with suppress(OSError, ValueError):
        _put(text, stream, end=end)


def _put(text: str, stream: TextIO, *, end: str) -> None:
    # Characters that the encoding lacks become escapes; otherwise the whole text would be lost.
    encoding = stream.encoding or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    print(text, end=end, file=stream, flush=True)
