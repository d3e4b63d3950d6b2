"""How many requests have to be in flight for a rate."""

from math import ceil
from typing import Final

__all__ = ["in_flight_needed"]

_HEADROOM: Final = 1.2


def in_flight_needed(rate: float, latency: float) -> int:
    """Return how many requests in flight a rate (requests a second) takes at a latency (seconds).

    Little's law, L = lambda * W (John Little, 1961), and a fifth more, because some answers take
    longer than others.
    """
    return max(1, ceil(rate * latency * _HEADROOM))
