"""Addresses of the statistics endpoint: the id and the dates of a cell, percent-encoded."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from yarl import URL

from collector.core.cell import Cell, Window
from collector.core.endpoint import STATISTICS
from collector.plan.date_params import DateQuery

__all__ = ["Addresses"]

_CACHE_SIZE: Final = 4096
"""Entries of each cache. Windows and companies recur in a plan; encoding them for every request
would cost a tenth of the time of a request."""


class Addresses:
    """Builds the address of a cell (call it), or of other parameters (`with_parameters`).

    The id is always one path segment: everything but letters, digits and `_.-~` is
    percent-encoded. Raises `ValueError` for an empty id, `.` and `..`, which a server would
    resolve as part of the path.
    """

    def __init__(self, base_url: str, dates: DateQuery) -> None:
        before_id, self._after_id = STATISTICS.path.split("{company_id}")
        base = urlsplit(f"{base_url.rstrip('/')}/{before_id}")
        self._scheme, self._netloc, self._before_id = base.scheme, base.netloc, base.path
        self._dates = dates
        self._query_of = lru_cache(_CACHE_SIZE)(self._query)

    def __call__(self, cell: Cell) -> URL:
        """Return the address of a cell, already encoded."""
        company_id, window = cell
        return self._address(company_id, self._query_of(window))

    def with_parameters(self, company_id: str, parameters: Mapping[str, str]) -> URL:
        """Return the address of a company with the given parameters in its query."""
        return self._address(company_id, urlencode(parameters))

    def _address(self, company_id: str, query: str) -> URL:
        # Built from its known parts: parsing a text costs three times as much.
        path = f"{self._before_id}{_segment(company_id)}{self._after_id}"
        return URL(SplitResult(self._scheme, self._netloc, path, query, ""), encoded=True)

    def _query(self, window: Window) -> str:
        return urlencode(self._dates.parameters(window))


@lru_cache(_CACHE_SIZE)
def _segment(company_id: str) -> str:
    if company_id in {"", ".", ".."}:
        message = f"{company_id!r} cannot be a company id: it is a step in a path"
        raise ValueError(message)
    return quote(company_id, safe="")
