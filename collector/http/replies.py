"""Replies: what an answer says, and its report to the gate."""

from datetime import UTC, datetime
from typing import Final

from structlog.typing import FilteringBoundLogger

from collector.core.outcome import Answer, Blame, Failure, FailureKind, Meaning, Outcome
from collector.core.secrets import Redactor
from collector.core.text import escaped
from collector.http.envelope import Checked, check_reply
from collector.http.faults import Fault, Nature
from collector.http.gate import Gate
from collector.http.meaning import meaning_of, signs_of
from collector.http.rate_headers import read_rate_allowance, read_retry_after
from collector.http.transport import Response, TransportFailure
from collector.pace import Cause
from collector.telemetry.stats import RunStats

__all__ = ["Replies", "excerpt"]

_EXCERPT_BYTES: Final = 2048
_MESSAGE_BYTES: Final = 1024
"""Most bytes of a message; messages quote the error text of the body, which may be long."""

_HEADER_LENGTH: Final = 40
"""Most characters of a header that an event quotes."""


class Replies:
    """Reads replies, and reports failures to the gate, which returns what to charge them to.

    * `gate`: takes the results; holds the rate controller.
    * `stats`: takes the numbers of good answers, and of requests that the server throttled.
    * `redact`: removes secrets from messages and excerpts.
    * `log`: takes warnings about unusable `Retry-After` headers.
    """

    def __init__(
        self, gate: Gate, stats: RunStats, redact: Redactor, log: FilteringBoundLogger
    ) -> None:
        self._gate = gate
        self._stats = stats
        self._redact = redact
        self._log = log

    def read(self, reply: Response, requests: int) -> tuple[Outcome, Nature]:
        """Return the outcome of a whole answer, and whether a failure may pass by itself.

        Call it once for each answer: it counts the good ones.
        """
        now = datetime.now(UTC)
        verdict = check_reply(reply.status, reply.headers, reply.body, is_cut=reply.is_cut)
        if isinstance(verdict, Checked):
            self._stats.good += 1
            data, counters, further = verdict.statistics, verdict.counters, verdict.further
            answer = Answer(data, counters, now, requests, reply.confirmation, further)
            return answer, Nature.TRANSIENT
        status = reply.status if verdict.code is None else verdict.code
        pause = self._pause(reply, now)
        allowance = read_rate_allowance(reply.headers, now)
        signs = signs_of(reply.headers, reply.body, pause=pause, allowance=allowance)
        failure = Failure(
            kind=verdict.kind,
            status=status,
            message=escaped(_beginning(verdict.message, _MESSAGE_BYTES, self._redact)),
            body=excerpt(reply.body, self._redact),
            failed_at=now,
            requests=requests,
            confirmation=reply.confirmation,
            meaning=meaning_of(verdict.kind, status, signs),
            retry_after=pause or 0.0,
        )
        return failure, verdict.nature

    def broken(
        self, company_id: str, failure: TransportFailure, requests: int, *, is_retry: bool
    ) -> Failure:
        """Report a request without a whole answer to the gate, and return the failure."""
        message = _beginning(failure.message, _MESSAGE_BYTES, self._redact)
        blame = Blame.CELL
        if failure.nature in {Nature.LOCAL, Nature.SUSPENDED}:
            blame = Blame.LOCAL
            if failure.nature is Nature.LOCAL:
                # It did not leave this machine.
                requests -= failure.requests
            if failure.permit is not None:
                self._gate.release(failure.permit)
        elif failure.permit is not None:
            blame = self._gate.failed(
                failure.permit,
                company_id,
                # A connection failure does not depend on the cell.
                is_evidence=not is_retry or failure.kind is FailureKind.CONNECTION,
                was_accepted=False,
                fault=Fault(message, failure.nature),
            )
        return Failure(
            kind=failure.kind,
            status=None,
            message=message,
            body=None,
            failed_at=datetime.now(UTC),
            requests=requests,
            blame=blame,
            meaning=meaning_of(failure.kind, None),
        )

    def report(
        self,
        company_id: str,
        reply: Response,
        failure: Failure,
        nature: Nature,
        *,
        is_evidence: bool,
    ) -> Blame:
        """Report a failure to the gate; return what the try is charged to."""
        gate, permit, meaning = self._gate, reply.permit, failure.meaning
        allowance = read_rate_allowance(reply.headers, failure.failed_at)
        fault = Fault(_cause(failure), nature)
        if meaning is Meaning.RATE_LIMITED:
            blame = gate.refused(
                permit, company_id, pause=failure.retry_after, allowance=allowance, fault=fault
            )
        elif meaning is Meaning.UNAVAILABLE:
            blame = gate.unavailable(permit, company_id, is_evidence=is_evidence, fault=fault)
        elif meaning in {Meaning.TRANSIENT, Meaning.DENIED}:
            blame = gate.failed(
                permit, company_id, is_evidence=is_evidence, was_accepted=True, fault=fault
            )
        else:
            gate.answered(permit, company_id, allowance=allowance, is_good=False)
            return Blame.CELL
        self._stats.refused = gate.control.refusals
        return blame

    def refused(self, company_id: str, reply: Response) -> None:
        """Report a refusal of a company or a token: it does not show that an outage is over."""
        if self._gate.control.open_cause is Cause.FAILING:
            self._gate.release(reply.permit)
        else:
            self._gate.answered(reply.permit, company_id, is_good=False)

    def banned(self, company_id: str, reply: Response, failure: Failure, nature: Nature) -> Blame:
        """Report a refusal that is not about its company; return what the try is charged to."""
        return self._gate.banned(reply.permit, company_id, fault=Fault(_cause(failure), nature))

    def _pause(self, reply: Response, now: datetime) -> float | None:
        """Return the pause in seconds that `Retry-After` asks for; None without a usable one."""
        headers = reply.headers
        value = headers.get("Retry-After")
        retry_after = read_retry_after(value, now, headers.get("Date"))
        if value is None or retry_after is None:
            return None
        if retry_after.problem is not None:
            self._log.warning(
                "odd_retry_after",
                retry_after=escaped(self._redact.beginning(value, _HEADER_LENGTH)),
                problem=retry_after.problem,
                status=reply.status,
            )
        return retry_after.seconds


def _cause(failure: Failure) -> str:
    """Return the cause of a failure in a few words, none of them the server's."""
    if failure.kind is FailureKind.HTTP:
        return f"HTTP {failure.status}"
    if failure.kind is FailureKind.API_CODE:
        return f"code {failure.status} in a 200"
    return failure.message


def excerpt(body: bytes, redact: Redactor) -> str:
    """Return the beginning of a body as text, at most 2 KiB of UTF-8, without secrets."""
    return _beginning(body, _EXCERPT_BYTES, redact)


def _beginning(text: str | bytes, limit: int, redact: Redactor) -> str:
    """Return the longest beginning of a redacted text that fits into `limit` bytes of UTF-8."""
    return redact.beginning(text, limit).encode()[:limit].decode(errors="ignore")
