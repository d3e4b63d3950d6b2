"""Client of the statistics endpoint: the address of a cell, and the outcome of its request."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, TypeGuard

import msgspec
from structlog.typing import FilteringBoundLogger
from yarl import URL

from collector.core.cell import Cell
from collector.core.confirmation import ConnectionUse, alone, shared
from collector.core.errors import AttributionError
from collector.core.outcome import Answer, Blame, Failure, FailureKind, Outcome
from collector.core.secrets import Redactor
from collector.core.text import escaped
from collector.http.addresses import Addresses
from collector.http.connector import is_confirmed
from collector.http.envelope import Checked, check_reply
from collector.http.faults import Fault, Nature
from collector.http.gate import Gate
from collector.http.rate_headers import read_rate_allowance, read_retry_after
from collector.http.retry import is_outage_evidence
from collector.http.token import TokenSource
from collector.http.transport import Response, Transport, TransportFailure
from collector.telemetry.stats import RunStats

__all__ = ["StatisticsClient", "excerpt"]

_MOST_REFUTED: Final = 20
"""Answers to one question that cannot be attributed, before the run ends."""

_EXCERPT_BYTES: Final = 2048
_MESSAGE_BYTES: Final = 1024
"""Most bytes of a message; messages quote the error text of the body, which may be long."""

_HEADER_LENGTH: Final = 40
"""Most characters of a header that an event quotes."""

_UNAUTHORIZED: Final = HTTPStatus.UNAUTHORIZED.value
_TOO_MANY_REQUESTS: Final = HTTPStatus.TOO_MANY_REQUESTS.value
_SERVER_ERROR: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value
_UNAVAILABLE: Final = HTTPStatus.SERVICE_UNAVAILABLE.value


class StatisticsClient:
    """Client that requests a cell and returns its outcome; a failure is a value, not an exception.

    It reports the result of each request to the gate, which returns what to charge a failure to.

    * `transport`: sends the requests.
    * `gate`: takes the results; holds the rate controller.
    * `tokens`: provides access tokens, and judges each 401.
    * `stats`: takes the latencies of good answers (seconds, per company) and the throttled count.
    * `redact`: removes secrets from messages and excerpts.
    * `addresses`: builds the address of each request.
    * `log`: takes warnings about unusable `Retry-After` headers.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        *,
        transport: Transport,
        gate: Gate,
        tokens: TokenSource,
        stats: RunStats,
        redact: Redactor,
        addresses: Addresses,
        log: FilteringBoundLogger,
    ) -> None:
        self._transport = transport
        self._gate = gate
        self._tokens = tokens
        self._stats = stats
        self._redact = redact
        self._addresses = addresses
        self._log = log

    def fetch(
        self,
        cell: Cell,
        *,
        is_retry: bool = False,
        is_final: bool = False,
        use: Callable[[], ConnectionUse] = shared,
    ) -> Coroutine[object, None, Outcome]:
        """Request one cell: one request, and one more with a new token after a 401.

        A retry is weaker evidence about the service than a first try: the cell itself may be at
        fault. `use` and `is_final` are those of `Transport.get`. The outcome counts only when its
        confirmation is known. Raises `CredentialsError` when the server rejects the credentials,
        `OutageError` when the server has accepted or answered no request for too long, or issues
        no token, and `AttributionError` when answers cannot be attributed to requests.
        """
        url = self._addresses(cell)
        return self._request(url, cell.company_id, is_retry=is_retry, is_final=is_final, use=use)

    async def ask_with(
        self, company_id: str, parameters: Mapping[str, str], *, is_retry: bool = False
    ) -> Outcome:
        """Request a company with the given parameters in the query; otherwise like `fetch`.

        The outcome is confirmed: it has a connection of its own, and is requested again if that
        brings more than one answer.
        """
        url = self._addresses.with_parameters(company_id, parameters)
        requests = 0
        for _ in range(_MOST_REFUTED):
            outcome = await self._request(
                url, company_id, is_retry=is_retry, is_final=False, use=alone
            )
            requests += outcome.requests
            if await is_confirmed(outcome.confirmation):
                return _with_requests(outcome, requests)
        raise AttributionError

    async def _request(
        self,
        url: URL,
        company_id: str,
        *,
        is_retry: bool,
        is_final: bool,
        use: Callable[[], ConnectionUse],
    ) -> Outcome:
        get = self._transport.get
        reply = await get(url, self._tokens, use, is_final=is_final)
        requests = reply.requests
        if self._is_unauthorized(reply, company_id) and reply.token is not None:
            newer = await self._tokens.renewed(reply.token)
            if newer is not None:
                reply = await get(url, self._tokens, use, is_final=is_final)
                requests += reply.requests
                self._is_unauthorized(reply, company_id)
        if isinstance(reply, TransportFailure):
            return self._to_failure(company_id, reply, requests, is_retry=is_retry)
        return self._to_outcome(company_id, reply, requests, is_retry=is_retry)

    def _is_unauthorized(
        self, reply: Response | TransportFailure, company_id: str
    ) -> TypeGuard[Response]:
        """Return whether the server rejected the token, and if so report the answer to the gate."""
        if isinstance(reply, TransportFailure) or reply.status != _UNAUTHORIZED:
            return False
        # Reported now: a new token may take long, and all may be waiting for this probe request.
        self._gate.answered(reply.permit, company_id)
        return True

    def _to_failure(
        self, company_id: str, failure: TransportFailure, requests: int, *, is_retry: bool
    ) -> Failure:
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
        now = datetime.now(UTC)
        return Failure(failure.kind, None, message, None, now, requests, blame)

    def _to_outcome(
        self, company_id: str, reply: Response, requests: int, *, is_retry: bool
    ) -> Outcome:
        """Check a whole answer, and report what it means for the token and the rate."""
        now = datetime.now(UTC)
        verdict = check_reply(reply.status, reply.headers, reply.body, is_cut=reply.is_cut)
        if isinstance(verdict, Checked):
            self._tokens.accepted()
            allowance = read_rate_allowance(reply.headers, now)
            self._gate.answered(reply.permit, company_id, allowance=allowance)
            self._stats.company_latencies.add(company_id, reply.seconds)
            return Answer(verdict.statistics, verdict.counters, now, requests, reply.confirmation)
        failure = Failure(
            kind=verdict.kind,
            status=reply.status if verdict.code is None else verdict.code,
            message=_beginning(verdict.message, _MESSAGE_BYTES, self._redact),
            body=excerpt(reply.body, self._redact),
            failed_at=now,
            requests=requests,
            confirmation=reply.confirmation,
        )
        if reply.status == _UNAUTHORIZED:
            self._tokens.rejected(company_id)
            return failure
        if reply.status < _SERVER_ERROR and reply.status != _TOO_MANY_REQUESTS:
            self._tokens.accepted()
        fault = Fault(_cause(failure), verdict.nature)
        blame = self._report_failure(company_id, reply, failure, fault, is_retry=is_retry)
        return failure if blame is Blame.CELL else replace(failure, blame=blame)

    def _report_failure(
        self,
        company_id: str,
        reply: Response,
        failure: Failure,
        fault: Fault,
        *,
        is_retry: bool,
    ) -> Blame:
        """Report a failure to the gate; return what the try is charged to."""
        gate, permit = self._gate, reply.permit
        allowance = read_rate_allowance(reply.headers, failure.failed_at)
        if not is_outage_evidence(failure):
            gate.answered(permit, company_id, allowance=allowance)
            return Blame.CELL
        pause = self._pause(reply, failure.failed_at)
        if reply.status == _TOO_MANY_REQUESTS or pause is not None:
            blame = gate.refused(
                permit, company_id, pause=pause or 0.0, allowance=allowance, fault=fault
            )
        elif reply.status == _UNAVAILABLE:
            blame = gate.unavailable(permit, company_id, is_evidence=not is_retry, fault=fault)
        else:
            blame = gate.failed(
                permit, company_id, is_evidence=not is_retry, was_accepted=True, fault=fault
            )
        self._stats.refused = gate.control.refusals
        return blame

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


def _with_requests(outcome: Outcome, requests: int) -> Outcome:
    if isinstance(outcome, Failure):
        return replace(outcome, requests=requests)
    return msgspec.structs.replace(outcome, requests=requests)


def excerpt(body: bytes, redact: Redactor) -> str:
    """Return the beginning of a body as text, at most 2 KiB of UTF-8, without secrets."""
    return _beginning(body.decode(errors="replace"), _EXCERPT_BYTES, redact)


def _beginning(text: str, limit: int, redact: Redactor) -> str:
    """Return the longest beginning of a redacted text that fits into `limit` bytes of UTF-8."""
    return redact.beginning(text, limit).encode()[:limit].decode(errors="ignore")
