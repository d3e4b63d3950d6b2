"""A signal that comes while the command is still being imported ends it, with its exit code."""

import asyncio
import os
import signal
import sys
from typing import Final

import pytest

from tests.cli.process_one import UNSHARE, child_of, needs_namespaces
from tests.cli.terminal import heed_hangups
from tests.conftest import Command

_SIGNALS: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}

_SLOW: Final = """
print("importing", flush=True)
import time
time.sleep(60)
"""
"""In place of a library that the command line imports."""


async def _start(command: Command, *program: str) -> asyncio.subprocess.Process:
    """Start a program that imports what the command's directory has in place of a library."""
    command = command.with_environment(PYTHONPATH=".")
    return await command.spawn(*program, stdin=asyncio.subprocess.PIPE, preexec_fn=heed_hangups)


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode().strip()


async def _end(process: asyncio.subprocess.Process) -> tuple[int | None, bytes]:
    async with asyncio.timeout(20):
        _, said = await process.communicate()
    return process.returncode, said


@pytest.mark.parametrize("is_first", [False, True], ids=["a process", "process 1"])
@pytest.mark.parametrize("number", _SIGNALS)
async def test_while_it_is_imported(
    command: Command, number: signal.Signals, *, is_first: bool
) -> None:
    """Without a traceback. The kernel drops what process 1 of a container has no handler for."""
    if is_first:
        needs_namespaces()
    command.write("cyclopts.py", _SLOW)
    program = (sys.executable, "-m", "collector", "plan", "companies.txt")
    process = await _start(command, *(UNSHARE if is_first else ()), *program)
    assert await _line(process) == "importing"
    os.kill(child_of(process.pid) if is_first else process.pid, number)
    assert await _end(process) == (_SIGNALS[number], b"")


async def test_what_a_shell_starts_in_the_background_ignores_ctrl_c(
    command: Command,
) -> None:
    """As the shell has set it; SIGTERM ends it."""
    command.write("cyclopts.py", _SLOW)
    script = 'trap "" INT; exec "$0" -m collector plan companies.txt'
    process = await _start(command, "bash", "-c", script, sys.executable)
    assert await _line(process) == "importing"
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert await _end(process) == (143, b"")
