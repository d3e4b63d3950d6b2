"""Runs commands in a terminal, as a person does."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from contextlib import suppress
from dataclasses import replace
from typing import Any

LINES = 40


def heed_hangups() -> None:
    """Let a child process hear when a terminal is closed, be the tests started by `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def lead_a_session() -> None:
    """Let the terminal that is standard input of a child process be its own, as of a login."""
    heed_hangups()
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def on_a_terminal(
    command: Any,  # noqa: ANN401 - see conftest
    *arguments: str,
    columns: int,
    shows_errors: bool = True,
) -> str:
    """Run a command that ends well in a terminal of so many columns, and return what it showed.

    Without errors only standard output is the terminal.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
    # Each with a size of its own.
    command = replace(
        command,
        environment={n: value for n, value in command.environment.items() if n != "COLUMNS"},
        flags=(),
    )
    process = await command.start(
        *arguments, stdin=slave, stdout=slave, stderr=slave if shows_errors else None
    )
    os.close(slave)
    shown = await asyncio.to_thread(_read_all, master)
    assert await process.wait() == 0
    return shown


def _read_all(descriptor: int) -> str:
    shown = b""
    # A terminal whose other side has gone reports an I/O error instead of an end.
    with suppress(OSError), open(descriptor, "rb", buffering=0) as terminal:
        while chunk := terminal.read(4096):
            shown += chunk
    return shown.decode()
