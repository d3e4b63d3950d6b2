"""Runs commands in processes that have imported the collector before they begin; not a test.

Starting Python and importing take most of the time of most commands. The fork server of
`multiprocessing` does both once, and forks a process for each command.
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
from pkgutil import iter_modules
from typing import Final, NoReturn

import collector.cli
from collector.__main__ import main

__all__ = ["Order", "run_forked"]

_IMPORTED: Final = (
    *(module.name for module in iter_modules(collector.cli.__path__, "collector.cli.")),
    *("collector.run.run", "collector.simulator.server"),
)
"""What commands import when they begin to work, but for the extras."""

_FORKING: Final = multiprocessing.get_context("forkserver")
# The main module too: each process imports it unless the server has done so.
_FORKING.set_forkserver_preload(["__main__", __name__, *_IMPORTED])


@dataclass(frozen=True)
class Order:
    """A command for a process; `flags` are those of Python."""

    arguments: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    flags: Sequence[str]
    file_size: int
    """Maximum size of a file in bytes; see `resource.RLIMIT_FSIZE`."""


async def run_forked(order: Order, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run a command to its end; return its exit code and what it wrote to its two streams.

    The process is killed if the caller is cancelled. `stdin` has 64 KiB at most: a pipe holds it.
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
    # `multiprocessing` replaced it by /dev/null.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it has no path
    os.chdir(order.directory)
    os.environ.clear()
    os.environ.update(order.environment)
    time.tzset()
    # As `python -m` does.
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
