"""Companies that the server refuses while it answers others."""

from typing import Final

__all__ = ["DeniedCompanies"]

_MOST_REMEMBERED: Final = 1024
"""Companies that are remembered; the oldest is forgotten first, and examined again."""

_TIMES: Final = 5
"""Tries in a row, each of two requests, after which a company counts as denied. If one of five
servers refuses all requests, that many come together once in ten million."""


class DeniedCompanies:
    """Remembers which companies are denied, so that their refusals are not examined again.

    A company is denied (`in`) after 5 tries in a row that were refused while others were answered.
    """

    def __init__(self) -> None:
        self._denied: dict[str, int] = {}
        self._unauthorized: dict[str, int] = {}
        self._forbidden: dict[str, int] = {}
        self.are_refusals_passing = False
        """Whether a company was answered after such a try, other than one with a 401: the refusals
        of this server are about its load, or come from one of several servers."""

    def __contains__(self, company_id: str) -> bool:
        """Return whether a company is denied."""
        return company_id in self._denied

    def unauthorized(self, company_id: str) -> None:
        """Record a try that got a 401 while the token was accepted for others."""
        self._refused(self._unauthorized, company_id)

    def forbidden(self, company_id: str) -> None:
        """Record a try that was refused in another way while others were answered."""
        self._refused(self._forbidden, company_id)

    def answered(self, company_id: str) -> None:
        """Forget a company that is answered."""
        if self._denied:
            self._denied.pop(company_id, None)
        if self._unauthorized:
            self._unauthorized.pop(company_id, None)
        if self._forbidden and self._forbidden.pop(company_id, 0):
            self.are_refusals_passing = True

    def _refused(self, times: dict[str, int], company_id: str) -> None:
        if _count(times, company_id) >= _TIMES:
            _count(self._denied, company_id)


def _count(times: dict[str, int], company_id: str) -> int:
    if company_id not in times and len(times) >= _MOST_REMEMBERED:
        del times[next(iter(times))]
    times[company_id] = times.get(company_id, 0) + 1
    return times[company_id]
