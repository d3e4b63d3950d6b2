"""Printing that neither steers a terminal nor changes how the command ends."""

import sys
from contextlib import suppress
from typing import TextIO

from collector.quoting import escaped

__all__ = ["complain", "say"]


def say(text: str) -> None:
    """Print to standard output. Whoever should read it may have gone: that is not our failure."""
    _print(text, sys.stdout)


def complain(text: str) -> None:
    """Print to standard error, behind the command's name. Foreign text in it is made harmless."""
    _print(f"collector: {text}", sys.stderr)


def _print(text: str, stream: TextIO | None) -> None:
    if stream is None:  # closed before we began
        return
    lines = "\n".join(escaped(line) for line in text.split("\n"))
    # A closed pipe or a full disk; ValueError is a stream that was closed meanwhile.
    with suppress(OSError, ValueError):
        print(lines, file=stream, flush=True)
