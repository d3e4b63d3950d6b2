"""How long answers took: a histogram of fixed size, from which percentiles are read."""

from collections import Counter
from math import ceil, exp, floor, log
from typing import Final

__all__ = ["Latencies"]

_STEP: Final = log(1.05)
_SHORTEST: Final = 1e-6
_LOWEST: Final = floor(log(_SHORTEST) / _STEP)


class Latencies:
    """Counts latencies (seconds) in classes that are 5 % wide, so percentiles are true to 2.5 %.

    However many there are, from a microsecond to an hour there are 452 classes. (The idea is that
    of HdrHistogram and DDSketch; the latter gives the same guarantee by the same logarithm.)
    """

    __slots__ = ("_classes", "_sum", "count", "longest")

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        self._sum = 0.0
        self._classes: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        self._sum += seconds
        self.longest = max(self.longest, seconds)
        self._classes[floor(log(seconds) / _STEP) if seconds > _SHORTEST else _LOWEST] += 1

    def copy(self) -> "Latencies":
        """Return the same counts, to be taken from later ones."""
        other = Latencies()
        other.count, other.longest, other._sum = self.count, self.longest, self._sum
        other._classes = self._classes.copy()
        return other

    def add_all(self, other: "Latencies") -> None:
        """Count all that another one has counted."""
        self.count += other.count
        self._sum += other._sum  # noqa: SLF001 - of its own kind
        self.longest = max(self.longest, other.longest)
        self._classes.update(other._classes)  # noqa: SLF001

    def __sub__(self, earlier: "Latencies") -> "Latencies":
        """Return those that came after `earlier` was copied from this.

        Which of them took longest is only known by its class: `longest` is the upper end of that,
        and not more than the longest of all.
        """
        others = Latencies()
        others.count = self.count - earlier.count
        others._sum = self._sum - earlier._sum
        others._classes = self._classes - earlier._classes
        if others._classes:
            others.longest = min(exp((max(others._classes) + 1) * _STEP), self.longest)
        return others

    @property
    def mean(self) -> float:
        """The mean in seconds; 0 if there is none."""
        return self._sum / self.count if self.count else 0.0

    def percentile(self, share: float) -> float:
        """Return the seconds within which the given share (0 to 1) came; 0 if none did."""
        wanted = ceil(share * self.count)
        seen = 0
        for number in sorted(self._classes):
            seen += self._classes[number]
            if seen >= wanted:
                return min(exp((number + 0.5) * _STEP), self.longest)
        return 0.0
