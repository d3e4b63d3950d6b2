"""Run stats: plain counts of what has happened so far in a run."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from math import inf
from typing import Final

from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.telemetry.histogram import CompanyLatencies, LatencyHistogram
from collector.telemetry.names import AnswerNames, Drift

__all__ = ["Counts", "RunStats"]

_SEVERAL: Final = 2
"""Companies with cells of one state that are told apart: one, or several."""

_RATE_SECONDS = 5.0
"""How far back `RunStats.rate` looks."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What a run has counted, and what a shard of a cluster sends of that.

    A cell is counted in `cells` once its line is on disk; cells that earlier invocations have
    answered are in `kept`. Requests are counted as they leave, tokens and resends included, and
    answers by status as they arrive. Each request that has ended is one of three: its answer had
    what was requested (`good`), or it was rate-limited (`refused`), or it failed.
    """

    kept: dict[CellState, int] = field(default_factory=Counter)
    cells: dict[CellState, int] = field(default_factory=Counter)
    failure_kinds: dict[FailureKind, int] = field(default_factory=Counter)
    companies: dict[CellState, set[str]] = field(
        default_factory=lambda: {CellState.FAILED: set(), CellState.EMPTY: set()}
    )
    """Companies with cells of these states: two at most, those of earlier invocations included."""
    requests: int = 0
    in_flight: int = 0
    retries: int = 0
    retrying: int = 0
    good: int = 0
    """Requests whose answer had what was requested: valid statistics, or a token."""
    refused: int = 0
    """Requests that the server rate-limited."""
    resent: int = 0
    """Requests that were sent on a dead connection, and sent again."""
    held_up: int = 0
    """Requests that left later than the rate permitted, because too many were in flight."""
    statuses: dict[int, int] = field(default_factory=Counter)
    broken: dict[FailureKind, int] = field(default_factory=Counter)


class RunStats(Counts):
    """Counts of one invocation of a run, with its times, latencies and the names in its answers."""

    kept: Counter[CellState]
    cells: Counter[CellState]
    failure_kinds: Counter[FailureKind]
    statuses: Counter[int]
    broken: Counter[FailureKind]

    def __init__(
        self,
        planned: int,
        *,
        is_known: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.planned = planned
        self.is_known = is_known
        """Whether the counts of cells are those of the run directory. They are not before it was
        read, and after it can no longer be read."""
        self.latencies = LatencyHistogram()
        self.company_latencies = CompanyLatencies()
        """Of good answers only: the time of a throttled one says nothing about the company."""
        self.names = AnswerNames()
        """The names in the answers that are on disk."""
        self.drift: Drift | None = None
        """How the names have changed since earlier runs, at the end of a run that was compared."""
        self._clock = clock
        self._started = clock()
        self._ended: float | None = None
        self._next_second = -inf
        self._recent: deque[tuple[int, int]] = deque()
        """Seconds in which requests were sent, each with the number of requests sent before."""

    def counts(self) -> Counts:
        """Return the counts alone; those of several keys are the same objects."""
        return Counts(**{each.name: getattr(self, each.name) for each in fields(Counts)})

    def found(self, kept: Counter[CellState], empty_companies: Iterable[str] = ()) -> None:
        """Set the cells that earlier invocations have answered, once their lines are read.

        `empty_companies` are companies with an empty answer among them; two are enough.
        """
        self.kept = kept.copy()
        for company_id in empty_companies:
            self.seen(CellState.EMPTY, company_id)
        self.is_known = True

    def seen(self, state: CellState, company_id: str) -> None:
        """Record that a company has a cell of a state, failed or empty."""
        companies = self.companies[state]
        if len(companies) < _SEVERAL:
            companies.add(company_id)

    def has_several(self, state: CellState) -> bool:
        """Return whether cells of a state, failed or empty, are of more than one company."""
        return len(self.companies[state]) >= _SEVERAL

    @property
    def answered_cells(self) -> int:
        """Cells with an answer on disk, those of earlier invocations included."""
        return self.done - self.cells[CellState.FAILED]

    @property
    def done(self) -> int:
        """Cells whose line is on disk, failed ones and those of earlier invocations included."""
        return self.kept.total() + self.cells.total()

    @property
    def missing(self) -> int:
        """Planned cells that have no line yet, neither an answer nor a failure."""
        return self.planned - self.done

    @property
    def seconds(self) -> float:
        """Seconds since the run began, until `end`."""
        return (self._clock() if self._ended is None else self._ended) - self._started

    def end(self) -> None:
        """End the time of the run: what follows, such as telling of it, does not count."""
        self._ended = self._clock()

    def request_sent(self, requests: int = 1) -> None:
        """Count a request that passes the gate now, or what another process has sent of them."""
        if self._clock() >= self._next_second:
            self._begin_second()
        self.requests += requests

    def _begin_second(self) -> None:
        second = int(self._clock())
        self._next_second = second + 1
        self._recent.append((second, self.requests))
        while self._recent[0][0] < second - _RATE_SECONDS:
            self._recent.popleft()

    def answered(self, status: int, seconds: float) -> None:
        """Count a whole answer of any status that took `seconds`."""
        self.statuses[status] += 1
        self.latencies.add(seconds)

    @property
    def failed(self) -> int:
        """Requests that have ended otherwise: with any other answer, or without a whole one.

        What was in flight when the run ended is among them. While requests are in flight the number
        may be too high by those that are being judged.
        """
        return max(0, self.requests - self.in_flight - self.good - self.refused)

    def rate(self) -> float:
        """Return the requests per second over the last whole seconds (5 at most)."""
        now = self._clock()
        first = max(int(self._started), int(now - _RATE_SECONDS))
        before = next((sent for second, sent in self._recent if second >= first), self.requests)
        return (self.requests - before) / max(now - max(first, self._started), 1.0)

    def average_rate(self) -> float:
        """Return the requests per second of the whole run; the first one starts the count."""
        return max(0, self.requests - 1) / max(self.seconds, 1e-9)

    def seconds_left(self) -> float | None:
        """Estimate the seconds until the last cell is done; None before the first is."""
        done = self.cells.total()
        return self.missing * self.seconds / done if done else None
