"""A signal that comes while the command is still being imported ends it, with its exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import pytest

from tests.cli.process_one import UNSHARE, child_of, needs_namespaces
from tests.cli.terminal import heed_hangups

_SIGNALS: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}

_SLOW: Final = """
print("importing", flush=True)
import time
time.sleep(60)
"""
"""In place of a library that the command line imports."""

Start = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start(command: Any) -> AsyncIterator[Start]:  # noqa: ANN401 - see conftest
    """Give a function that starts a program which prints, and kills it with the test."""
    async with AsyncExitStack() as ending:

        async def begin(*program: str, **variables: str) -> asyncio.subprocess.Process:
            process = await asyncio.create_subprocess_exec(
                *program,
                cwd=command.directory,
                env={**command.environment, **variables},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                preexec_fn=heed_hangups,
            )
            ending.push_async_callback(_kill, process)
            return process

        yield begin


async def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


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
    command: Any,  # noqa: ANN401 - see conftest
    start: Start,
    number: signal.Signals,
    *,
    is_first: bool,
) -> None:
    """Without a traceback. The kernel drops what process 1 of a container has no handler for."""
    if is_first:
        needs_namespaces()
    command.write("cyclopts.py", _SLOW)
    program = (sys.executable, "-m", "collector", "plan", "companies.txt")
    process = await start(*(UNSHARE if is_first else ()), *program, PYTHONPATH=".")
    assert await _line(process) == "importing"
    os.kill(child_of(process.pid) if is_first else process.pid, number)
    assert await _end(process) == (_SIGNALS[number], b"")


async def test_what_a_shell_starts_in_the_background_ignores_ctrl_c(
    command: Any,  # noqa: ANN401 - see conftest
    start: Start,
) -> None:
    """As the shell has set it; SIGTERM ends it."""
    command.write("cyclopts.py", _SLOW)
    script = 'trap "" INT; exec "$0" -m collector plan companies.txt'
    process = await start("bash", "-c", script, sys.executable, PYTHONPATH=".")
    assert await _line(process) == "importing"
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert await _end(process) == (143, b"")


_HANGS: Final = """
import asyncio, time
from collector.cli.signals import stop_on_signals

async def hang():
    with stop_on_signals(lambda code: print(int(code), flush=True), at_once):
        print("ready", flush=True)
        await asyncio.Event().wait()

def at_once():
    print("at once", flush=True)
    time.sleep(60)

asyncio.run(hang())
"""


async def test_the_third_signal_ends_process_1_as_well(start: Start) -> None:
    """A signal with its default effect does not."""
    needs_namespaces()
    process = await start(*UNSHARE, sys.executable, "-c", _HANGS)
    said = [await _line(process)]
    child = child_of(process.pid)
    for _ in range(2):
        os.kill(child, signal.SIGTERM)
        said.append(await _line(process))
    assert said == ["ready", "143", "at once"]
    os.kill(child, signal.SIGTERM)
    assert await _end(process) == (143, b"")
