"""A real forward proxy, in processes of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

USER = "night"
PASSWORD = "hunter22-77aa"  # noqa: S105 - made up

_START_SECONDS = 60.0
_LOG_SECONDS = 10.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class ForwardProxy:
    """A proxy that lets `USER` with `PASSWORD` through, and knows every name as this machine."""

    port: int
    log: Path
    scheme: str = "http"

    def url(self, password: str | None = PASSWORD) -> str:
        """Return its address, with a user name unless the password is None."""
        userinfo = "" if password is None else f"{USER}:{password}@"
        return f"{self.scheme}://{userinfo}localhost:{self.port}"

    def tunnels(self, port: int, at_least: int) -> int:
        """Return how many tunnels to a port were closed so far; wait until there are enough."""
        return self._wait(f"CONNECT [^ ]+:{port} ", at_least)

    def requests(self, port: int, at_least: int) -> int:
        """Return how many connections with requests in plain http to a port were closed so far."""
        return self._wait(f"(GET|POST) [^ ]+:{port}/", at_least)

    def _wait(self, pattern: str, at_least: int) -> int:
        until = time.monotonic() + _LOG_SECONDS
        while True:
            seen = len(re.findall(pattern, self.log.read_text(encoding="utf-8")))
            if seen >= at_least or time.monotonic() > until:
                return seen
            time.sleep(_POLL_SECONDS)


@contextmanager
def forward_proxy(directory: Path, certificate: Path | None = None) -> Iterator[ForwardProxy]:
    """Run a proxy, which speaks TLS if it has a certificate, and end all of its processes."""
    port_file, log = directory / "port", directory / "proxy.log"
    command = [
        *(sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0"),
        *("--port-file", str(port_file), "--log-file", str(log)),
        *("--num-workers", "1", "--num-acceptors", "1", "--basic-auth", f"{USER}:{PASSWORD}"),
        *("--plugins", "tests.end_to_end.resolver.LoopbackResolver"),
    ]
    if certificate is not None:
        command += ["--cert-file", str(certificate), "--key-file", str(certificate)]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(  # noqa: S603 - our own
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        scheme = "http" if certificate is None else "https"
        yield ForwardProxy(_port(process, port_file), log, scheme)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        finally:
            # Its session has only its own processes.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _port(process: subprocess.Popen[bytes], port_file: Path) -> int:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if port_file.exists() and (text := port_file.read_text(encoding="ascii").strip()):
            return int(text)
        time.sleep(_POLL_SECONDS)
    message = "the proxy has not started"
    raise RuntimeError(message)
