"""The work: the same addresses for all, one for each company and day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

__all__ = ["IN_FLIGHT", "Work"]

IN_FLIGHT: Final = 64
"""Requests in flight at the same time, for all programs that can have more than one."""

_COMPANIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Work:
    """`requests` requests: a thousand companies, and as many days as needed, ending yesterday."""

    requests: int
    today: date

    @property
    def companies(self) -> list[str]:
        """Ids; fewer than a thousand if that many requests are one day."""
        return [str(number) for number in range(1, min(self.requests, _COMPANIES) + 1)]

    @property
    def days(self) -> list[date]:
        """Days, each requested on its own."""
        count = -(-self.requests // _COMPANIES)
        return [self.today - timedelta(age) for age in range(count, 0, -1)]

    @property
    def addresses(self) -> Iterator[str]:
        """Paths with their queries, in the order in which the collector requests them."""
        for company in self.companies:
            for day in self.days:
                path = f"/campaigns/api/v1/company/{company}/statistics"
                yield f"{path}?from_date={day}&until_date={day}"
