"""Rate controller: issues permits, and decides what a failure is charged to."""

from math import inf
from typing import Final

from collector.core.outcome import Blame
from collector.pace.circuit import Cause, CircuitBreaker, OpenCircuit
from collector.pace.estimate import LimitEstimate
from collector.pace.limiter import Notify, RateLimiter
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
"""Seconds for which the circuit is open when no token bucket explains it."""


class RateController:
    """Decides when the next request may be sent, from the results of earlier requests.

    Pure: it never waits, and time is passed in (seconds of a monotonic clock). `refused` is a
    request that the server throttled (429, or 503 if it depends on the rate).

    While the circuit is closed, permits are issued at the rate of the `RateLimiter`. It opens when
    the server throttles a request that was sent since it was last open, or at an outage
    (`CircuitBreaker`). While it is open only single probe requests are sent, until the server
    answers one. See docs/rate-control.md.

    * `ceiling`: the highest rate, in requests per second; `inf` for none.
    * `start`: the first rate when there is no ceiling, in requests per second.
    * `companies`: how many the run requests; the circuit breaker needs failures of several.
    * `probe_seconds`: seconds after which a probe without a result counts as lost.
    * `patience`: seconds without an accepted or answered request before the caller gives up.
    * `notify`: takes events, as a structured logger does.
    """

    def __init__(  # noqa: PLR0913 - what it is about, all but the first by name
        self,
        ceiling: float,
        *,
        start: float = AUTO_START,
        companies: int,
        probe_seconds: float,
        patience: float = inf,
        notify: Notify = lambda event, **fields: None,  # noqa: ARG005 - no listener
    ) -> None:
        self.limiter = RateLimiter(ceiling, start, notify)
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
        self._outage_epoch = 0
        self._is_tail = False
        self._charges_all = False
        self.last_error: str | None = None
        """Text of the last failure, for events. The caller sets it before it reports a failure."""

    @property
    def rate(self) -> float:
        """The rate in force, in requests per second; while the circuit is open, the last one."""
        return self.limiter.search.rate

    @property
    def ceiling(self) -> float:
        """The highest rate, in requests per second; `inf` if there is none."""
        return self.limiter.search.ceiling

    @property
    def limit(self) -> float | None:
        """The limit of the server that was found last, in requests per second."""
        return self.limiter.search.limit

    @property
    def refusals(self) -> int:
        """Number of requests that the server throttled."""
        return self._estimate.refusals

    @property
    def open_cause(self) -> Cause | None:
        """Why the circuit is open; None while it is closed."""
        return None if self._circuit is None else self._circuit.cause

    @property
    def is_doubtful(self) -> bool:
        """Whether failures occur in a row: a first try is better evidence now than a retry."""
        return self._breaker.is_doubtful

    @property
    def gives_up_at(self) -> float:
        """When the patience ends; `inf` while the circuit is closed."""
        return inf if self._circuit is None else self._circuit.since + self._patience

    @property
    def probe_ends_at(self) -> float:
        """When the probe in flight counts as lost; `-inf` if there is none."""
        return -inf if self._circuit is None else self._circuit.probe_ends_at

    def no_more_cells(self) -> None:
        """Record that the last cell was started: only failing cells may be left."""
        self._is_tail = True

    def next_at(self, *, is_urgent: bool = False) -> float:
        """Return when the next permit is due; an urgent request ignores an open circuit."""
        if self._circuit is None or is_urgent:
            return self.limiter.schedule.next_at
        return max(self._circuit.next_at, self.limiter.schedule.next_at)

    def issue_permit(self, now: float, *, is_urgent: bool = False) -> Permit:
        """Issue a permit for a request that is sent now. The result of an urgent one is ignored."""
        is_paced = self.limiter.schedule.depart(now)
        if is_urgent:
            return Permit(now, -1, -1, is_paced=False)
        if self._circuit is not None:
            self._circuit.probe_sent(now)
        return Permit(now, self._estimate.sent(now), self._epoch, is_paced)

    def answered(
        self, permit: Permit, now: float, company_id: str | None = None, *, is_good: bool = True
    ) -> None:
        """Record a response, including a definitive error; the rate grows after good ones only."""
        self._breaker.succeeded()
        self._charges_all = False
        if company_id is not None:
            self._throttling.accepted(company_id, is_current=permit.epoch == self._epoch)
        if (circuit := self._circuit) is not None:
            if circuit.is_probe(permit.at):
                self._close_circuit(circuit, permit, now)
            return
        if not permit.is_paced:
            # The rate did not delay this request, so its answer says nothing about the rate.
            return
        limiter = self.limiter
        limiter.answered(permit, now)
        if (
            is_good
            and limiter.may_grow
            and now
            >= max(self._hints.used_up_until(), self._status_503.may_be_limited_until(self.rate))
        ):
            limiter.grow(now)

    def hinted(self, now: float, remaining: int, reset_seconds: float) -> None:
        """Record what an answer's rate headers say is left for the next `reset_seconds`."""
        self._hints.update(now, self.rate, remaining, reset_seconds)

    def refused(
        self,
        permit: Permit,
        now: float,
        company_id: str | None = None,
        *,
        pause: float = 0.0,
        cause: Cause = Cause.REFUSED,
    ) -> Blame:
        """Record a throttled request; the server asks for a `pause` (seconds, 0 for none)."""
        self._estimate.refused(permit)
        self._hints.refused()
        if self._charges_all:
            return Blame.CELL
        circuit, blame = self._circuit, Blame.RATE
        if circuit is None:
            # A request sent before the circuit last opened says nothing new, unless it brings a
            # pause.
            if permit.epoch < self._epoch and not pause:
                return blame
            if company_id is not None and self._is_company_limit(company_id):
                return Blame.CELL
            self._estimate.circuit_opened(permit)
            circuit = self._open_circuit(cause, now)
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
        """Record a 503 without a usable `Retry-After`: an error, or throttling."""
        if self._circuit is not None:
            if self._circuit.cause is not Cause.FAILING:
                return self.refused(permit, now, company_id)
        elif permit.epoch == self._epoch:
            reading = self._status_503.classify(now, self.rate)
            if reading is Reading.REFUSAL:
                return self.refused(permit, now, company_id, cause=Cause.UNAVAILABLE)
            if reading is Reading.FALSE_ALARM:
                self.limiter.restore(self._status_503.rate_before)
                self._notify("status_503_is_no_refusal", rate=round(self.rate, 2))
        elif permit.epoch >= self._outage_epoch:
            # It was sent in the burst that last opened the circuit.
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
        """Record a transient failure.

        `is_evidence` says that it is evidence about the service: a first try, or a connection
        failure. `was_accepted` says that a whole answer came, so the rate was not the cause.
        """
        if (circuit := self._circuit) is not None:
            if not circuit.is_probe(permit.at):
                return Blame.SERVICE if circuit.cause is Cause.FAILING else Blame.CELL
            if circuit.cause is Cause.FAILING or not was_accepted:
                return self._probe_failed(circuit, now, company_id)
            self._close_circuit(circuit, permit, now)
            return Blame.CELL
        if permit.epoch < self._outage_epoch and not self._charges_all:
            return Blame.SERVICE
        # At the end there may be no first try left as evidence.
        counts = (is_evidence or self._is_tail) and not self._charges_all
        if counts and self._breaker.failed(company_id):
            self._open_circuit(Cause.FAILING, now)
            return Blame.SERVICE
        return Blame.CELL

    def banned(self, permit: Permit, now: float, company_id: str) -> Blame:
        """Record a ban (403): the service denies a company that it answered before.

        That is as good as an outage, however few companies are left.
        """
        if self._circuit is None and not self._charges_all and permit.epoch >= self._outage_epoch:
            self._open_circuit(Cause.FAILING, now)
            return Blame.SERVICE
        return self.failed(permit, now, company_id, is_evidence=True, was_accepted=False)

    def released(self, permit: Permit) -> None:
        """Record that a request was not sent, or was cancelled, and has no result."""
        if self._circuit is not None and self._circuit.is_probe(permit.at):
            self._circuit.probe_released()

    def _probe_failed(self, circuit: OpenCircuit, now: float, company_id: str | None) -> Blame:
        """Record a failed probe; close the circuit if only failing cells are left."""
        circuit.probe_failed(now, company_id)
        if self._is_tail and circuit.seems_only_cells(now):
            self._circuit = None
            self._charges_all = True
            self.limiter.restart()
            self._notify("only_failing_cells_are_left", companies=len(circuit.companies))
            return Blame.CELL
        return Blame.SERVICE

    def _is_company_limit(self, company_id: str) -> bool:
        """Return whether the server throttles this company alone, rather than the rate."""
        scope = self._throttling.refused(company_id, self._epoch, self.rate)
        if scope is ThrottledScope.NEW_COMPANY:
            self.limiter.restore(self._throttling.rate_before)
            self._notify("company_refused_for_itself", company_id=company_id)
        return scope is not ThrottledScope.ALL_COMPANIES

    def _open_circuit(self, cause: Cause, now: float) -> OpenCircuit:
        interval = self._breaker.first_interval(now) if cause is Cause.FAILING else cause.first
        self._epoch += 1
        self._circuit = OpenCircuit(cause, now, interval, self._probe_seconds)
        name, rate = cause.name.lower(), round(self.rate, 2)
        self._notify("blocked", cause=name, rate=rate, last_error=self.last_error)
        return self._circuit

    def _close_circuit(self, circuit: OpenCircuit, probe: Permit, now: float) -> None:
        self._circuit = None
        seconds = now - circuit.since
        limit, is_quota = self._estimate.circuit_closed(probe, circuit.refused_until)
        if circuit.cause is Cause.UNAVAILABLE and seconds >= _LONG:
            # Rather a ban or an outage, which would look like a tiny quota.
            self._status_503.accepted_nothing()
            limit = None
        if circuit.cause is Cause.FAILING:
            self._breaker.outage_ended(now, circuit.interval)
            self._outage_epoch = self._epoch
            self.limiter.restart()
        elif limit is None:
            self.limiter.restart()
        else:
            self.limiter.found(limit, now, is_quota=is_quota)
        self.limiter.resume()
        self._notify("reopened", blocked_for_seconds=round(seconds, 3), rate=round(self.rate, 2))
