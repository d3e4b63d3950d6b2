"""Address, ports and files of a server."""

import socket
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.server.certificate import Certificate, make_certificate

__all__ = ["Places", "find_places"]

_LOOPBACK: Final = "127.0.0.1"


class Places(NamedTuple):
    """Address with two ports, one of them for TLS; log of answers; scratch directory."""

    address: str
    port: int
    tls_port: int
    certificate: Certificate
    log: Path
    scratch: Path


def find_places(parent: Path) -> Places:
    """Find free ports, and create a directory with a certificate and a log."""
    scratch = Path(tempfile.mkdtemp(prefix="server-", dir=parent))
    log = scratch / "answered.log"
    log.touch()
    certificate = make_certificate(scratch, _LOOPBACK)
    with socket.socket() as plain, socket.socket() as encrypted:
        # Both at the same time, so that they differ.
        for probe in (plain, encrypted):
            probe.bind((_LOOPBACK, 0))
        port, tls_port = (probe.getsockname()[1] for probe in (plain, encrypted))
    return Places(_LOOPBACK, port, tls_port, certificate, log, scratch)
