"""The address of a cell."""

from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode

from yarl import URL

from collector.models import Cell, Window

__all__ = ["Addresses"]

_PATH: Final = "campaigns/api/v1/company"
_REMEMBERED: Final = 4096
"""Windows and companies come back all the time in a plan; encoding them anew would cost a tenth
of the time of a request."""


class Addresses:
    """Builds the address of a cell: `addresses(cell)`.

    The id is one path segment whatever it holds: everything but letters, digits and `_.-~` is
    percent-encoded. Raises `ValueError` for ids that a server would take for a step in the path.
    """

    def __init__(self, base_url: str, *, from_param: str, until_param: str) -> None:
        self._prefix = f"{base_url.rstrip('/')}/{_PATH}/"
        self._from_param = from_param
        self._until_param = until_param
        self._suffix_of = lru_cache(_REMEMBERED)(self._suffix)

    def __call__(self, cell: Cell) -> URL:
        """Return the address, encoded once and for all."""
        segment = _segment(cell.company_id)
        return URL(f"{self._prefix}{segment}{self._suffix_of(cell.window)}", encoded=True)

    def _suffix(self, window: Window) -> str:
        if window.from_date is None or window.until_date is None:
            return "/statistics"
        dates = {
            self._from_param: window.from_date.isoformat(),
            self._until_param: window.until_date.isoformat(),
        }
        return f"/statistics?{urlencode(dates)}"


@lru_cache(_REMEMBERED)
def _segment(company_id: str) -> str:
    if company_id in {"", ".", ".."}:
        message = f"{company_id!r} cannot be a company id: it is a step in a path"
        raise ValueError(message)
    return quote(company_id, safe="")
