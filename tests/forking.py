"""Runs programs in processes that have imported the collector before they begin; not a test.

Starting Python and importing take most of the time of most commands. Two servers, `fork_server.py`,
do both once for all the tests of a run, and fork a process for each program.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pkgutil import iter_modules
from types import TracebackType
from typing import Any, Final, Self

import collector
import collector.cli

__all__ = ["ForkServers", "Forked", "ForkedProcess", "ForkedScript", "Order", "write_command"]

_PLACE: Final = "PYTEST_FORK_SERVERS"
"""Names the directory of the servers' sockets to the processes that run the tests."""

_CORE: Final = (
    *(module.name for module in iter_modules(collector.cli.__path__, "collector.cli.")),
    *("collector.run.run", "collector.simulator.server", "cyclopts.help"),
)
"""What commands import when they begin to work, but for the extras."""

_EXTRAS: Final = (
    *("collector.export.export", "collector.report.report", "collector.report.page"),
    *("collector.cluster.run", "collector.cluster.shard_task"),
    *("distributed.cli.dask_scheduler", "distributed.cli.dask_worker"),
    *("docstring_parser", "rich.markdown"),
)
"""What they import for their extras, and what Dask's own commands need."""

_MODULES: Final = {"core": _CORE, "all": (*_CORE, *_EXTRAS)}
"""What each server imports. A test that replaces modules of the extras gets `core`."""


@dataclass(frozen=True)
class Order:
    """A program for a process.

    * `program`: path of a script, or its code; `python -m collector` if both are empty.
    * `flags`: flags of Python: `dev` and `error`.
    * `limits`: limits of resources, soft and hard, by their numbers; see `resource`.
    * `ignored`: signals that it ignores from the start.
    * `is_session`: it leads a session and a group of its own.
    """

    arguments: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    program: str = ""
    code: str = ""
    flags: Sequence[str] = ()
    limits: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    ignored: Sequence[signal.Signals] = ()
    is_session: bool = False

    def encoded(self) -> bytes:
        """Return the line for a server."""
        fields: dict[str, Any] = {
            "arguments": list(self.arguments),
            "directory": str(self.directory),
            "environment": dict(self.environment),
            "program": self.program,
            "code": self.code,
            "flags": list(self.flags),
            "limits": list(self.limits.items()),
            "ignored": list(self.ignored),
            "is_session": self.is_session,
        }
        return json.dumps(fields).encode() + b"\n"

    @property
    def server(self) -> str:
        """Return the name of the server that takes it."""
        return "core" if self.environment.get("PYTHONPATH") else "all"


_SCRIPT: Final = """#!{python} -IS
import json, os, signal, socket, sys

order = {order}
order |= {{"arguments": sys.argv[1:], "directory": os.getcwd(), "environment": dict(os.environ)}}
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({path})
    socket.send_fds(connection, [json.dumps(order).encode() + b"\\n"], [0, 1, 2])
    said = connection.makefile()
    pid = int(said.readline())
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    code = int(said.readline())
sys.exit(code if code >= 0 else 128 - code)
"""
"""Has itself done by a process that is forked, as the shell that starts it would have it done."""


def write_command(path: Path) -> None:
    """Write a script that does what `collector` does; it passes signals on."""
    order = Order((), path, {})
    text = _SCRIPT.format(
        python=sys.executable,
        order=json.loads(order.encoded()),
        path=repr(_path(order.server)),
    )
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


class ForkServers:
    """The two servers, from the start of a test run to its end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._directory = tempfile.mkdtemp(prefix="forks-")
        os.environ[_PLACE] = self._directory
        # The scripts of tests import what they share.
        environment = {**environment, "PYTHONPATH": str(Path(__file__).parents[1])}
        self._servers = [_server(name, environment) for name in _MODULES]

    def stop(self) -> None:
        """Stop them, with all processes that are still running."""
        for server in self._servers:
            server.communicate()
        shutil.rmtree(self._directory)


def _path(name: str) -> str:
    return str(Path(os.environ[_PLACE]) / name)


def _server(name: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(_path(name))
        listener.listen(100)
        script = str(Path(__file__).with_name("fork_server.py"))
        return subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-P", script, str(listener.fileno()), *_MODULES[name]],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )


class Forked:
    """A process that runs a program; the caller who has started it ends it."""

    def __init__(self, order: Order, streams: Sequence[int]) -> None:
        self._said = b""
        self._code: int | None = None
        self._pid: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_path(order.server))
        line = order.encoded()
        sent = socket.send_fds(self._connection, [line], streams)
        self._connection.sendall(line[sent:])

    @property
    def pid(self) -> int:
        """Return the number of the process; wait for its start."""
        while self._pid is None:
            self._hear(self._connection.recv(100))
        return self._pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process is running."""
        while self._code is None:
            try:
                self._hear(self._connection.recv(100, socket.MSG_DONTWAIT))
            except BlockingIOError:
                break
        return self._code

    def wait(self) -> int:
        """Wait for the end of the process and return the exit code."""
        while self._code is None:
            self._hear(self._connection.recv(100))
        return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        pid = self.pid
        if self.poll() is None:
            os.kill(pid, number)

    def kill(self) -> None:
        """Kill the process, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Give up the process: the server kills it."""
        self._connection.close()

    def fileno(self) -> int:
        """Return the descriptor on which start and end are told."""
        return self._connection.fileno()

    def _hear(self, said: bytes) -> None:
        assert said, "the server has gone; its error is in the output of the tests"
        *lines, self._said = (self._said + said).split(b"\n")
        for line in lines:
            if self._pid is None:
                self._pid = int(line)
            else:
                self._code = int(line)
                self._connection.close()


class ForkedScript(Forked):
    """A script that is told what to do by lines, and answers in lines; killed when a block ends.

    Warnings are errors to it.
    """

    def __init__(self, code: str, *arguments: str) -> None:
        order = Order(arguments, Path.cwd(), os.environ, code=code, flags=("error",))
        theirs, ours = os.pipe(), os.pipe()
        try:
            super().__init__(order, [theirs[0], ours[1], 2])
        finally:
            os.close(theirs[0])
            os.close(ours[1])
        self.stdin = open(theirs[1], "w", encoding="utf-8")  # noqa: SIM115, PTH123 - see __exit__
        self.stdout = open(ours[0], encoding="utf-8")  # noqa: SIM115, PTH123 - likewise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self.wait()
        with suppress(BrokenPipeError):
            self.stdin.close()
        self.stdout.close()


def _same(protocol: asyncio.StreamReaderProtocol) -> asyncio.StreamReaderProtocol:
    return protocol


def _filled_pipe(content: bytes) -> int:
    """Return the end of a pipe that reads so much, and then its end."""
    source, end = os.pipe()
    os.set_blocking(end, False)
    assert os.write(end, content) == len(content)
    os.close(end)
    return source


class ForkedProcess:
    """A forked process as `asyncio.subprocess.Process` shows one."""

    def __init__(self, forked: Forked) -> None:
        self._forked = forked
        self._ended = asyncio.Event()
        self._transports: list[asyncio.ReadTransport] = []
        self.stdout = asyncio.StreamReader()
        self.stderr = asyncio.StreamReader()

    @classmethod
    async def start(
        cls,
        order: Order,
        stdin: bytes | int = b"",
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Self:
        """Start a process.

        A stream is a descriptor, or a pipe; bytes for `stdin` are 64 KiB at most, which a pipe
        holds.
        """
        with ExitStack() as lent:
            streams = [stdin if isinstance(stdin, int) else _filled_pipe(stdin)]
            if isinstance(stdin, bytes):
                lent.callback(os.close, streams[0])
            read = list[int | None]()
            for given in (stdout, stderr):
                source, stream = (None, given) if given is not None else os.pipe()
                if given is None:
                    lent.callback(os.close, stream)
                streams.append(stream)
                read.append(source)
            process = cls(Forked(order, streams))
        await process._open(read)
        return process

    async def _open(self, pipes: Sequence[int | None]) -> None:
        loop = asyncio.get_running_loop()
        for reader, pipe in zip((self.stdout, self.stderr), pipes, strict=True):
            if pipe is None:
                reader.feed_eof()
                continue
            protocol = asyncio.StreamReaderProtocol(reader)
            # The transport closes it.
            file = open(pipe, "rb", buffering=0)  # noqa: SIM115, ASYNC230, PTH123 - see above
            transport, _ = await loop.connect_read_pipe(partial(_same, protocol), file)
            self._transports.append(transport)
        is_started, descriptor = asyncio.Event(), self._forked.fileno()
        loop.add_reader(descriptor, is_started.set)
        await is_started.wait()
        loop.remove_reader(descriptor)
        # It is known now without waiting; and it may have ended by now.
        assert self._forked.pid
        if self._forked.poll() is None:
            loop.add_reader(descriptor, self._hear)
        else:
            self._ended.set()

    def _hear(self) -> None:
        descriptor = self._forked.fileno()
        if self._forked.poll() is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            self._ended.set()

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._forked.pid

    @property
    def returncode(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process is running."""
        return self._forked.poll() if self._ended.is_set() else None

    def send_signal(self, number: int) -> None:
        """Send a signal; raise `ProcessLookupError` if the process has ended."""
        if self._ended.is_set():
            raise ProcessLookupError
        self._forked.send_signal(number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for the end of the process and return the exit code."""
        await self._ended.wait()
        return self._forked.wait()

    async def communicate(self, stdin: bytes | None = None) -> tuple[bytes, bytes]:
        """Read both streams to their end, wait for that of the process, and return what came."""
        assert stdin is None, "it was given at the start"
        stdout, stderr, _ = await asyncio.gather(
            self.stdout.read(), self.stderr.read(), self.wait()
        )
        return stdout, stderr

    async def end(self) -> None:
        """Kill the process if it is there, and stop reading what it writes."""
        if self.returncode is None:
            self.kill()
        await self.wait()
        for transport in self._transports:
            transport.close()
