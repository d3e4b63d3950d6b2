"""The collector and its peers: same work, same server, in turns, in one run."""

from benchmarks.speed.section import speed_section

__all__ = ["speed_section"]
