"""Server as a child process: start it, calibrate its latency, terminate it."""

import http.client
import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.server.answers import Answered, parse_answers
from benchmarks.server.granian_application import DELAY, LOG, TODAY
from benchmarks.server.nginx import find_nginx, nginx_configuration
from benchmarks.server.places import Places, find_places

__all__ = ["Server", "server_name", "serving"]

_GRANIAN: Final = Path(".venv-peers/bin/granian")
_APPLICATION: Final = "benchmarks.server.granian_application:application"

_PATIENCE: Final = 10.0
"""Seconds within which a server must listen."""

_FLUSHED: Final = 0.3
"""Seconds after which the last line is certainly in the log: both servers write it after 0.1."""


_PROBES: Final = 60
"""Sequential requests that measure the latency."""

_TOLERANCE: Final = 0.0006
"""Permitted error of the latency, in seconds; nginx accepts whole milliseconds only."""

_ATTEMPTS: Final = 5


@dataclass(slots=True)
class Server:
    """A running server; `latency` is the measured time of an answer, in seconds.

    It answers the same under `tls_url`, to clients that trust the certificates in the file `chain`.
    """

    base_url: str
    tls_url: str
    chain: Path
    latency: float
    _log: Path
    _forgotten: int = field(default=0, init=False)

    def forget(self) -> None:
        """Begin a measurement: earlier answers do not count."""
        time.sleep(_FLUSHED)
        self._forgotten = self._log.stat().st_size

    def answered(self) -> Answered:
        """Return the answers since `forget`, after the client has ended."""
        time.sleep(_FLUSHED)
        with self._log.open("rb") as stream:
            stream.seek(self._forgotten)
            return parse_answers(stream.read().decode())


def server_name() -> str:
    """Return the name and version of the server."""
    nginx = find_nginx()
    command: Sequence[str | Path] = [nginx, "-v"] if nginx else [_GRANIAN, "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return (said.stderr or said.stdout).strip().removeprefix("nginx version: ")


@contextmanager
def serving(scratch: Path, today: date, latency: float = 0.0) -> Iterator[Server]:
    """Serve on a port of the loopback interface; each answer takes `latency` seconds.

    The timers of servers are late by a millisecond or two. This is measured and subtracted. Raise
    `RuntimeError` if that does not help, as on a very busy machine.
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
    places = find_places(scratch)
    with ExitStack() as started:
        for port, process in _started(places, delay, today):
            started.enter_context(process)
            started.callback(process.terminate)
            _wait_for(places.address, port, process)
        yield Server(
            f"http://{places.address}:{places.port}",
            f"https://{places.address}:{places.tls_port}",
            places.certificate.chain,
            _measured_latency(places),
            places.log,
        )


def _measured_latency(places: Places) -> float:
    """Return the median seconds of an answer, from sending to the end of reading."""
    connection = http.client.HTTPConnection(places.address, places.port)
    seconds = []
    for _ in range(_PROBES):
        # Out of step with the server's clock, whose ticks are a millisecond or more.
        time.sleep(random.uniform(0.0, 0.004))  # noqa: S311 - no secret
        began = time.perf_counter()
        connection.request("GET", "/")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - began)
    connection.close()
    return median(seconds)


def _started(
    places: Places, delay: float, today: date
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start the server processes, and yield each with a port that it listens on."""
    if nginx := find_nginx():
        configuration = places.scratch / f"nginx-{places.port}.conf"
        configuration.write_text(nginx_configuration(places, delay, today))
        yield (
            places.tls_port,
            subprocess.Popen([nginx, "-p", places.scratch, "-c", configuration]),
        )
        return
    environment = {DELAY: str(delay), LOG: str(places.log), TODAY: today.isoformat()}
    certificate: tuple[str | Path, ...] = ("--ssl-certificate", places.certificate.chain)
    certificate += ("--ssl-keyfile", places.certificate.key)
    for port, more in ((places.port, ()), (places.tls_port, certificate)):
        command: list[str | Path] = [
            _GRANIAN,
            *("--interface", "rsgi", "--workers", "1", "--http", "1", "--no-ws"),
            *("--host", places.address, "--port", str(port), "--log-level", "warning"),
            *more,
            _APPLICATION,
        ]
        yield port, subprocess.Popen(command, env=os.environ | environment)


def _wait_for(address: str, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"the server does not listen on {address}:{port}")
