"""The plan: every cell of a run in a fixed order, computed on access."""

import math
import operator
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final, NoReturn, overload

from collector.core.cell import Cell, Window
from collector.core.errors import InputError
from collector.core.text import counted
from collector.plan.companies import Companies

__all__ = ["Estimate", "Plan", "estimate"]

_FINGERPRINT_VERSION: Final = "collector plan 1"
"""Changes with the canonical form, so that fingerprints of two forms can never be equal."""


class Plan(Sequence[Cell]):
    """Companies x windows as a sequence of cells, company by company.

    Each company has all windows; or, if there are `first_windows`, those from its own first one on:
    the place of that window, for each company. Cells are made when asked for: the plan holds the
    companies and the windows, and with first windows 12 bytes per company. Raises `ValueError` when
    a window is repeated, or a first window is not one of them.
    """

    def __init__(
        self, companies: Companies, windows: Sequence[Window], first_windows: Sequence[int] = ()
    ) -> None:
        self.companies: Final = companies
        self.windows: Final = tuple(windows)
        if len(set(self.windows)) != len(self.windows):
            raise ValueError("a window is repeated: its cells would be collected twice")
        self.first_windows: Final = array("I", first_windows if any(first_windows) else ())
        """Empty if every company has every window."""
        self._ends: Final = array("Q")
        if self.first_windows:
            self._ends.extend(self._find_ends())

    def _find_ends(self) -> Iterator[int]:
        """Yield, for each company, the index after its last cell."""
        end = 0
        for _, first in zip(self.companies.ids, self.first_windows, strict=True):
            if first >= len(self.windows):
                raise ValueError("a company has no window: its first one is not in the plan")
            end += len(self.windows) - first
            yield end

    def __len__(self) -> int:
        """Count the cells."""
        if self._ends:
            return self._ends[-1]
        return len(self.companies) * len(self.windows)

    def __repr__(self) -> str:
        """Stay short: a log line must not carry a million cells."""
        return f"Plan({len(self.companies)} companies x {len(self.windows)} windows)"

    def span(self, company: int) -> range:
        """Return the indexes of the cells of a company, by its place; its windows are the last."""
        if self._ends:
            return range(self._ends[company - 1] if company else 0, self._ends[company])
        return range(company * len(self.windows), (company + 1) * len(self.windows))

    def places(self, index: int) -> tuple[int, int]:
        """Return the places of the company and of the window of a cell, which is in the plan."""
        if not self._ends:
            return divmod(index, len(self.windows))
        company = bisect_right(self._ends, index)
        return company, len(self.windows) - (self._ends[company] - index)

    def index_at(self, company: int, window: int) -> int | None:
        """Return the index of the cell of these places; None if the company begins later."""
        if not self._ends:
            return company * len(self.windows) + window
        span = self.span(company)
        index = span.stop - len(self.windows) + window
        return index if index >= span.start else None

    def first_days(self) -> Sequence[date]:
        """Return the first day of each company; nothing if every company has every window."""
        days = [window.from_date or date.min for window in self.windows]
        return [days[first] for first in self.first_windows]

    def groups(self) -> Iterator[tuple[Sequence[int], Sequence[Window]]]:
        """Yield the places of the companies that have the same windows, and these windows."""
        if not self.first_windows:
            yield range(len(self.companies)), self.windows
            return
        groups: dict[int, array[int]] = {}
        for company, first in enumerate(self.first_windows):
            groups.setdefault(first, array("I")).append(company)
        for first in sorted(groups):
            yield groups[first], self.windows[first:]

    @overload
    def __getitem__(self, index: int) -> Cell: ...
    @overload
    def __getitem__(self, index: slice) -> NoReturn: ...
    def __getitem__(self, index: int | slice) -> Cell:
        """Make one cell; negative indexes count from the end. Slices raise `TypeError`."""
        if isinstance(index, slice):
            raise TypeError("a plan has no slices: they would be lists of cells")
        position = operator.index(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(f"cell {index} is outside of a plan of {len(self)} cells")
        company, window = self.places(position)
        return Cell(self.companies.ids[company], self.windows[window])

    def __iter__(self) -> Iterator[Cell]:
        """Yield the cells, in the order of the plan."""
        for company, company_id in enumerate(self.companies.ids):
            first = self.first_windows[company] if self.first_windows else 0
            for window in self.windows[first:]:
                yield Cell(company_id, window)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of ids, windows and first windows, in order; names do not count.

        The canonical form gives the number of ids and of windows, and writes every item as a
        netstring (`length:text,`): no two plans have the same form, whatever is in the ids.
        """
        # Here: it loads OpenSSL, and a plan that is only shown needs no fingerprint.
        from hashlib import sha256  # noqa: PLC0415

        digest = sha256(f"{_FINGERPRINT_VERSION}\n{len(self.companies)} ids\n".encode())
        for company_id in self.companies.ids:
            digest.update(_netstring(company_id))
        digest.update(f"{len(self.windows)} windows\n".encode())
        for window in self.windows:
            digest.update(_netstring("..".join(str(day or "") for day in window)))
        if self.first_windows:
            digest.update(f"{len(self.first_windows)} first windows\n".encode())
            for first in self.first_windows:
                digest.update(_netstring(str(first)))
        return digest.hexdigest()


def _netstring(text: str) -> bytes:
    """Frame a text by its length in bytes; see https://cr.yp.to/proto/netstrings.txt."""
    encoded = text.encode()
    return b"%d:%b," % (len(encoded), encoded)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Lower bound of the requests and the time of a plan: retries come on top."""

    requests: int
    duration: timedelta


def estimate(cells: int, rate: float, token_requests: int = 1) -> Estimate:
    """Estimate the requests and the time for `cells` cells at `rate` requests per second.

    Every cell is one request; every request, those for tokens included, passes the gate, so
    the duration is `requests / rate` seconds. It is a lower bound: retries, slow answers and
    pauses that the server asks for come on top. Without cells nothing is sent, no token either.
    Raises `InputError` for a rate that is not a positive finite number or would take longer
    than a `timedelta` can hold, and `ValueError` for negative counts.
    """
    if cells < 0 or token_requests < 0:
        raise ValueError(f"counts cannot be negative: {cells} cells, {token_requests} tokens")
    if not (math.isfinite(rate) and rate > 0):
        raise InputError(
            f"--rate {rate} is not a rate: give requests per second, such as 10 or 0.5"
        )
    requests = cells + token_requests if cells else 0
    try:
        duration = timedelta(seconds=requests / rate)
    except OverflowError as error:
        raise InputError(
            f"--rate {rate} is too low: {counted(requests, 'request')} would never end; give a "
            "higher rate"
        ) from error
    return Estimate(requests, duration)
