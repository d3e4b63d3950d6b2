"""The plan: every cell of a run in a fixed order, computed on access."""

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final, NoReturn, overload

from collector.core.cell import Cell, Window
from collector.core.errors import InputError
from collector.plan.companies import Companies

__all__ = ["Estimate", "Plan", "estimate"]

_FINGERPRINT_VERSION: Final = "collector plan 1"
"""Changes with the canonical form, so that fingerprints of two forms can never be equal."""


class Plan(Sequence[Cell]):
    """Companies x windows as a sequence of cells, company by company.

    Cell `i` is company `i // len(windows)` in window `i % len(windows)`. Cells are made when
    asked for: the plan holds the companies and the windows. Raises `ValueError` when a window is
    repeated.
    """

    def __init__(self, companies: Companies, windows: Sequence[Window]) -> None:
        self.companies: Final = companies
        self.windows: Final = tuple(windows)
        if len(set(self.windows)) != len(self.windows):
            raise ValueError("a window is repeated: its cells would be collected twice")

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.companies) * len(self.windows)

    def __repr__(self) -> str:
        """Stay short: a log line must not carry a million cells."""
        return f"Plan({len(self.companies)} companies x {len(self.windows)} windows)"

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
        company, window = divmod(position, len(self.windows))
        return Cell(self.companies.ids[company], self.windows[window])

    def __iter__(self) -> Iterator[Cell]:
        """Yield the cells, in the order of the plan."""
        for company_id in self.companies.ids:
            for window in self.windows:
                yield Cell(company_id, window)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the ids and the windows in their order; names do not count.

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
        raise InputError(f"--rate {rate} is no rate: give requests per second, such as 10 or 0.5")
    requests = cells + token_requests if cells else 0
    try:
        duration = timedelta(seconds=requests / rate)
    except OverflowError as error:
        raise InputError(
            f"--rate {rate} is too low: {requests} requests would never end; give a higher rate"
        ) from error
    return Estimate(requests, duration)
