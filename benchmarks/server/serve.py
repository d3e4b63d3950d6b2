"""Starts a server as a child, makes its latency exact, and ends it by its number."""

import http.client
import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.server.answers import Answered, parse_answers
from benchmarks.server.granian_application import DELAY, LOG, TODAY
from benchmarks.server.nginx import find_nginx, nginx_configuration

__all__ = ["Server", "server_name", "serving"]

_GRANIAN: Final = Path(".venv-peers/bin/granian")
_APPLICATION: Final = "benchmarks.server.granian_application:application"

_PATIENCE: Final = 10.0
"""Seconds within which a server starts to listen."""

_FLUSHED: Final = 0.3
"""Seconds after which the last line is in the log for sure: both servers write it after 0.1."""


_PROBES: Final = 60
"""Requests, one after the other, by which the latency is measured."""

_TOLERANCE: Final = 0.0006
"""Seconds by which it may be missed; nginx can be told whole milliseconds only."""

_ATTEMPTS: Final = 5


@dataclass(slots=True)
class Server:
    """A server under way; `latency` is what it really takes for an answer, in seconds."""

    base_url: str
    latency: float
    _log: Path
    _forgotten: int = field(default=0, init=False)

    def forget(self) -> None:
        """Begin a measurement: what was answered before it does not count."""
        time.sleep(_FLUSHED)
        self._forgotten = self._log.stat().st_size

    def answered(self) -> Answered:
        """Return what was answered since then, when the client has ended."""
        time.sleep(_FLUSHED)
        with self._log.open("rb") as stream:
            stream.seek(self._forgotten)
            return parse_answers(stream.read().decode())


def server_name() -> str:
    """Return which server it is, and its version."""
    nginx = find_nginx()
    command: Sequence[str | Path] = [nginx, "-v"] if nginx else [_GRANIAN, "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return (said.stderr or said.stdout).strip().removeprefix("nginx version: ")


@contextmanager
def serving(scratch: Path, today: date, latency: float = 0.0) -> Iterator[Server]:
    """Serve on a port of the loopback interface; each answer takes `latency` seconds.

    The timers of servers are late by a millisecond or two. How late is measured, and taken off.
    Raises `RuntimeError` if that does not help, as on a machine that is very busy.
    """
    delay, error = latency, 0.0
    for _ in range(_ATTEMPTS):
        with _serving(scratch, today, delay) as server:
            error = server.latency - latency
            if not latency or abs(error) <= _TOLERANCE:
                yield server
                return
        delay -= error
    raise RuntimeError(f"the server misses a latency of {latency} s by {error:.4f} s")


@contextmanager
def _serving(scratch: Path, today: date, delay: float) -> Iterator[Server]:
    port = _free_port()
    log = scratch / f"answered-{port}.log"
    log.touch()
    with _started(scratch, port, log, delay, today) as process:
        try:
            _wait_for(port, process)
            yield Server(f"http://127.0.0.1:{port}", _measured_latency(port), log)
        finally:
            process.terminate()


def _measured_latency(port: int) -> float:
    """Return the median of the seconds that an answer takes, from sending to the end of reading."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    seconds = []
    for _ in range(_PROBES):
        # Not in step with the server's clock, whose ticks are a millisecond or more.
        time.sleep(random.uniform(0.0, 0.004))  # noqa: S311 - no secret
        began = time.perf_counter()
        connection.request("GET", "/")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - began)
    connection.close()
    return median(seconds)


def _started(
    scratch: Path, port: int, log: Path, delay: float, today: date
) -> subprocess.Popen[bytes]:
    if nginx := find_nginx():
        configuration = scratch / f"nginx-{port}.conf"
        configuration.write_text(nginx_configuration(scratch, port, log, delay, today))
        return subprocess.Popen([nginx, "-p", scratch, "-c", configuration])
    command: list[str | Path] = [
        _GRANIAN,
        *("--interface", "rsgi", "--workers", "1", "--http", "1", "--no-ws"),
    ]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", _APPLICATION]
    environment = {DELAY: str(delay), LOG: str(log), TODAY: today.isoformat()}
    return subprocess.Popen(command, env=os.environ | environment)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"the server does not listen on 127.0.0.1:{port}")
