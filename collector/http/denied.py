"""Companies that the server refuses while it answers others."""

from typing import Final

__all__ = ["DeniedCompanies"]

_MOST_REMEMBERED: Final = 1024
"""Companies that are remembered; the oldest is forgotten first, and asked for again."""

_UNAUTHORIZED_TIMES: Final = 5
"""Tries in a row with a 401 after which a company counts as denied. If one of five servers does not
know the token, that many come together once in ten million: each try asks twice."""


class DeniedCompanies:
    """Remembers which companies are denied, so that their refusals are not examined again."""

    def __init__(self) -> None:
        self._denied: dict[str, None] = {}
        self._unauthorized: dict[str, int] = {}

    def __contains__(self, company_id: str) -> bool:
        """Return whether a company is denied."""
        return company_id in self._denied

    def add(self, company_id: str) -> None:
        """Remember a company as denied."""
        _make_room(self._denied, company_id)
        self._denied[company_id] = None

    def unauthorized(self, company_id: str) -> None:
        """Record a try that got a 401 while the token was accepted for others."""
        _make_room(self._unauthorized, company_id)
        times = self._unauthorized[company_id] = self._unauthorized.get(company_id, 0) + 1
        if times >= _UNAUTHORIZED_TIMES:
            self.add(company_id)

    def answered(self, company_id: str) -> None:
        """Forget a company that is answered."""
        if self._denied:
            self._denied.pop(company_id, None)
        if self._unauthorized:
            self._unauthorized.pop(company_id, None)


def _make_room(remembered: dict[str, int] | dict[str, None], company_id: str) -> None:
    if company_id not in remembered and len(remembered) >= _MOST_REMEMBERED:
        del remembered[next(iter(remembered))]
