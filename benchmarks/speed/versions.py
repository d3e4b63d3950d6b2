"""Versions of the measured programs."""

import subprocess
from importlib.metadata import version

from benchmarks.server import server_name
from benchmarks.speed.contenders import PEERS
from collector.core.extras import DISTRIBUTION

__all__ = ["versions"]

_OURS = (DISTRIBUTION, "aiohttp")
_PEERS = ("scrapy", "dlt", "singer-sdk", "aiohttp")

_ASK = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"


def versions() -> str:
    """Return the names and versions of all measured programs."""
    asked = subprocess.run([PEERS, "-c", _ASK, *_PEERS], check=True, capture_output=True, text=True)
    *peers, aiohttp = zip(_PEERS, asked.stdout.split(), strict=True)
    curl = subprocess.run(["curl", "--version"], check=True, capture_output=True, text=True).stdout
    ours = [(name, version(name)) for name in _OURS]
    named = ", ".join(f"{name} {number}" for name, number in (*ours, *peers))
    return f"{named} (with {' '.join(aiohttp)}), {' '.join(curl.split()[:2])}; {server_name()}"
