"""How long answers took: a histogram of fixed size, and sums for each company."""

from collections import Counter
from heapq import nlargest
from math import ceil, exp, log
from typing import Final, NamedTuple

__all__ = ["CompanyLatencies", "LatencyHistogram", "SlowCompany"]

_STEP: Final = log(1.05)
_SHORTEST: Final = 1e-6
_LOWEST: Final = log(_SHORTEST) // _STEP


class LatencyHistogram:
    """Counts latencies (seconds) in classes that are 5 % wide, so percentiles are true to 2.5 %.

    However many there are, from a microsecond to an hour there are 452 classes. (The idea is that
    of HdrHistogram and DDSketch; the latter gives the same guarantee by the same logarithm.)
    """

    __slots__ = ("_classes", "_sum", "count", "longest")

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        self._sum = 0.0
        self._classes: Counter[float] = Counter()

    def add(self, seconds: float) -> None:
        """Count a latency."""
        self.count += 1
        self._sum += seconds
        self.longest = max(self.longest, seconds)
        self._classes[log(seconds) // _STEP if seconds > _SHORTEST else _LOWEST] += 1

    def copy(self) -> "LatencyHistogram":
        """Return a copy, to be subtracted from later counts."""
        other = LatencyHistogram()
        other.count, other.longest, other._sum = self.count, self.longest, self._sum
        other._classes = self._classes.copy()
        return other

    def add_all(self, other: "LatencyHistogram") -> None:
        """Count all that another one has counted."""
        self.count += other.count
        self._sum += other._sum  # noqa: SLF001 - of the same class
        self.longest = max(self.longest, other.longest)
        self._classes.update(other._classes)  # noqa: SLF001

    def __sub__(self, earlier: "LatencyHistogram") -> "LatencyHistogram":
        """Return the latencies that were added after `earlier` was copied.

        Their longest is known by its class only: `longest` is the upper end of that class, and not
        more than the longest of all.
        """
        others = LatencyHistogram()
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
        """Return the seconds within which the given share (0 to 1) lies; 0 if there is none."""
        wanted = ceil(share * self.count)
        seen = 0
        for number in sorted(self._classes):
            seen += self._classes[number]
            if seen >= wanted:
                return min(exp((number + 0.5) * _STEP), self.longest)
        return 0.0


_FEWEST: Final = 4
"""Companies with answers; among fewer, the median means little."""

_TIMES: Final = 2.0
"""How many times the median a slow company takes at least."""

_SECONDS_LOST: Final = 1.0
"""Seconds that a slow company has cost more than a median one, over all its answers, at least.

An answer that waited for its connection to be opened is a few times as slow as the others: once,
that is no reason to look into it.
"""


class SlowCompany(NamedTuple):
    """A company, the mean of its answers in seconds, and how many they are."""

    company_id: str
    mean: float
    answers: int


class CompanyLatencies:
    """Adds up latencies (seconds) per company: about 70 bytes for each, without the id."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        # Seconds and answers as one number: a single object of 32 bytes, and a single addition.
        self._sums: dict[str, complex] = {}

    def add(self, company_id: str, seconds: float) -> None:
        """Count an answer."""
        self._sums[company_id] = self._sums.get(company_id, 0j) + seconds + 1j

    def add_all(self, other: "CompanyLatencies") -> None:
        """Count all that another one has counted."""
        sums = self._sums
        for company_id, total in other._sums.items():  # noqa: SLF001 - of its own kind
            sums[company_id] = sums.get(company_id, 0j) + total

    def median(self) -> float:
        """Return the seconds within which half of the companies answer on average; 0 if none."""
        means = sorted(total.real / total.imag for total in self._sums.values())
        return means[(len(means) - 1) // 2] if means else 0.0

    def slowest(self, most: int) -> list[SlowCompany]:
        """Return the slow companies, the slowest first, `most` at most.

        They take at least twice as long as the median of all companies, and have cost at least a
        second more than that one in this run. Of less than four companies none is slow.
        """
        if len(self._sums) < _FEWEST:
            return []
        median = self.median()
        slow = (
            SlowCompany(company_id, total.real / total.imag, round(total.imag))
            for company_id, total in self._sums.items()
            if total.real >= _TIMES * median * total.imag
            and total.real - median * total.imag >= _SECONDS_LOST
        )
        return nlargest(most, slow, key=lambda company: company.mean)
