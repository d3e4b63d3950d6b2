"""A terminal that is stopped, or a pipe whose reader has stopped, holds no run."""

import asyncio
import os
import pty
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from collector.simulator import Simulator
from tests.cli.terminal import heed_hangups
from tests.conftest import company_lines, end
from tests.end_to_end.steps import assert_all_answered, until
from tests.store.made_runs import line, make_run

pytestmark = pytest.mark.slow

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_RUN: Final = ("run", "companies.txt", "--output", "r", "--rate")

_SOON: Final = 20.0
"""Seconds; what hangs would hang for ever, and the machine may be busy."""

Place = tuple[int, tuple[int, ...]]
"""A descriptor to write to, and the descriptors that keep its other side open."""


def _stopped_terminal() -> Place:
    """Give a terminal at which the user has pressed Ctrl-S."""
    keyboard, screen = pty.openpty()
    os.write(keyboard, b"\x13")
    return screen, (keyboard,)


def _unread_terminal() -> Place:
    """Give a terminal that takes no more, as that of a frozen ssh."""
    other_side, screen = pty.openpty()
    _fill(screen)
    return screen, (other_side,)


def _unread_pipe() -> Place:
    reader, writer = os.pipe()
    _fill(writer)
    return writer, (reader,)


def _fill(descriptor: int) -> None:
    os.set_blocking(descriptor, False)
    with suppress(BlockingIOError):
        while True:
            os.write(descriptor, b".")
    os.set_blocking(descriptor, True)


_PLACES: Final = {
    "stopped terminal": _stopped_terminal,
    "unread terminal": _unread_terminal,
    "unread pipe": _unread_pipe,
}

Start = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start_on() -> AsyncIterator[Start]:
    """Give a function that starts a command on such a place; it is killed with the test."""
    async with AsyncExitStack() as ending:

        async def start(
            command: Any,  # noqa: ANN401 - see conftest
            place: str,
            *arguments: str,
        ) -> asyncio.subprocess.Process:
            descriptor, others = _PLACES[place]()
            for opened in (descriptor, *others):
                ending.callback(os.close, opened)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "collector", *arguments),
                cwd=command.directory,
                env=dict(command.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                preexec_fn=heed_hangups,
            )
            ending.push_async_callback(end, process)
            return process

        yield start


async def _end(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(_SOON):
        return await process.wait()


async def test_a_run_answers_all_and_ends(
    start_api: StartApi, against: Against, start_on: Start
) -> None:
    """The display and the summary are given up; the lines and the exit code are not."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(50))
    assert await _end(await start_on(command, "stopped terminal", *_RUN, "1000")) == 0
    assert_all_answered(command, 50)
    (attempt,) = command.manifest("r")["attempts"]
    assert attempt["exit_code"] == 0


@pytest.mark.parametrize("place", _PLACES)
async def test_a_signal_ends_a_run(
    start_api: StartApi, against: Against, start_on: Start, place: str
) -> None:
    """The first one does, in order: the manifest says so, and the directory is free again."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(400))
    process = await start_on(command, place, *_RUN, "20")
    statistics = command.directory / "r" / "statistics.jsonl"
    await until(lambda: statistics.exists() and statistics.stat().st_size > 0)
    process.send_signal(signal.SIGTERM)
    assert await _end(process) == 143
    (attempt,) = command.manifest("r")["attempts"]
    assert attempt["exit_code"] == 143
    done = await command.run(*_RUN, "100000")
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 400)


async def test_the_deadline_ends_a_run(
    start_api: StartApi, against: Against, start_on: Start
) -> None:
    """It passes, whether or not a process reads."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(400))
    process = await start_on(command, "stopped terminal", *_RUN, "20", "--deadline", "1s")
    assert await _end(process) == 4
    (attempt,) = command.manifest("r")["attempts"]
    assert attempt["exit_code"] == 4


@pytest.mark.parametrize("subcommand", ["check", "demo"])
async def test_other_commands_that_send_end_too(
    start_api: StartApi, against: Against, start_on: Start, subcommand: str
) -> None:
    """Their display is one of the same kind."""
    api = await start_api(latency=0.3)
    command = against(api)
    command.write("companies.txt", company_lines(400))
    arguments = ("companies.txt", "--rate", "5")
    process = await start_on(command, "stopped terminal", subcommand, *arguments)
    if subcommand == "check":
        await until(lambda: api.counts.kinds["statistics"] > 0)
    else:
        await until(lambda: any(command.directory.glob("output/*/run.json")))
    process.send_signal(signal.SIGTERM)
    assert await _end(process) == 143


async def test_the_simulator_answers_and_ends(
    command: Any,  # noqa: ANN401 - see conftest
    start_on: Start,
) -> None:
    """Its instructions cannot be shown."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    process = await start_on(command, "stopped terminal", "simulate", "--port", str(address[1]))
    await until(lambda: _listens(address))
    process.send_signal(signal.SIGTERM)
    assert await _end(process) == 0


def _listens(address: tuple[str, int]) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(address) == 0


@pytest.mark.parametrize("arguments", [("completion", "bash"), ("export", "r", "--to", "r.csv")])
async def test_a_command_that_only_prints_waits_for_its_reader_but_heeds_signals(
    command: Any,  # noqa: ANN401 - see conftest
    start_on: Start,
    arguments: tuple[str, ...],
) -> None:
    """As any filter does: what is asked for must not be cut because the reader takes its time.

    One signal is enough, also for a command that cleans up; what is not printed yet is given up.
    """
    make_run(command.directory / "r", [line("1", 1)])
    process = await start_on(command, "unread pipe", *arguments)
    waits = Path(f"/proc/{process.pid}/wchan")
    await until(lambda: "pipe_write" in waits.read_text())
    process.send_signal(signal.SIGTERM)
    assert await _end(process) == 143
