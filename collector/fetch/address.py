"""The address of a cell."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from yarl import URL

from collector.cells import Cell, Window
from collector.date_query import DateQuery

__all__ = ["Addresses"]

_PATH: Final = "campaigns/api/v1/company"
_REMEMBERED: Final = 4096
"""Windows and companies come back all the time in a plan; encoding them anew would cost a tenth
of the time of a request."""


class Addresses:
    """Builds the address of a cell, `addresses(cell)`, or of other parameters, `asking(...)`.

    The id is one path segment whatever it holds: everything but letters, digits and `_.-~` is
    percent-encoded. Raises `ValueError` for ids that a server would take for a step in the path.
    """

    def __init__(self, base_url: str, dates: DateQuery) -> None:
        base = urlsplit(f"{base_url.rstrip('/')}/{_PATH}/")
        self._scheme, self._netloc, self._path = base.scheme, base.netloc, base.path
        self._dates = dates
        self._query_of = lru_cache(_REMEMBERED)(self._query)

    def __call__(self, cell: Cell) -> URL:
        """Return the address, encoded once and for all."""
        return self._address(cell.company_id, self._query_of(cell.window))

    def asking(self, company_id: str, parameters: Mapping[str, str]) -> URL:
        """Return the address of a company with the given parameters in its query."""
        return self._address(company_id, urlencode(parameters))

    def _address(self, company_id: str, query: str) -> URL:
        # Given in parts, for they are known: taking a text to pieces costs three times as much.
        path = f"{self._path}{_segment(company_id)}/statistics"
        return URL(SplitResult(self._scheme, self._netloc, path, query, ""), encoded=True)

    def _query(self, window: Window) -> str:
        return urlencode(self._dates.parameters(window))


@lru_cache(_REMEMBERED)
def _segment(company_id: str) -> str:
    if company_id in {"", ".", ".."}:
        message = f"{company_id!r} cannot be a company id: it is a step in a path"
        raise ValueError(message)
    return quote(company_id, safe="")
