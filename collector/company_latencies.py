"""How long answers took, company by company: which ones are out of line, and by how much."""

from heapq import nlargest
from typing import Final, NamedTuple

__all__ = ["CompanyLatencies", "SlowCompany"]

_FEWEST: Final = 4
"""Companies with answers; of fewer, all stand out."""

_TIMES: Final = 2.0
"""How many times the median a slow company takes at least."""

_SECONDS_LOST: Final = 1.0
"""What a slow company has cost more than a median one, over all its answers, at least.

An answer that waited for its connection to be opened is a few times as slow as the others: once,
that is nothing to look into.
"""


class SlowCompany(NamedTuple):
    """A company, the mean of its answers in seconds, and how many they are."""

    company_id: str
    mean: float
    answers: int


class CompanyLatencies:
    """Adds up latencies (seconds) for each company: about 70 bytes for one, the id not counted."""

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
        """Return the companies that are really slow, the slowest first, `most` at most.

        They take at least twice as long as the median of all companies, and have cost at least a
        second more than that one in this run. Of less than four companies none is called slow.
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
