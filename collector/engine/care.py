"""What the shards at work have in common: one token, and the limit that they find."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from collector.engine.channel import Channel
from collector.engine.crew import Crew
from collector.engine.division import SharedLimit, share_of_each
from collector.engine.joint_tally import JointPace
from collector.fetch.token import TokenSource

__all__ = ["Care", "beside"]

_CARE_SECONDS: Final = 0.5

_BETWEEN_TOKENS: Final = 3.0
"""Seconds between two tokens that shards want, at least."""


class Care:
    """Keeps the token of all good, and shares the rate (requests a second) and the limit found."""

    def __init__(
        self, tokens: TokenSource, channel: Channel, crew: Crew, pace: JointPace, rate: float
    ) -> None:
        self._tokens = tokens
        self._channel = channel
        self._crew = crew
        self._pace = pace
        self._rate = rate
        self._limit = SharedLimit()
        self._renewable_at = 0.0

    async def keep(self) -> None:
        """Work until cancelled.

        Raises `CredentialsError` and `OutageError` when there is no token any more, and
        `StoppedError` when the gate is shut.
        """
        while True:
            await self._hand_out_token()
            self._share()
            await asyncio.sleep(_CARE_SECONDS)

    async def _hand_out_token(self) -> None:
        wanted = {report.wants for report in self._crew.reports.values()}
        token = self._tokens.at_hand()
        if token is None:
            token = await self._tokens.current()
        elif self._channel.token_number in wanted and time.monotonic() >= self._renewable_at:
            token = await self._tokens.renewed(token) or token
        if self._channel.hand_out(token):
            # One company that is always refused must not have tokens asked for without end.
            self._renewable_at = time.monotonic() + _BETWEEN_TOKENS

    def _share(self) -> None:
        senders = self._crew.senders
        limits = [report.limit for report in self._crew.reports.values()]
        self._pace.limit = limit = self._limit.take(limits, senders, time.monotonic())
        self._channel.share = share_of_each(self._rate, senders, limit)
        self._channel.senders = senders


@asynccontextmanager
async def beside(
    *cares: Awaitable[None], failed: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Do other things while the body works; `failed` is told of what ends one of them early."""

    def ended(caring: asyncio.Future[None]) -> None:
        if not caring.cancelled() and (error := caring.exception()) is not None:
            failed(error)

    tasks = [asyncio.ensure_future(care) for care in cares]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
