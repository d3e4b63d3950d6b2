"""The section of the report about speed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.speed.contenders import CONTENDERS, PEERS, Contender
from benchmarks.speed.measure import Limits, measure
from benchmarks.speed.report import speed_tables
from benchmarks.speed.versions import versions

__all__ = ["speed_section"]

_LATENCIES: Final = (0.0, 0.05)
"""Seconds."""


def speed_section(
    scratch: Path,
    contenders: Sequence[Contender] = CONTENDERS,
    limits: Limits | None = None,
) -> str:
    """Measure without and with latency, and return Markdown; this takes minutes.

    Raise `RuntimeError` if the peers are not installed.
    """
    if not PEERS.exists():
        raise RuntimeError(f"{PEERS} is missing: make bench installs the peers")
    today = datetime.now(UTC).date()
    parts = [f"Versions: {versions()}.\n"]
    for latency in _LATENCIES:
        measured = measure(contenders, scratch, today, latency, limits or Limits())
        parts.append(speed_tables(measured, contenders))
    return "\n".join(parts)
