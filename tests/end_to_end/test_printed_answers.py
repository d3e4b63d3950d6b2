"""`collector run --answers -`: a pipe gets the lines that are on the disk, and holds no run."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from aiohttp import web

from collector.simulator import Simulator
from tests.cli.terminal import on_a_terminal
from tests.conftest import OwnApi, company_lines, serving
from tests.end_to_end.steps import assert_all_answered, until

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]
Serve = Callable[..., Awaitable[OwnApi]]
Pipe = tuple[int, int]

_RUN: Final = ("run", "companies.txt", "--output", "r", "--answers", "-")
_FAST: Final = (*_RUN, "--rate", "100000")
_COUNT: Final = 60
_CAPACITY: Final = 4096
"""Bytes: the lines of some companies only."""


def _answered(_company: str, _asked: int) -> int:
    return 200


def _total(_company: str, days: range) -> int:
    return len(days)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Give a small pipe: the descriptor to read, and the one to write."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _CAPACITY)
    yield reader, writer
    for descriptor in (reader, writer):
        with suppress(OSError):
            os.close(descriptor)


def _read_all(reader: int) -> bytes:
    with open(reader, "rb", closefd=False) as stream:
        return stream.read()


def _file(command: Any) -> bytes:  # noqa: ANN401 - see conftest
    content: bytes = (command.directory / "r" / "statistics.jsonl").read_bytes()
    return content


def _has_ended(command: Any) -> bool:  # noqa: ANN401
    path = command.directory / "r" / "run.json"
    return path.exists() and command.manifest("r")["attempts"][-1]["exit_code"] is not None


async def test_they_are_the_lines_of_the_file_and_nothing_else(
    serve: Serve,
    command: Any,  # noqa: ANN401
) -> None:
    """The summary goes to standard error; what is resumed prints what is new, in this order.

    `to` of the file of options and of the environment belongs to other commands.
    """
    command = (
        (await serve(_answered, total=_total))
        .point(command)
        .with_environment(COLLECTOR_TO="elsewhere.csv")
    )
    command.write("companies.txt", company_lines(_COUNT - 1))
    command.write("collector.toml", 'to = "statistics.csv"\n')
    first = await command.run(*_FAST)
    assert first.exit_code == 0
    assert first.stdout.encode() == _file(command)
    assert first.stdout.count("\n") == _COUNT - 1
    assert "59 of 59 answered" in first.stderr
    command.write("companies.txt", company_lines(_COUNT))
    again = await command.run(*_FAST, "--quiet")
    assert (again.exit_code, again.stderr) == (0, "")
    assert first.stdout + again.stdout == _file(command).decode()
    assert again.stdout.count("\n") == 1
    nothing = await command.run(*_FAST)
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert {"elsewhere.csv", "statistics.csv"}.isdisjoint(command.files())


async def test_a_line_is_printed_while_the_run_works(
    start_api: StartApi, against: Against, pipe: Pipe
) -> None:
    """A program that reads it need not wait for the end."""
    command = against(await start_api(latency=0.05))
    command.write("companies.txt", company_lines(200))
    process = await command.start(*_RUN, "--rate", "50", stdout=pipe[1])
    os.close(pipe[1])
    first = await asyncio.to_thread(os.read, pipe[0], _CAPACITY)
    assert first.endswith(b"\n")
    assert _file(command).startswith(first)
    assert not _has_ended(command)
    process.send_signal(signal.SIGTERM)
    rest = await asyncio.to_thread(_read_all, pipe[0])
    assert (await command.finish(process)).exit_code == 143
    assert first + rest == _file(command)


async def test_a_reader_that_closes_the_pipe_ends_no_run(
    serve: Serve,
    command: Any,  # noqa: ANN401
    pipe: Pipe,
) -> None:
    """As with `| head -1`: all is on the disk, and the exit code is that of the run."""
    command = (await serve(_answered, total=_total)).point(command)
    command.write("companies.txt", company_lines(_COUNT))
    process = await command.start(*_FAST, stdout=pipe[1])
    os.close(pipe[1])
    await asyncio.to_thread(os.read, pipe[0], 1)
    os.close(pipe[0])
    done = await command.finish(process)
    assert done.exit_code == 0
    assert_all_answered(command, _COUNT)
    assert "the reader of standard output has closed it" in done.stderr
    assert "not printed are in r/statistics.jsonl" in done.stderr


async def test_a_slow_reader_gets_all_and_holds_no_request(
    serve: Serve,
    command: Any,  # noqa: ANN401
    pipe: Pipe,
) -> None:
    """The run ends before the first line is read; the command waits for its reader."""
    command = (await serve(_answered, total=_total)).point(command)
    command.write("companies.txt", company_lines(_COUNT))
    process = await command.start(*_FAST, stdout=pipe[1])
    os.close(pipe[1])
    await until(lambda: _has_ended(command))
    assert len(_file(command)) > _CAPACITY
    read = await asyncio.to_thread(_read_all, pipe[0])
    done = await command.finish(process)
    assert (done.exit_code, read) == (0, _file(command))
    assert "warning" not in done.stderr


@pytest.mark.parametrize("collects", [True, False])
async def test_a_signal_ends_a_run_that_is_not_read(
    serve: Serve,
    command: Any,  # noqa: ANN401
    pipe: Pipe,
    collects: bool,  # noqa: FBT001
) -> None:
    """A reader that takes nothing for a second gets no more; the directory has all."""
    api = await serve(_answered, latency=0.05 if collects else 0.0)
    command = api.point(command)
    command.write("companies.txt", company_lines(_COUNT))
    rate = "50" if collects else "100000"
    process = await command.start(*_RUN, "--rate", rate, stdout=pipe[1])
    statistics = command.directory / "r" / "statistics.jsonl"
    if collects:
        await until(lambda: statistics.exists() and statistics.stat().st_size > _CAPACITY)
    else:
        await until(lambda: _has_ended(command))
    process.send_signal(signal.SIGTERM)
    done = await command.finish(process)
    assert done.exit_code == 143
    assert "took nothing for 1 s" in done.stderr
    if not collects:
        assert_all_answered(command, _COUNT)
    assert command.manifest("r")["attempts"][-1]["exit_code"] == (143 if collects else 0)


async def test_a_full_disk_is_5_and_the_run_is_whole(
    serve: Serve,
    command: Any,  # noqa: ANN401
) -> None:
    """What was asked for is not printed; nothing is lost in the directory."""
    command = (await serve(_answered, total=_total)).point(command)
    command.write("companies.txt", company_lines(3))
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = await command.finish(await command.start(*_FAST, stdout=full))
    finally:
        os.close(full)
    assert done.exit_code == 5
    assert "standard output cannot be written: No space left on device" in done.stderr
    assert_all_answered(command, 3)
    assert command.manifest("r")["attempts"][-1]["exit_code"] == 0


async def test_without_standard_output_nothing_is_sent(
    serve: Serve,
    command: Any,  # noqa: ANN401
) -> None:
    """It was closed before the start."""
    api = await serve(_answered)
    command = api.point(command)
    command.write("companies.txt", "1\n")
    closing = ("sh", "-c", 'exec "$0" -m collector "$@" >&-', sys.executable)
    done = await command.finish(await command.spawn(*closing, *_RUN))
    assert done.exit_code == 5
    assert "standard output is closed" in done.stderr
    assert (api.asked.total(), command.files()) == (0, {"companies.txt"})


async def test_each_shard_prints_its_own(
    serve: Serve,
    command: Any,  # noqa: ANN401
) -> None:
    """Together they are the answers of the run."""
    command = (await serve(_answered, total=_total)).point(command)
    command.write("companies.txt", company_lines(10))
    printed = []
    for shard in ("0/2", "1/2"):
        done = await command.run(*_FAST, "--shard", shard)
        assert done.exit_code == 0
        printed.append(done.stdout)
    assert all(printed)
    latest = await command.run("latest", "r")
    assert sorted("".join(printed).splitlines()) == sorted(latest.stdout.splitlines())


async def test_a_terminal_shows_lines_that_cannot_control_it(
    command: Any,  # noqa: ANN401
) -> None:
    """Nor is a live display drawn over them. `latest` shows the same."""

    async def issue(_request: web.Request) -> web.Response:
        return web.json_response({"access_token": "fake", "expires_in": 7200})

    async def answer(_request: web.Request) -> web.Response:
        data = '{"total":1,"sended":1,"pending":0,"fails":0,"campaign":1,"actions":{"\x9b2J":1}}'
        return web.Response(text=f'{{"code":200,"data":{data}}}', content_type="application/json")

    async with serving(issue, answer) as port:
        command = command.pointed_at(f"http://127.0.0.1:{port}")
        command.write("companies.txt", "1\n")
        shown = await on_a_terminal(command, *_RUN, columns=500)
        latest = await on_a_terminal(command, "latest", "r", columns=500)
    assert "\x9b" in _file(command).decode()
    for text in (shown, latest):
        assert '"\\u009b2J":1' in text
        assert "\x9b" not in text
    assert "in flight" not in shown
    assert "every cell has an answer" in shown
