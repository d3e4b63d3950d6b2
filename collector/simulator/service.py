"""What the embedded API answers: decisions only, no network and no waiting.

A statistics request is checked in this order: the outage, the limits, the token, the company, the
fault drawn for it, then the dates, and whether the answer is ready. Limits, faults and latency
concern statistics requests only.
"""

import random
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, NamedTuple
from urllib.parse import unquote

from collector.simulator.dates import asked_days, last_days
from collector.simulator.faults import Fault, FaultDraw
from collector.simulator.limit import Admission, retry_after_seconds
from collector.simulator.records import Counts, RequestKind, RequestRecord
from collector.simulator.replies import (
    Reply,
    bad_gateway,
    denied,
    maintenance_page,
    not_ready,
    rate_headers,
    redirected,
    refused_token,
    statistics_error,
    statistics_found,
    throttle_page,
    token_reply,
)
from collector.simulator.settings import SimulatorSettings
from collector.simulator.statistics import statistics_of_days
from collector.simulator.tokens import TokenStore, read_fields

__all__ = ["Decision", "EmbeddedService", "StatisticsRequest"]

_UNANSWERED: Final = {Fault.RESET, Fault.HANG}

_BEYOND_64_BITS: Final = 2**64

_MOST_PREPARED: Final = 100_000
"""Answers that are remembered as asked for; then the oldest is forgotten."""


class StatisticsRequest(NamedTuple):
    """What a statistics request carries; the id as it is in the path, percent-encoded."""

    raw_id: str
    authorization: str | None
    from_dates: Sequence[str]
    until_dates: Sequence[str]


class Decision(NamedTuple):
    """The decision on a statistics request: `reply` after `delay` seconds, broken by `fault`.

    `ended` must be called when the answer is sent or the client gone. `is_refused` says that a
    limit rejected the request.
    """

    reply: Reply
    fault: Fault | None = None
    delay: float = 0.0
    is_refused: bool = False
    ended: Callable[[], None] = lambda: None


class EmbeddedService:
    """Decides on requests and records them; see `Simulator` for the parameters."""

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        today: Callable[[], date],
        record_requests: bool,
    ) -> None:
        self.counts = Counts()
        self.requests: list[RequestRecord] = []
        self.tokens = TokenStore(clock)
        self._clock = clock
        self._monotonic = monotonic
        self._today = today
        self._record_requests = record_requests
        self.configure(settings)

    def configure(self, settings: SimulatorSettings) -> None:
        """Apply settings; limit and draws start anew, tokens and records stay."""
        self.settings = settings
        self._admission = Admission(settings)
        self._first_asked: dict[tuple[object, ...], float] = {}
        # Windows are aligned to the wall clock, buckets fill independently of it.
        is_window = settings.limit_kind == "window"
        self._limit_clock = self._clock if is_window else self._monotonic
        self._faults = FaultDraw(settings)
        # A sequence of its own, so that jitter does not change which requests meet a fault.
        self._jitter = random.Random(f"jitter/{settings.seed}")  # noqa: S311 - repeatable, no secret

    def oauth(self, kind: RequestKind, body: bytes, content_type: str) -> Reply:
        """Issue a token, or revoke one if `kind` is `revoke`."""
        if self.settings.issuer_down:
            reply = maintenance_page(503)
        else:
            answer = self.tokens.revoke if kind == "revoke" else self.tokens.issue
            reply = token_reply(*answer(self.settings, read_fields(body, content_type)))
        if self.settings.bom:
            reply = reply.with_bom()
        self._record(RequestRecord(self._monotonic(), kind, status=reply.status))
        return reply

    def misdirected(self, status: int, reason: str) -> Reply:
        """Answer a request with an unknown path or method."""
        self._record(RequestRecord(self._monotonic(), "other", status=status))
        return statistics_error(status, reason)

    def statistics(self, request: StatisticsRequest) -> Decision:
        """Decide on a statistics request and record it as it arrives."""
        at = self._monotonic()
        company_id = _decoded(request.raw_id)
        decision = self._decide(request, company_id)
        reply = decision.reply
        if self.settings.envelope_errors:
            reply = reply.in_a_200()
        if self.settings.bom:
            reply = reply.with_bom()
        decision, fault = decision._replace(reply=reply), decision.fault
        record = RequestRecord(
            at,
            "statistics",
            request.raw_id if company_id is None else company_id,
            request.from_dates[0] if len(request.from_dates) == 1 else None,
            request.until_dates[0] if len(request.until_dates) == 1 else None,
            None if fault in _UNANSWERED else decision.reply.status,
            fault,
            decision.is_refused,
        )
        self._record(record)
        return decision

    def _decide(self, request: StatisticsRequest, company_id: str | None) -> Decision:
        if self.settings.down:
            return Decision(bad_gateway())
        if self.settings.redirect_to is not None:
            return Decision(redirected(308, self.settings.redirect_to))
        now, admission = self._limit_clock(), self._admission
        verdict = admission.admit(now)
        if verdict.passes:
            decision = self._admitted(request, company_id)
            delay = decision.delay + verdict.seconds
            decision = decision._replace(delay=delay, ended=admission.left)
        else:
            decision = Decision(self._over_limit(verdict.seconds), is_refused=True)
        if self.settings.rate_headers and (allowance := admission.allowance(now)):
            reply = decision.reply.with_headers(rate_headers(allowance))
            decision = decision._replace(reply=reply)
        return decision

    def _over_limit(self, wait: float) -> Reply:
        """Reject a request; another one could pass in `wait` seconds."""
        settings, headers = self.settings, {}
        if settings.retry_after:
            headers["Retry-After"] = str(retry_after_seconds(wait))
        if settings.limit_page:
            return throttle_page(settings.limit_status, headers)
        return statistics_error(settings.limit_status, "too many requests", headers)

    def _admitted(self, request: StatisticsRequest, company_id: str | None) -> Decision:
        """Decide on a request that the limits admit."""
        if reason := self.tokens.refusal(request.authorization):
            return Decision(refused_token(reason))
        if company_id in self.settings.deny:
            return Decision(denied(self.settings.deny_status))
        fault = self._faults.draw()
        delay = self.settings.latency
        if self.settings.jitter:
            delay += self._jitter.uniform(0.0, self.settings.jitter)
        if fault is Fault.STATUS_500:
            reply = statistics_error(500, "simulated failure")
        elif fault is Fault.STATUS_401:
            reply = refused_token("The access token is invalid")
        elif fault is Fault.NOT_JSON:
            reply = maintenance_page()
        else:
            reply = self._answer(request, company_id)
        return Decision(reply, fault, delay)

    def _answer(self, request: StatisticsRequest, company_id: str | None) -> Reply:
        settings = self.settings
        if company_id is None:
            return statistics_error(400, "the company id is not percent-encoded UTF-8")
        today = settings.today or self._today()
        days: range | str = last_days(today)
        if not settings.ignore_dates:
            days = asked_days(
                request.from_dates,
                request.until_dates,
                until_exclusive=settings.until_exclusive,
                today=today,
                date_format=settings.date_format,
            )
        if isinstance(days, str):
            return statistics_error(400, days)
        if settings.not_ready and (wait := self._wait_for_answer(request)) > 0.0:
            return not_ready(wait)
        return self._found(company_id, days, today)

    def _wait_for_answer(self, request: StatisticsRequest) -> float:
        """Return the seconds until an answer is ready; the first request begins to prepare it."""
        asked, now = self._first_asked, self._monotonic()
        key = (request.raw_id, tuple(request.from_dates), tuple(request.until_dates))
        if key not in asked and len(asked) >= _MOST_PREPARED:
            del asked[next(iter(asked))]
        return asked.setdefault(key, now) + self.settings.not_ready - now

    def _found(self, company_id: str, days: range, today: date) -> Reply:
        settings = self.settings
        statistics = statistics_of_days(
            settings.seed,
            company_id,
            days,
            empty_share=settings.empty_share,
            settle_days=settings.settle_days,
            today=today,
        )
        data: dict[str, object] = dict(statistics)
        if settings.empty_actions != "zeros" and not statistics["total"]:
            data["actions"] = [] if settings.empty_actions == "list" else None
            if settings.empty_actions == "absent":
                del data["actions"]
        data |= dict.fromkeys(settings.more_field, 1)
        for name in settings.lacks_field:
            data.pop(name, None)
        if company_id in settings.huge:
            data["total"] = _BEYOND_64_BITS + statistics["total"]
        return statistics_found(data, has_key_twice=company_id in settings.duplicate_keys)

    def _record(self, record: RequestRecord) -> None:
        """Count a request, and keep it if requests are kept."""
        self.counts.add(record.kind, record.status, record.fault)
        if self._record_requests:
            self.requests.append(record)


def _decoded(raw_id: str) -> str | None:
    """Undo the percent-encoding; None if the result is not UTF-8."""
    try:
        company_id = unquote(raw_id, errors="strict")
        company_id.encode()
    except UnicodeError:
        return None
    return company_id
