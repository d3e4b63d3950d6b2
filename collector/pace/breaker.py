"""Does nearly everything fail? Tells an outage of the service from cells that are broken."""

from typing import Final

__all__ = ["Breaker"]

_IN_A_ROW: Final = 8
_COMPANIES: Final = 3


class Breaker:
    """Counts failures in a row; an outage is 8 of them, of 3 companies or more.

    First tries only: a cell that has failed before may be broken itself, and at the end of a run
    only such cells are left. A connection that cannot be made says the same whoever tries. With a
    fifth of all requests failing by chance, 8 in a row come once in 400,000 requests.
    """

    def __init__(self, companies: int) -> None:
        self._companies_needed = min(_COMPANIES, companies)
        self._in_a_row = 0
        self._companies: set[str] = set()

    @property
    def is_doubtful(self) -> bool:
        """Whether it looks like an outage, but may still be a cell's own fault."""
        return self._in_a_row > 1

    def succeeded(self) -> None:
        """Take note that the service answers."""
        if self._in_a_row:
            self._in_a_row = 0
            self._companies.clear()

    def failed(self, company_id: str) -> bool:
        """Take note of a failure that is evidence; True when this is an outage."""
        self._in_a_row += 1
        if len(self._companies) < self._companies_needed:
            self._companies.add(company_id)
        return self._in_a_row >= _IN_A_ROW and len(self._companies) >= self._companies_needed
