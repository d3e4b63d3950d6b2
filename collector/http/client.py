"""Client of the statistics endpoint: the address of a cell, and the outcome of its request."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from math import inf
from typing import Final

import msgspec
from structlog.typing import FilteringBoundLogger
from yarl import URL

from collector.core.cell import Cell
from collector.core.confirmation import ConnectionUse, alone, shared
from collector.core.errors import AttributionError
from collector.core.outcome import Answer, Blame, Failure, FailureKind, Meaning, Outcome
from collector.core.secrets import Redactor
from collector.http.addresses import Addresses
from collector.http.connector import is_confirmed
from collector.http.denied import DeniedCompanies
from collector.http.faults import Nature
from collector.http.gate import Gate
from collector.http.rate_headers import read_rate_allowance
from collector.http.replies import Replies
from collector.http.token import Token, TokenSource
from collector.http.transport import Response, Transport, TransportFailure
from collector.http.unauthorized import TokenJudge
from collector.http.witness import Witness, WitnessAnswer
from collector.telemetry.stats import RunStats

__all__ = ["StatisticsClient"]

_MOST_REFUTED: Final = 20
"""Answers to one question that cannot be attributed, before the run ends."""

_MOST_ASKED: Final = 3
"""Requests for other companies before a token counts as refused: one of several servers may be the
one that refuses it."""


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
        self._another = another
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
        requests, asked_before = 0, False
        while True:
            reply = await self._transport.get(url, self._tokens, use, is_final=is_final)
            requests += reply.requests
            if isinstance(reply, TransportFailure):
                return self._replies.broken(company_id, reply, requests, is_retry=is_retry)
            outcome, nature = self._replies.read(reply, requests)
            if not isinstance(outcome, Failure):
                self._succeeded(url, company_id, reply, outcome)
                return outcome
            if outcome.meaning not in {Meaning.UNAUTHORIZED, Meaning.DENIED}:
                return self._judge(company_id, reply, outcome, nature, is_retry=is_retry)
            if asked_before or company_id in self._denied:
                return self._refused(company_id, reply, outcome)
            asked_before = True
            if outcome.meaning is Meaning.UNAUTHORIZED:
                await self._judge_token(url, company_id, reply)
                continue
            blame = await self._judge_denial(company_id, reply, outcome, nature)
            if blame is not None:
                return replace(outcome, blame=blame)

    def _succeeded(self, url: URL, company_id: str, reply: Response, answer: Answer) -> None:
        """Report a good answer: to the gate, and to all that a later refusal is compared with."""
        allowance = read_rate_allowance(reply.headers, answer.fetched_at)
        self._gate.answered(reply.permit, company_id, allowance=allowance)
        self._tokens.accepted(reply.token, reply.permit.at)
        self._witness.answered(url, company_id, reply.permit.at)
        self._denied.answered(company_id)
        self._stats.company_latencies.add(company_id, reply.seconds)

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
        if failure.meaning in _SHOW_THAT_IT_IS_ACCEPTED:
            self._tokens.accepted(reply.token, reply.permit.at)
        blame = self._replies.report(company_id, reply, failure, nature, is_evidence=not is_retry)
        return failure if blame is Blame.CELL else replace(failure, blame=blame)

    async def _judge_token(self, url: URL, company_id: str, reply: Response) -> None:
        """Return when a request that got a 401 may be sent again."""
        # Reported now: a new token may take long, and all may wait for this probe request.
        self._gate.answered(reply.permit, company_id, is_good=False)
        token = reply.token
        assert token is not None, "each request has one"  # noqa: S101 - for the type checker
        since = reply.permit.at + reply.seconds
        await self._token_judge.judge(token, since, partial(self._is_accepted, url, company_id))

    async def _judge_denial(
        self, company_id: str, reply: Response, failure: Failure, nature: Nature
    ) -> Blame | None:
        """Tell a company that is refused from a ban; return what the try is charged to.

        None if the service answers others: then the request is sent once more.
        """
        gate, permit = self._gate, reply.permit
        # Requests overtake each other: what was sent since then counts, or the witness.
        since = permit.at + reply.seconds
        ask = self._witness.is_service_working
        if gate.control.open_cause is not None:
            # It may be the probe request that all others wait for. The witness is the next one, so
            # that companies that are refused do not keep the circuit open.
            self._replies.report(company_id, reply, failure, nature, is_evidence=True)
            await ask(since, self._ask_witness)
            return Blame.SERVICE
        is_working = await ask(since, self._ask_witness)
        if is_working is None and failure.kind is not FailureKind.REDIRECT:
            # Nothing was answered before that it could be compared with.
            gate.answered(permit, company_id, is_good=False)
            return Blame.CELL
        if not is_working:
            blame = self._replies.report(company_id, reply, failure, nature, is_evidence=True)
            return blame if is_working is None else Blame.SERVICE
        gate.answered(permit, company_id, is_good=False)
        return None

    def _refused(self, company_id: str, reply: Response, failure: Failure) -> Failure:
        """Judge a company that is refused again, while the service answers others."""
        self._gate.answered(reply.permit, company_id, is_good=False)
        denied = self._denied
        if failure.meaning is Meaning.UNAUTHORIZED:
            if company_id not in denied:
                # One of several servers may not know the token.
                denied.unauthorized(company_id)
        elif self._witness.is_of_other(company_id):
            denied.add(company_id)
        return replace(failure, meaning=Meaning.DENIED) if company_id in denied else failure

    async def _is_accepted(self, url: URL, company_id: str, token: Token) -> bool | None:
        """Return whether the server accepts a token for other companies; None if nothing tells.

        If no other company is known, the request of this one is sent again.
        """
        # Also one that has ended by its own statement is asked with.
        endless = replace(token, renew_at=inf, ends_at=inf)
        tokens, is_refused = TokenSource(None, endless), None
        for other_url, other_id in self._others(company_id) or [(url, company_id)]:
            reply = await self._transport.get(other_url, tokens, alone)
            if isinstance(reply, TransportFailure):
                self._replies.broken(other_id, reply, reply.requests, is_retry=False)
                continue
            outcome, nature = self._replies.read(reply, reply.requests)
            if not isinstance(outcome, Failure):
                self._gate.answered(reply.permit, other_id)
                self._witness.answered(other_url, other_id, reply.permit.at)
                self._tokens.accepted(token, reply.permit.at)
                return True
            self._replies.report(other_id, reply, outcome, nature, is_evidence=True)
            if outcome.meaning in _SHOW_THAT_IT_IS_ACCEPTED:
                self._tokens.accepted(token, reply.permit.at)
                return True
            if outcome.meaning is Meaning.UNAUTHORIZED:
                is_refused = False
        return is_refused

    def _others(self, company_id: str) -> list[tuple[URL, str]]:
        """Return requests to ask with: the witness first, and companies in turn."""
        known = self._witness.address
        others = [] if known is None or known[1] == company_id else [known]
        while len(others) < _MOST_ASKED:
            cell = self._another()
            if cell is None:
                break
            others.append((self._addresses(cell), cell.company_id))
        return others

    async def _ask_witness(self, url: URL, company_id: str) -> WitnessAnswer:
        """Send a request again that was answered before; return whether it is answered now."""
        reply = await self._transport.get(url, self._tokens, alone)
        if isinstance(reply, TransportFailure):
            self._replies.broken(company_id, reply, reply.requests, is_retry=False)
            at = inf if reply.permit is None else reply.permit.at
            return WitnessAnswer(at, is_answered=False)
        outcome, nature = self._replies.read(reply, reply.requests)
        if not isinstance(outcome, Failure):
            self._gate.answered(reply.permit, company_id)
            return WitnessAnswer(reply.permit.at, is_answered=True)
        self._replies.report(company_id, reply, outcome, nature, is_evidence=True)
        is_answered = outcome.meaning in _SHOW_THAT_IT_IS_ACCEPTED
        return WitnessAnswer(reply.permit.at, is_answered)


_SHOW_THAT_IT_IS_ACCEPTED: Final = frozenset({Meaning.DEFINITIVE, Meaning.NOT_READY})
"""Failures that come from the service itself, after it has accepted the token."""


def _with_requests(outcome: Outcome, requests: int) -> Outcome:
    if isinstance(outcome, Failure):
        return replace(outcome, requests=requests)
    return msgspec.structs.replace(outcome, requests=requests)
