"""One command over several sizes, and the tables of its costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, NamedTuple

from benchmarks.growth.fit import exponent, extrapolated
from benchmarks.report import megabytes, table

__all__ = ["WANTED", "Cost", "Series", "growth_table", "paper_table"]

WANTED: Final = 1.1
"""The exponent that no command exceeds."""

_BILLION: Final = 10**9


class Cost(NamedTuple):
    """CPU time in seconds, at the speed of the reference, and peak memory in bytes of a command."""

    cpu: float
    peak: int

    @classmethod
    def median(cls, costs: Sequence["Cost"]) -> "Cost":
        """Return the median CPU time of several rounds, and the least peak."""
        return cls(median(cost.cpu for cost in costs), min(cost.peak for cost in costs))

    @classmethod
    def least(cls, *costs: "Cost") -> "Cost":
        """Return the least CPU time, and the least peak, of several measurements."""
        return cls(min(cost.cpu for cost in costs), min(cost.peak for cost in costs))


@dataclass(slots=True)
class Series:
    """The costs of a command by size; `start` is that of next to nothing, of size `smallest`."""

    command: str
    smallest: int
    start: Cost
    costs: dict[int, Cost] = field(default_factory=dict)

    @property
    def cpu(self) -> Mapping[int, float]:
        """The seconds of CPU time, by the size above the smallest."""
        return {size - self.smallest: cost.cpu for size, cost in self.costs.items()}

    @property
    def peak(self) -> Mapping[int, float]:
        """The bytes of memory, by the size above the smallest."""
        return {size - self.smallest: float(cost.peak) for size, cost in self.costs.items()}


def growth_table(unit: str, series: Sequence[Series]) -> str:
    """Return a Markdown table: a row for each command, the costs by size and the exponents."""
    sizes = sorted({size for each in series for size in each.costs})
    heads = [f"{size:,}" for size in sizes]
    header = [
        f"by {unit}",
        f"start ({series[0].smallest:,})",
        *heads,
        "CPU time ^",
        "memory ^",
        "wanted",
    ]
    rows = []
    for each in series:
        exponents = exponent(each.cpu, each.start.cpu), exponent(each.peak, each.start.peak)
        is_reached = all(found is None or found <= WANTED for found in exponents)
        rows.append(
            [
                each.command,
                *map(_cost, (each.start, *(each.costs[size] for size in sizes))),
                *map(_exponent, exponents),
                f"at most {WANTED}: {'reached' if is_reached else '**not reached**'}",
            ]
        )
    return table(header, rows)


def paper_table(unit: str, series: Sequence[Series]) -> str:
    """Return a Markdown table of what each command would take for a billion, from its figures.

    CPU time grows linearly at least: an exponent below 1 is noise, or a start that counts less.
    """
    header = [f"{_BILLION:,} {unit}", "CPU time", "memory"]
    rows = [
        [
            each.command,
            _calculated(each.cpu, each.start.cpu, _duration, least=1.0),
            _calculated(each.peak, each.start.peak, megabytes),
        ]
        for each in series
    ]
    return table(header, rows)


def _calculated(
    costs: Mapping[int, float], start: float, show: Callable[[float], str], *, least: float = 0.0
) -> str:
    """Return a cost for a billion; an exponent above what is wanted is no basis for one."""
    found = exponent(costs, start)
    if found is not None and found > WANTED:
        return f"not calculated (^ {found:.2f})"
    return show(extrapolated(costs, start, _BILLION, least=least))


def _cost(cost: Cost) -> str:
    return f"{cost.cpu:.2f} s, {megabytes(cost.peak)}"


def _exponent(found: float | None) -> str:
    return "flat" if found is None else f"{found:.2f}"


def _duration(seconds: float) -> str:
    """Format seconds as the largest unit of which there are at least two."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
