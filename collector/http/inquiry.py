"""Inquiry: requests beside those of cells, which tell what a refusal means."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from math import inf
from typing import Final

from yarl import URL

from collector.core.cell import Cell
from collector.core.confirmation import alone
from collector.core.outcome import Blame, Failure, Meaning
from collector.http.addresses import Addresses
from collector.http.denied import DeniedCompanies
from collector.http.gate import Gate
from collector.http.replies import Replies
from collector.http.token import Token, TokenSource
from collector.http.transport import Transport, TransportFailure
from collector.http.witness import Witness, WitnessAnswer

__all__ = ["Inquiry"]

Address = tuple[URL, str]
"""The address of a request, and its company."""

_MOST_DRAWN: Final = 256
"""Companies that are drawn to find some to ask for, at most."""

_AGAIN: Final = 3
"""Companies that are asked for again when all were asked for."""


class Inquiry:
    """Sends requests whose answers are compared with a refusal. Each has a connection of its own.

    * `transport`: sends the requests.
    * `gate`: takes the good answers.
    * `tokens`: provides the token for the witness; hears of a token that is accepted.
    * `replies`: reads the answers, and reports the failures.
    * `addresses`: builds the address of a request.
    * `witness`: knows a request that was answered, and hears of others.
    * `another`: returns a cell, in turns of different companies; None if there is none.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        *,
        transport: Transport,
        gate: Gate,
        tokens: TokenSource,
        replies: Replies,
        addresses: Addresses,
        witness: Witness,
        another: Callable[[], Cell | None],
    ) -> None:
        self._transport = transport
        self._gate = gate
        self._tokens = tokens
        self._replies = replies
        self._addresses = addresses
        self._witness = witness
        self._another = another

    async def ask_witness(self, url: URL, company_id: str) -> WitnessAnswer | None:
        """Send a request again that was answered before; return whether it is answered now.

        None if this machine could not send it.
        """
        reply = await self._transport.get(url, self._tokens, alone)
        if isinstance(reply, TransportFailure):
            failure = self._replies.broken(company_id, reply, reply.requests, is_retry=False)
            if reply.permit is None or failure.blame is Blame.LOCAL:
                return None
            return WitnessAnswer(reply.permit.at, is_answered=False)
        outcome, nature = self._replies.read(reply, reply.requests)
        if not isinstance(outcome, Failure):
            self._gate.answered(reply.permit, company_id)
            return WitnessAnswer(reply.permit.at, is_answered=True)
        self._replies.report(company_id, reply, outcome, nature, is_evidence=True)
        is_answered = outcome.meaning in {Meaning.DEFINITIVE, Meaning.NOT_READY}
        return WitnessAnswer(reply.permit.at, is_answered)

    def about_token(
        self, token: Token, since: float, refused: Address, denied: DeniedCompanies
    ) -> Callable[[int], Awaitable[bool | None]]:
        """Return a function that asks for so many other companies, until one is answered.

        It returns whether the server accepts the token, also if another request sent after `since`
        showed that; None if no answer came. None of them is asked for twice while others are left.
        Those that are `denied` are left out. If there is no other company, the request that was
        `refused` is sent again.
        """
        seen = set[str]()

        async def ask(most: int) -> bool | None:
            others = self._others(refused[1], most, seen, denied) or [refused]
            return await self._is_accepted(token, since, others)

        return ask

    async def _is_accepted(
        self, token: Token, since: float, others: Sequence[Address]
    ) -> bool | None:
        # Only a good answer shows that a token is accepted: a gateway may say 404 before it looks.
        # Also one that has ended by its own statement is asked with.
        endless = replace(token, renew_at=inf, ends_at=inf)
        tokens, is_accepted = TokenSource(None, endless), None
        for other_url, other_id in others:
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
            if outcome.meaning is Meaning.UNAUTHORIZED:
                self._replies.refused(other_id, reply)
            else:
                self._replies.report(other_id, reply, outcome, nature, is_evidence=True)
            if outcome.meaning in {Meaning.UNAUTHORIZED, Meaning.DEFINITIVE}:
                is_accepted = False
            if self._tokens.was_accepted(since):
                return True
        return is_accepted

    def _others(
        self, company_id: str, most: int, seen: set[str], denied: DeniedCompanies
    ) -> list[Address]:
        """Return requests to ask with: the witness first, and companies in turn."""
        known = self._witness.address
        others = [] if known is None or known[1] == company_id else [known]
        drawn = set[str]()
        while len(drawn) < _MOST_DRAWN:
            cell = None if len(others) >= most else self._another()
            if cell is None or cell.company_id in drawn:
                break
            drawn.add(cell.company_id)
            if cell.company_id in seen:
                # All were asked for once; a few are enough to see a change.
                most = min(most, _AGAIN)
            seen.add(cell.company_id)
            if cell.company_id != company_id and cell.company_id not in denied:
                others.append((self._addresses(cell), cell.company_id))
        return others
