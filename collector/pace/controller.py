"""The rate controller: who is let in, who is kept out, and whom a failure is charged to."""

from math import inf
from typing import Final

from collector.core.outcome import Blame
from collector.pace.circuit import Cause, CircuitBreaker, OpenCircuit
from collector.pace.estimate import LimitEstimate
from collector.pace.limiter import Notify, Pacer
from collector.pace.refusals import (
    CompanyThrottling,
    Hints,
    Reading,
    Status503Classifier,
    ThrottledScope,
)
from collector.pace.types import AUTO_START, Permit

__all__ = ["RateController"]

_LONG: Final = 3.0
"""Seconds of a blockade that no bucket explains."""

_TAIL_PATIENCE: Final = 60.0
"""Seconds for each company (5 at most) whose probes bring nothing when no new cell is left: it may
be an outage, or these cells may be broken, and nobody else is left to tell."""

_REFUSED_COMPANIES: Final = 2
"""More companies than these are refused for the rate, be it that none of their cells is new."""

_FLAPPING: Final = 30.0
"""An outage so soon (seconds) after the last one goes on where that one ended."""


class RateController:
    """Decides when the next request may leave, from what became of those before.

    Pure: it waits for nothing, and time is passed in (seconds of a clock that never goes back).
    `ceiling` is the highest rate (requests a second; `inf` for none, and then `start` is the first
    one). `companies` is how many are
    asked for, `probe_seconds` when a probe without news is given up, `patience` for how long
    (seconds) nobody may be let in or answered before it is time to give up. What happens is told to
    `notify`.

    While the circuit is closed, requests leave at the rate that `Pacer` keeps. It opens at the
    first refusal of a request that was sent since it was last open, or at an outage
    (`CircuitBreaker`). While it is open only single probes leave, until one is answered. See
    docs/rate-control.md.
    """

    def __init__(  # noqa: PLR0913 - what it is about, all but the first by name
        self,
        ceiling: float,
        *,
        start: float = AUTO_START,
        companies: int,
        probe_seconds: float,
        patience: float = inf,
        notify: Notify = lambda event, **fields: None,  # noqa: ARG005 - nobody listens
    ) -> None:
        self.pacer = Pacer(ceiling, start, notify)
        self._estimate = LimitEstimate()
        self._hints = Hints()
        self._status_503 = Status503Classifier()
        self._throttling = CompanyThrottling()
        self._breaker = CircuitBreaker(companies)
        self._circuit: OpenCircuit | None = None
        self._probe_seconds = probe_seconds
        self._patience = patience
        self._notify = notify
        self._epoch = 0
        self._last_outage: tuple[float, float] = (-inf, Cause.FAILING.first)
        self._outage_epoch = 0
        self._is_tail = False
        self._charges_all = False

    @property
    def rate(self) -> float:
        """The rate in force, in requests a second; during a blockade the one before it."""
        return self.pacer.search.rate

    @property
    def ceiling(self) -> float:
        """The highest rate, in requests a second; `inf` if there is none."""
        return self.pacer.search.ceiling

    @property
    def limit(self) -> float | None:
        """The limit of the server that was found last, in requests a second."""
        return self.pacer.search.limit

    @property
    def refusals(self) -> int:
        """How many requests were refused because of the rate."""
        return self._estimate.refusals

    @property
    def open_cause(self) -> Cause | None:
        """Why nobody but a probe may leave at present."""
        return None if self._circuit is None else self._circuit.cause

    @property
    def is_doubtful(self) -> bool:
        """Whether failures come in a row: a first try tells more now than another retry."""
        return self._breaker.is_doubtful

    @property
    def gives_up_at(self) -> float:
        """When nobody has been let in or answered for too long."""
        return inf if self._circuit is None else self._circuit.since + self._patience

    def no_more_cells(self) -> None:
        """Take note that the last cell has been begun: those that fail may be all that are left."""
        self._is_tail = True

    def leave_at(self, *, is_urgent: bool = False) -> float:
        """Return when the next request may leave; what is urgent passes a blockade."""
        if self._circuit is None or is_urgent:
            return self.pacer.schedule.next_at
        return max(self._circuit.next_at, self.pacer.schedule.next_at)

    def depart(self, now: float, *, is_urgent: bool = False) -> Permit:
        """Take note that a request leaves. An urgent one is of no interest any more after that."""
        is_paced = self.pacer.schedule.depart(now)
        if is_urgent:
            return Permit(now, -1, -1, is_paced=False)
        if self._circuit is not None:
            self._circuit.depart(now)
        return Permit(now, self._estimate.sent(now), self._epoch, is_paced)

    def answered(self, permit: Permit, now: float, company_id: str | None = None) -> None:
        """Take note of an answer, and be it that there is nothing for this request."""
        self._breaker.succeeded()
        self._charges_all = False
        if company_id is not None:
            self._throttling.accepted(company_id)
        if (circuit := self._circuit) is not None:
            if circuit.is_probe(permit.at):
                self._reopen(circuit, permit, now)
            return
        if not permit.is_paced:
            # Something else than the rate holds requests back, so nothing is learnt about it.
            return
        pacer = self.pacer
        pacer.answered(permit, now)
        if pacer.may_grow and now >= max(
            self._hints.used_up_until(), self._status_503.waits_until(self.rate)
        ):
            pacer.grow(now)

    def hinted(self, now: float, remaining: int, reset_seconds: float) -> None:
        """Take note of what the headers of an answer say is left, and for how long (seconds)."""
        self._hints.heard(now, self.rate, remaining, reset_seconds)

    def refused(
        self,
        permit: Permit,
        now: float,
        company_id: str | None = None,
        *,
        pause: float = 0.0,
        cause: Cause = Cause.REFUSED,
    ) -> Blame:
        """Take note of a refusal because of the rate; the server asks for a `pause` (seconds)."""
        self._estimate.refused(permit)
        self._hints.refused()
        circuit = self._circuit
        blame = Blame.RATE
        if self._charges_all:
            return Blame.CELL
        if circuit is None:
            # What was sent before the last blockade says nothing new, unless it asks for a pause.
            if permit.epoch < self._epoch and not pause:
                return blame
            if company_id is not None and self._is_its_own(company_id):
                return Blame.CELL
            self._estimate.blocked(permit)
            circuit = self._block(cause, now, cause.first)
        elif circuit.is_probe(permit.at):
            blame = self._probe_failed(circuit, now, company_id)
        if self._circuit is None:
            return blame
        if pause or self._hints.used_up_until() > now:
            circuit.pause_until(max(now + pause, self._hints.used_up_until()))
        return blame

    def unavailable(
        self, permit: Permit, now: float, company_id: str, *, is_evidence: bool
    ) -> Blame:
        """Take note of a 503 that does not say when to come back: an error, or a refusal."""
        if self._circuit is not None:
            if self._circuit.cause is not Cause.FAILING:
                return self.refused(permit, now, company_id)
        elif permit.epoch == self._epoch:
            reading = self._status_503.heard(now, self.rate)
            if reading is Reading.REFUSAL:
                return self.refused(permit, now, company_id, cause=Cause.UNAVAILABLE)
            if reading is Reading.FALSE_ALARM:
                self.pacer.restore(self._status_503.rate_before)
                self._notify("status_503_is_no_refusal", rate=round(self.rate, 2))
        elif permit.epoch >= self._outage_epoch:
            # One of the burst with which the last blockade began.
            return self.refused(permit, now, company_id)
        return self.failed(permit, now, company_id, is_evidence=is_evidence, was_accepted=False)

    def failed(
        self,
        permit: Permit,
        now: float,
        company_id: str,
        *,
        is_evidence: bool,
        was_accepted: bool,
    ) -> Blame:
        """Take note of a try that brought no answer, but may bring one another time.

        `is_evidence` says that it tells of the service: a first try, or no connection at all.
        `was_accepted` says that a whole answer came, so the rate was not the reason.
        """
        if (circuit := self._circuit) is not None:
            if not circuit.is_probe(permit.at):
                return Blame.SERVICE if circuit.cause is Cause.FAILING else Blame.CELL
            if circuit.cause is Cause.FAILING or not was_accepted:
                return self._probe_failed(circuit, now, company_id)
            self._reopen(circuit, permit, now)
            return Blame.CELL
        if permit.epoch < self._outage_epoch and not self._charges_all:
            return Blame.SERVICE
        # At the end there may be no first try left that could tell.
        counts = (is_evidence or self._is_tail) and not self._charges_all
        if counts and self._breaker.failed(company_id):
            ended_at, interval = self._last_outage
            first = interval if now - ended_at < _FLAPPING else Cause.FAILING.first
            self._block(Cause.FAILING, now, first)
            return Blame.SERVICE
        return Blame.CELL

    def released(self, permit: Permit) -> None:
        """Take note that a request was not sent, or was given up, and has no outcome."""
        if self._circuit is not None and self._circuit.is_probe(permit.at):
            self._circuit.probe_released()

    def _probe_failed(self, circuit: OpenCircuit, now: float, company_id: str | None) -> Blame:
        """Take note of a probe that brought nothing; it may be that nobody is left to wait for."""
        circuit.probe_failed(now, company_id)
        companies = len(circuit.companies)
        is_rate = circuit.cause is not Cause.FAILING and companies > _REFUSED_COMPANIES
        if self._is_tail and not is_rate and now - circuit.since >= _TAIL_PATIENCE * companies:
            self._circuit = None
            self._charges_all = True
            self.pacer.restart()
            self._notify("only_failing_cells_are_left", companies=companies)
            return Blame.CELL
        return Blame.SERVICE

    def _is_its_own(self, company_id: str) -> bool:
        """Say whether a refusal is about this company, not about the rate."""
        whose = self._throttling.refused(company_id, self._epoch, self.rate)
        if whose is ThrottledScope.JUST_FOUND:
            self.pacer.restore(self._throttling.rate_before)
            self._notify("company_refused_for_itself", company_id=company_id)
        return whose is not ThrottledScope.EVERYBODYS

    def _block(self, cause: Cause, now: float, interval: float) -> OpenCircuit:
        self._epoch += 1
        self._circuit = OpenCircuit(cause, now, interval, self._probe_seconds)
        self._notify("blocked", cause=cause.name.lower(), rate=round(self.rate, 2))
        return self._circuit

    def _reopen(self, circuit: OpenCircuit, probe: Permit, now: float) -> None:
        self._circuit = None
        limit, is_quota = self._estimate.reopened(probe, circuit.closed_until)
        is_long = now - circuit.since >= _LONG
        if circuit.cause is Cause.FAILING:
            self._last_outage = (now, circuit.interval)
            self._outage_epoch = self._epoch
            self.pacer.restart()
        elif limit is None or (is_long and circuit.cause is Cause.UNAVAILABLE):
            # Nothing is known; or it was rather an outage, which would make a tiny quota.
            self.pacer.restart()
        else:
            self.pacer.found(limit, now, is_quota=is_quota)
        self.pacer.resume()
        seconds = round(now - circuit.since, 3)
        self._notify("reopened", blocked_for_seconds=seconds, rate=round(self.rate, 2))
