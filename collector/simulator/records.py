"""Records of the embedded API: counts always, single requests on demand."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from collector.simulator.faults import Fault

__all__ = ["Counts", "RequestKind", "RequestRecord"]

RequestKind = Literal["token", "statistics", "revoke", "other"]
"""What a request was for; `other` has no such path, or not by this method."""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it arrived, and what was decided about it.

    `at` is the monotonic clock's reading on arrival, in seconds. The dates are the query's,
    verbatim; None if not sent or if sent more than once. `status` is None if no answer is given
    (a reset, a hang). `is_refused` says that a limit rejected it, whatever the status.
    """

    at: float
    kind: RequestKind
    company_id: str | None = None
    from_date: str | None = None
    until_date: str | None = None
    status: int | None = None
    fault: Fault | None = None
    is_refused: bool = False


@dataclass(slots=True)
class Counts:
    """How many requests came, split in three ways; bounded, however long the server runs."""

    kinds: Counter[RequestKind] = field(default_factory=Counter)
    statuses: Counter[int | None] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All requests."""
        return self.kinds.total()

    def add(self, kind: RequestKind, status: int | None, fault: Fault | None) -> None:
        """Count one request."""
        self.kinds[kind] += 1
        self.statuses[status] += 1
        if fault is not None:
            self.faults[fault] += 1
