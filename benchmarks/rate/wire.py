"""A transport in virtual time: it passes requests to the embedded API, without connections."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from multidict import CIMultiDict
from yarl import URL

from benchmarks.rate.seen import Seen
from collector.core.confirmation import ConnectionUse, shared
from collector.core.outcome import FailureKind
from collector.http.gate import Gate
from collector.http.token import Token, TokenSource
from collector.http.transport import Response, Transport, TransportFailure
from collector.pace import Permit
from collector.simulator.faults import Fault
from collector.simulator.replies import Reply
from collector.simulator.service import Decision, EmbeddedService, StatisticsRequest
from collector.telemetry.stats import RunStats

__all__ = ["Wire"]

_NETWORK: Final = 0.001
"""Seconds to the server at most, and seconds that an answer takes to come back."""


class Wire(Transport):
    """Passes requests to the embedded API, with permits and tokens as the real transport does."""

    def __init__(
        self, gate: Gate, stats: RunStats, api: EmbeddedService, timeout: float, seen: Seen
    ) -> None:
        # Without the constructor of the real one, which makes connections.
        self._gate = gate
        self._stats = stats
        self._api = api
        self._timeout = timeout
        self._seen = seen
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self.issued: list[float] = []

    async def get(
        self,
        url: URL,
        tokens: TokenSource,
        use: Callable[[], ConnectionUse] = shared,
        *,
        is_final: bool = False,
    ) -> Response | TransportFailure:
        """Send a statistics request; see `Transport.get`."""
        permit = await self._gate.acquire(is_final=is_final)
        while (token := tokens.cached()) is None:
            self._gate.release(permit)
            await tokens.current()
            permit = await self._gate.acquire(is_final=is_final)
        use()
        self._stats.request_sent()
        self._stats.in_flight += 1
        try:
            return await self._exchange(url, token, permit)
        finally:
            self._stats.in_flight -= 1

    async def post(self, url: URL, body: bytes) -> Response:  # noqa: ARG002 - there is one issuer
        """Send a token request; see `Transport.post`."""
        permit = await self._gate.acquire(is_urgent=True)
        await asyncio.sleep(_NETWORK)
        reply = self._api.oauth("token", body, "application/json")
        if b"access_token" in reply.body:
            self.issued.append(self._clock() - self._began)
            self._seen.tokens += 1
        return self._response(reply, permit, None)

    async def _exchange(
        self, url: URL, token: Token, permit: Permit
    ) -> Response | TransportFailure:
        await asyncio.sleep(random.random() * _NETWORK)  # noqa: S311 - no secret
        request = StatisticsRequest(url.raw_parts[-2], token.authorization, (), ())
        decision = self._api.statistics(request)
        at = self._clock() - self._began
        self._seen.sent.append(at)
        if decision.is_refused:
            self._seen.refused.append(at)
        try:
            return await self._answer(decision, permit, token)
        finally:
            decision.ended()

    async def _answer(
        self, decision: Decision, permit: Permit, token: Token
    ) -> Response | TransportFailure:
        is_lost = decision.fault is Fault.HANG or decision.delay >= self._timeout
        await asyncio.sleep(self._timeout if is_lost else decision.delay + _NETWORK)
        if is_lost:
            return TransportFailure(FailureKind.TIMEOUT, "no whole answer", permit, 1)
        if decision.fault in {Fault.RESET, Fault.TRUNCATED}:
            return TransportFailure(FailureKind.CONNECTION, "connection reset", permit, 1)
        response = self._response(decision.reply, permit, token)
        self._stats.answered(response.status, response.seconds)
        self._seen.latencies.append((permit.at - self._began, response.seconds))
        return response

    def _response(self, reply: Reply, permit: Permit, token: Token | None) -> Response:
        headers, seconds = CIMultiDict(reply.headers), self._clock() - permit.at
        return Response(reply.status, headers, reply.body, False, permit, 1, seconds, token)  # noqa: FBT003
