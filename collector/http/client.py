"""Client of the statistics endpoint: the address of a cell, and the outcome of its request."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Final

import msgspec
from structlog.typing import FilteringBoundLogger
from yarl import URL

from collector.core.cell import Cell
from collector.core.confirmation import ConnectionUse, alone, shared
from collector.core.errors import AttributionError
from collector.core.outcome import Answer, Blame, Failure, Meaning, Outcome
from collector.core.secrets import Redactor
from collector.http.addresses import Addresses
from collector.http.connector import is_confirmed
from collector.http.denied import DeniedCompanies
from collector.http.faults import Nature
from collector.http.first_tries import FirstTries
from collector.http.gate import Gate
from collector.http.inquiry import Inquiry
from collector.http.rate_headers import read_rate_allowance
from collector.http.replies import Replies
from collector.http.token import TokenSource
from collector.http.transport import Response, Transport, TransportFailure
from collector.http.unauthorized import TokenJudge
from collector.http.witness import Witness
from collector.telemetry.stats import RunStats

__all__ = ["StatisticsClient"]

_MOST_REFUTED: Final = 20
"""Answers to one question that cannot be attributed, before the run ends."""


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
    * `witness`, `token_judge`: tell a refusal of one company from one of all; shared by all clients
      of a session.
    * `first_tries`: takes what each request comes to, until the first is answered; likewise shared.
    * `another`: returns a cell, in turns of different companies, to ask with a token that was
      refused; None if there is none.
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
        witness: Witness | None = None,
        token_judge: TokenJudge | None = None,
        first_tries: FirstTries | None = None,
        another: Callable[[], Cell | None] = lambda: None,
    ) -> None:
        self._transport = transport
        self._gate = gate
        self._tokens = tokens
        self._stats = stats
        self._addresses = addresses
        self._replies = Replies(gate, stats, redact, log)
        self._witness = witness or Witness()
        self._token_judge = token_judge or TokenJudge(tokens, gate.sleep)
        self._first_tries = first_tries or FirstTries()
        self._inquiry = Inquiry(
            transport=transport,
            gate=gate,
            tokens=tokens,
            replies=self._replies,
            addresses=addresses,
            witness=self._witness,
            another=another,
        )
        self._denied = DeniedCompanies()

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
        raise AttributionError.of()

    async def _request(
        self,
        url: URL,
        company_id: str,
        *,
        is_retry: bool,
        is_final: bool,
        use: Callable[[], ConnectionUse],
    ) -> Outcome:
        requests, asked_before = 0, False
        while True:
            reply = await self._transport.get(url, self._tokens, use, is_final=is_final)
            requests += reply.requests
            if isinstance(reply, TransportFailure):
                broken = self._replies.broken(company_id, reply, requests, is_retry=is_retry)
                self._first_tries.failed(company_id, broken)
                return broken
            outcome, nature = self._replies.read(reply, requests)
            if not isinstance(outcome, Failure):
                self._succeeded(url, company_id, reply, outcome)
                return outcome
            if outcome.meaning not in {Meaning.UNAUTHORIZED, Meaning.DENIED}:
                return self._judge(company_id, reply, outcome, nature, is_retry=is_retry)
            is_token = outcome.meaning is Meaning.UNAUTHORIZED
            is_denied = company_id in self._denied and (is_token or not self._is_blocked)
            if asked_before or is_denied:
                return self._refused(company_id, reply, outcome, nature, is_retry=is_retry)
            asked_before = True
            if is_token:
                await self._judge_token(url, company_id, reply)
            elif (
                failure := await self._judge_denial(company_id, reply, outcome, nature)
            ) is not None:
                return failure

    def _succeeded(self, url: URL, company_id: str, reply: Response, answer: Answer) -> None:
        """Report a good answer: to the gate, and to all that a later refusal is compared with."""
        allowance = read_rate_allowance(reply.headers, answer.fetched_at)
        permit, seconds = reply.permit, reply.seconds
        self._gate.answered(permit, company_id, allowance=allowance, at=permit.at + seconds)
        self._tokens.accepted(reply.token, permit.at)
        self._witness.answered(url, company_id, permit.at)
        self._denied.answered(company_id)
        self._stats.company_latencies.add(company_id, seconds)
        if not self._first_tries.is_over:
            self._first_tries.over()

    def _judge(
        self,
        company_id: str,
        reply: Response,
        failure: Failure,
        nature: Nature,
        *,
        is_retry: bool,
    ) -> Failure:
        """Report a failure to the gate; return it with what the try is charged to."""
        if failure.meaning is Meaning.NOT_READY:
            self._tokens.accepted(reply.token, reply.permit.at)
        self._first_tries.failed(company_id, failure)
        blame = self._replies.report(company_id, reply, failure, nature, is_evidence=not is_retry)
        return failure if blame is Blame.CELL else replace(failure, blame=blame)

    async def _judge_token(self, url: URL, company_id: str, reply: Response) -> None:
        """Return when a request that got a 401 may be sent again."""
        # Reported now: a new token may take long, and all may wait for this probe request.
        self._replies.refused(company_id, reply)
        token = reply.token
        assert token is not None, "each request has one"  # noqa: S101 - for the type checker
        since = reply.permit.at + reply.seconds
        ask = self._inquiry.about_token(token, since, (url, company_id), self._denied)
        await self._token_judge.judge(token, since, ask)

    async def _judge_denial(
        self, company_id: str, reply: Response, failure: Failure, nature: Nature
    ) -> Failure | None:
        """Tell a company that is refused from a ban; return the failure of the try.

        None if the service answers others: then the request is sent once more.
        """
        permit, is_blocked = reply.permit, self._is_blocked
        # Requests overtake each other: what was sent since then counts, or the witness.
        since = permit.at + reply.seconds
        passing = replace(failure, meaning=Meaning.TRANSIENT)
        blame = Blame.CELL
        if is_blocked:
            # It may be the probe request that all others wait for. The witness is the next one, so
            # that companies that are refused do not keep the circuit open.
            blame = self._replies.report(company_id, reply, failure, nature, is_evidence=True)
        is_working = await self._witness.is_service_working(since, self._inquiry.ask_witness)
        if is_blocked:
            return replace(passing, blame=blame)
        if is_working:
            self._replies.refused(company_id, reply)
            return None
        if is_working is False:
            blame = self._replies.banned(company_id, reply, failure, nature)
            return replace(passing, blame=blame)
        # Nothing was answered before that it could be compared with.
        self._replies.refused(company_id, reply)
        self._first_tries.failed(company_id, failure)
        return failure

    def _refused(
        self, company_id: str, reply: Response, failure: Failure, nature: Nature, *, is_retry: bool
    ) -> Failure:
        """Judge a company that is refused again, while the service answers others."""
        denied, is_token = self._denied, failure.meaning is Meaning.UNAUTHORIZED
        if company_id not in denied and not is_token and denied.are_refusals_passing:
            # As a 503: it depends on the rate, or comes from one of several servers.
            failure = replace(failure, meaning=Meaning.UNAVAILABLE)
            blame = self._replies.report(
                company_id, reply, failure, nature, is_evidence=not is_retry
            )
            if blame is Blame.CELL:
                denied.forbidden(company_id)
            return replace(failure, blame=blame)
        self._replies.refused(company_id, reply)
        if company_id not in denied:
            (denied.unauthorized if is_token else denied.forbidden)(company_id)
        if company_id in denied:
            return replace(failure, meaning=Meaning.DENIED)
        return failure if is_token else replace(failure, meaning=Meaning.TRANSIENT)

    @property
    def _is_blocked(self) -> bool:
        return self._gate.control.open_cause is not None


def _with_requests(outcome: Outcome, requests: int) -> Outcome:
    if isinstance(outcome, Failure):
        return replace(outcome, requests=requests)
    return msgspec.structs.replace(outcome, requests=requests)
