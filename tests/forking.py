"""Runs commands in processes that have imported the collector before they begin; no test by itself.

To start Python and to import takes most of the time of most commands. The fork server of
`multiprocessing` does both once, and each command is a process of its own that is forked from
there.
"""

import asyncio
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, NoReturn

from collector.__main__ import main

__all__ = ["Order", "run_forked"]

_COMMANDS: Final = (
    *("app", "check", "checkup", "completion", "coverage_text", "diff", "diff_json", "diff_text"),
    *("export", "latest", "plan", "rehearsal", "report", "run", "simulate", "status"),
)
"""What commands import when they begin to work, but for the extras."""

_FORKING: Final = multiprocessing.get_context("forkserver")
# The main module too: each process imports it, unless the server has done so.
_FORKING.set_forkserver_preload(
    ["__main__", __name__, *(f"collector.cli.{name}" for name in _COMMANDS)]
)


@dataclass(frozen=True)
class Order:
    """What a process is to run, and where; `flags` are those of Python."""

    arguments: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    flags: Sequence[str]
    file_size: int
    """How large a file may become, in bytes; see `resource.RLIMIT_FSIZE`."""


async def run_forked(order: Order, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run a command to its end; return its exit code and what it wrote to its two streams.

    It is killed if whoever waits gives up. `stdin` is 64 KiB at most, which is what a pipe holds.
    """
    (source, our_source), (our_output, output), (our_errors, errors) = (
        _FORKING.Pipe(duplex=False) for _ in range(3)
    )
    os.set_blocking(our_source.fileno(), False)
    assert os.write(our_source.fileno(), stdin) == len(stdin)
    our_source.close()
    process = _FORKING.Process(target=_run, args=(order, source, output, errors))
    process.start()
    for end in (source, output, errors):
        end.close()
    try:
        async with asyncio.TaskGroup() as group:
            written = [group.create_task(_read(end)) for end in (our_output, our_errors)]
            await _end_of(process)
    except BaseException:
        process.kill()
        raise
    finally:
        process.join()
    assert process.exitcode is not None
    return process.exitcode, written[0].result(), written[1].result()


async def _read(end: Connection) -> bytes:
    reader = asyncio.StreamReader()
    with os.fdopen(os.dup(end.fileno()), "rb", buffering=0) as pipe:
        end.close()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        return await reader.read()


async def _end_of(process: BaseProcess) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process.sentinel)


def _run(order: Order, stdin: Connection, stdout: Connection, stderr: Connection) -> NoReturn:
    for stream, end in enumerate((stdin, stdout, stderr)):
        os.dup2(end.fileno(), stream)
        end.close()
    # `multiprocessing` has put /dev/null in its place.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it has no path
    os.chdir(order.directory)
    os.environ.clear()
    os.environ.update(order.environment)
    time.tzset()
    # As `python -m` has it.
    more = order.environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [str(order.directory), *filter(None, more)]
    if "dev" in order.flags:
        os.environ["PYTHONASYNCIODEBUG"] = "1"
    if "error" in order.flags:
        warnings.simplefilter("error")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_size, hard))
    sys.argv[1:] = order.arguments
    main()
