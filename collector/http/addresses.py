"""Addresses of the statistics endpoint: the id and the dates of a cell, percent-encoded."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

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
        self._root, self._before_id = f"{base.scheme}://{base.netloc}/", base.path
        self._dates = dates
        self._root_of = lru_cache(_CACHE_SIZE)(self._root_with_window)

    def __call__(self, cell: Cell) -> URL:
        """Return the address of a cell, already encoded."""
        company_id, window = cell
        return self._address(self._root_of(window), company_id)

    def with_parameters(self, company_id: str, parameters: Mapping[str, str]) -> URL:
        """Return the address of a company with the given parameters in its query."""
        return self._address(self._root_with(parameters), company_id)

    def _address(self, root: URL, company_id: str) -> URL:
        # Only its path is new: parsing a text costs more than twice as much.
        path = f"{self._before_id}{_segment(company_id)}{self._after_id}"
        return root.with_path(path, encoded=True, keep_query=True)

    def _root_with_window(self, window: Window) -> URL:
        return self._root_with(self._dates.parameters(window))

    def _root_with(self, parameters: Mapping[str, str]) -> URL:
        return URL(f"{self._root}?{urlencode(parameters)}", encoded=True)


@lru_cache(_CACHE_SIZE)
def _segment(company_id: str) -> str:
    if company_id in {"", ".", ".."}:
        message = f"{company_id!r} cannot be a company id: it is a step in a path"
        raise ValueError(message)
    return quote(company_id, safe="")
