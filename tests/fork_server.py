"""Runs programs in processes forked from this one, which has imported what they need; not a test.

`python fork_server.py DESCRIPTOR MODULE...`: the descriptor is of a socket that listens. When the
first client comes, the modules are imported, and the options of all commands are looked at
(`parsing.py`). A connection carries one order: a line of JSON, with the descriptors of the three
streams. It is answered with the number of the process and, when that has ended, with its exit code,
each in a line. A process whose client has gone is killed. The server ends with its standard input.
"""

import atexit
import gc
import importlib
import io
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_ORDER_SIZE: Final = 1 << 20
_MOST_DESCRIPTORS: Final = 1024
_EXIT_OF_UNWRITTEN: Final = 120
"""How Python ends when its streams take nothing more."""

_exit_code = 0


class _Server:
    """Forks a process for each client."""

    def __init__(self, descriptor: int, modules: list[str]) -> None:
        self._modules = modules
        self._clients: dict[int, socket.socket] = {}
        """By the number of the process that is theirs."""
        self._listener = socket.socket(fileno=descriptor)
        self._ended, self._wakes = socket.socketpair()
        os.set_blocking(self._wakes.fileno(), False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        # With each goes what to do when there is something to read.
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._ended, selectors.EVENT_READ, self._reap)
        self._selector.register(0, selectors.EVENT_READ, self._end)

    def serve(self) -> dict[str, Any]:
        """Serve to the end of standard input; return in each forked process, with its order."""
        while True:
            for key, _ in self._selector.select():
                order: dict[str, Any] | None = key.data()
                if order is not None:
                    return order

    def _end(self) -> None:
        for pid in self._clients:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def _reap(self) -> None:
        self._ended.recv(4096)
        while self._clients:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            client = self._clients.pop(pid)
            with suppress(KeyError):
                self._selector.unregister(client)
            with client, suppress(OSError):
                client.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))

    def _accept(self) -> dict[str, Any] | None:
        client, _ = self._listener.accept()
        self._warm_up()
        text, streams, _, _ = socket.recv_fds(client, _ORDER_SIZE, 3)
        while text and not text.endswith(b"\n"):
            text += client.recv(_ORDER_SIZE)
        pid = os.fork() if text else None
        if pid == 0:
            for stream, descriptor in enumerate(streams):
                os.dup2(descriptor, stream)
            # Of the server; its sockets stay objects, which nothing closes again by their numbers.
            os.closerange(3, _MOST_DESCRIPTORS)
            order: dict[str, Any] = json.loads(text)
            return order
        for descriptor in streams:
            os.close(descriptor)
        if pid is None:
            client.close()
        else:
            client.sendall(b"%d\n" % pid)
            self._clients[pid] = client
            # It says nothing more, so what there is to read is its end.
            leave = (pid, client)
            self._selector.register(client, selectors.EVENT_READ, lambda: self._kill(*leave))
        return None

    def _warm_up(self) -> None:
        if self._modules:
            for module in self._modules:
                importlib.import_module(module)
            # It imports the collector, which no process needs before.
            importlib.import_module("tests.parsing").parse_ahead()
            self._modules = []
            gc.collect()
            gc.freeze()

    def _kill(self, pid: int, client: socket.socket) -> None:
        self._selector.unregister(client)
        os.kill(pid, signal.SIGKILL)


def _prepare(order: dict[str, Any]) -> None:
    """Make this process what the order says, as Python and its starter would have made it."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in order["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    if order["is_session"]:
        os.setsid()
    for limited, (soft, hard) in order["limits"]:
        resource.setrlimit(limited, (soft, hard))
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    if "dev" in order["flags"]:
        os.environ["PYTHONASYNCIODEBUG"] = "1"
    if "error" in order["flags"]:
        warnings.simplefilter("error")
    # Logs of libraries keep the old ones, which write to the same descriptors.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it has no path
    sys.stdout = _stream(sys.stdout, 1, is_line_buffered=os.isatty(1))
    sys.stderr = _stream(sys.stderr, 2, is_line_buffered=True)


def _stream(old: Any, descriptor: int, *, is_line_buffered: bool) -> io.TextIOWrapper:  # noqa: ANN401
    binary = open(descriptor, "wb", closefd=False)  # noqa: SIM115 - it has no path
    return io.TextIOWrapper(
        binary, encoding=old.encoding, errors=old.errors, line_buffering=is_line_buffered
    )


def _run(program: str, code: str, arguments: list[str]) -> int | str | None:
    """Run `python -m collector`, or a script; return what it exits with."""
    try:
        if code:
            sys.argv = ["-c", *arguments]
            exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - of a test
        elif program:
            sys.path.insert(0, str(Path(program).parent))
            sys.argv = [program, *arguments]
            runpy.run_path(program, run_name="__main__")
        else:
            more = os.environ.get("PYTHONPATH", "").split(os.pathsep)
            sys.path[:0] = [str(Path.cwd()), *filter(None, more)]
            sys.argv = ["collector", *arguments]
            runpy.run_module("collector", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code
    except KeyboardInterrupt:
        traceback.print_exc()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except BaseException:  # noqa: BLE001 - as Python does
        traceback.print_exc()
        return 1
    return 0


@atexit.register
def _end_at_once() -> None:
    """Spare a forked process the time to free what it has not made; called last of all."""
    code = _exit_code
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = _EXIT_OF_UNWRITTEN
    os._exit(code)


def _main() -> None:
    global _exit_code  # noqa: PLW0603 - what runs at exit takes nothing
    _, descriptor, *modules = sys.argv
    server = _Server(int(descriptor), modules)
    order = server.serve()
    _prepare(order)
    code = _run(order["program"], order["code"], order["arguments"])
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    _exit_code = code if isinstance(code, int) else int(code is not None)
    # Threads end, and then what is registered for the exit runs.
    sys.exit()


if __name__ == "__main__":
    _main()
