"""Runs commands in processes that need not import the collector first; no test by itself.

To start Python and to import takes most of the time of a command. `python forking.py SOCKET` does
both once, and forks a process for each connection: it goes on from there with the directory, the
environment, the flags of Python, the limit of files and the arguments that are sent, and the three
files that come with them for its streams. Its exit code is the answer. Who hangs up has it killed;
who closes standard input ends it all.
"""

import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

from collector.__main__ import main

_IMPORTED: Final = (
    *("app", "check", "checkup", "completion", "coverage_text", "diff", "diff_json", "diff_text"),
    *("export", "latest", "plan", "rehearsal", "report", "run", "simulate", "status"),
)
"""What commands import when they begin to work, but for the extras."""

_LARGEST_MESSAGE: Final = 1 << 20
_CONNECTIONS_WAITING: Final = 64


class _Server:
    """Forks, and tells how its children have ended."""

    def __init__(self, path: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listening.bind(path)
        self._listening.listen(_CONNECTIONS_WAITING)
        self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._connections: dict[int, socket.socket] = {}
        signal.set_wakeup_fd(self._wakeup[1])
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for readable in (sys.stdin.fileno(), self._listening, self._wakeup[0]):
            self._selector.register(readable, selectors.EVENT_READ)

    def serve(self) -> dict[str, Any] | None:
        """Return in each child what it is to run, and at last nothing."""
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listening:
                    order = self._fork()
                    if order is not None:
                        return order
                elif key.fileobj == self._wakeup[0]:
                    os.read(self._wakeup[0], 1024)
                    self._reap()
                elif key.fileobj == sys.stdin.fileno():
                    self._end()
                    return None
                else:
                    # Nothing more is sent there: it is closed.
                    os.kill(key.data, signal.SIGKILL)
                    self._selector.unregister(key.fileobj)

    def _fork(self) -> dict[str, Any] | None:
        connection, _ = self._listening.accept()
        text, files, _, _ = socket.recv_fds(connection, _LARGEST_MESSAGE, 3)
        pid = os.fork()
        if pid:
            for file in files:
                os.close(file)
            self._connections[pid] = connection
            self._selector.register(connection, selectors.EVENT_READ, pid)
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for other in (self._listening, connection, *self._connections.values()):
            other.close()
        for end in self._wakeup:
            os.close(end)
        for stream, file in enumerate(files):
            os.dup2(file, stream)
            os.close(file)
        order: dict[str, Any] = json.loads(text)
        return order

    def _reap(self) -> None:
        """Answer for the children that have ended."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                connection = self._connections.pop(pid)
                with suppress(KeyError):
                    self._selector.unregister(connection)
                with suppress(BrokenPipeError), connection:
                    connection.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _end(self) -> None:
        for pid, connection in self._connections.items():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            connection.close()
        self._listening.close()


def _flag(flags: Sequence[str]) -> None:
    """Do what flags of Python do that concern a command which is at work already."""
    if "dev" in flags:
        os.environ["PYTHONASYNCIODEBUG"] = "1"
    if "error" in flags:
        warnings.simplefilter("error")


def _run(
    *,
    directory: str,
    environment: dict[str, str],
    flags: list[str],
    size: int,
    arguments: list[str],
) -> NoReturn:
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    # As `python -m` has it; here it is the directory of this file.
    more = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:1] = [directory, *filter(None, more)]
    _flag(flags)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as ended:
        # To take down what was imported takes as long as most commands do.
        os._exit(int(ended.code or 0))


if __name__ == "__main__":
    for name in _IMPORTED:
        importlib.import_module(f"collector.cli.{name}")
    # Those that are forked would look through all of it as they end.
    gc.freeze()
    found = _Server(sys.argv[1]).serve()
    if found is not None:
        _run(**found)
