"""How a cost grows with a size: the exponent, and what it comes to at another size."""

from collections.abc import Mapping
from math import log
from typing import Final

__all__ = ["exponent", "extrapolated"]

_FLAT: Final = 0.25
"""A cost that is above the start by less than this share of it has not grown."""

_LEAST: Final = 0.05
"""Share of the start below which a difference is noise; smaller ones count as this one."""


def exponent(costs: Mapping[int, float], start: float) -> float | None:
    """Return the exponent of the growth of costs, by size; None if the largest has not grown.

    It is the slope of log(cost - start) over log(size), by least squares: 1 is linear, 2 quadratic.
    `start` is the cost of next to nothing, in the unit of the costs; sizes are what is above that.
    There are at least two sizes. The noise of a cost is a share of it, so that a difference from
    the start is the less certain the smaller it is beside the cost; each size has the weight that
    follows (1 / variance of the logarithm). One that costs no more than the start is left out, but
    the two largest are not.
    """
    above = {size: cost - start for size, cost in costs.items()}
    if above[max(above)] < _FLAT * start:
        return None
    for size in sorted(above)[-2:]:
        above[size] = max(above[size], _LEAST * start)
    fitted = [
        (log(size), log(more), more**2 / (costs[size] ** 2 + start**2))
        for size, more in above.items()
        if more > 0
    ]
    total = sum(weight for *_, weight in fitted)
    mean_x = sum(weight * x for x, _, weight in fitted) / total
    mean_y = sum(weight * y for _, y, weight in fitted) / total
    return sum(weight * (x - mean_x) * (y - mean_y) for x, y, weight in fitted) / sum(
        weight * (x - mean_x) ** 2 for x, _, weight in fitted
    )


def extrapolated(
    costs: Mapping[int, float], start: float, size: int, *, least: float = 0.0
) -> float:
    """Return the cost that this size would have, from that of the largest and the exponent.

    A cost that has not grown stays as it is. The exponent counts as `least` if it is below.
    """
    largest = max(costs)
    slope = exponent(costs, start)
    if slope is None:
        return costs[largest]
    factor: float = (size / largest) ** max(slope, least)
    return start + (costs[largest] - start) * factor
