"""How the process that was started speaks to the shards: orders for all, reports from each."""

import asyncio
import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from math import isinf
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from distributed import Client, Variable

from collector.cluster.messages import Orders, ShardStatus, name_of_plan
from collector.http.token import Token
from collector.pace import Share
from collector.plan import Plan
from collector.run.result import End

__all__ = ["Channel"]

_BEAT_SECONDS: Final = 0.5


class Channel:
    """Publishes the orders in force twice a second, and hands reports on. An async context manager.

    Orders lie on the scheduler under `name` and are taken away at the end: the token is in them.
    Beside them lies the `plan`: no worker has it alone, so none takes it along when it dies, and
    none is preferred for having it. `share` is that of each of the `senders`; `end` ends them all.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what is sent at first
        self,
        client: Client,
        plan: Plan,
        token: Token,
        share: Share,
        senders: int,
        hear: Callable[[ShardStatus], None],
    ) -> None:
        self.name = f"collector-{uuid4().hex}"
        self.share = share
        self.senders = senders
        self.end: End | None = None
        self.at_once = False
        self._client = client
        self._variable = Variable(self.name, client=client)
        self._plan = plan
        self._plan_variable = Variable(name_of_plan(self.name), client=client)
        self._hear = hear
        self._token = token
        self._token_number = 1
        self._beat = 0
        self._beating: asyncio.Task[None] | None = None

    @property
    def token_number(self) -> int:
        """The number of the token that was handed out last."""
        return self._token_number

    def hand_out(self, token: Token) -> bool:
        """Hand out a token from now on; return whether it is a new one, with the next number."""
        if token is self._token:
            return False
        self._token = token
        self._token_number += 1
        return True

    async def publish(self) -> None:
        """Give the orders now."""
        self._beat += 1
        await self._variable.set(self._orders().encoded())

    async def __aenter__(self) -> Self:
        try:
            await self._plan_variable.set(pickle.dumps(self._plan))
            await self.publish()
        except BaseException:
            self._take_away()
            raise
        self._client.subscribe_topic(self.name, self._receive)
        self._beating = asyncio.create_task(self._keep_beating(), name="orders")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
        with suppress(Exception):
            self._client.unsubscribe_topic(self.name)
        self._take_away()

    def _take_away(self) -> None:
        # The cluster may be gone, and its scheduler with all that lay there.
        with suppress(Exception):
            self._variable.delete()
            self._plan_variable.delete()

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            # Whatever the trouble with the scheduler is, it may pass; shards wait for a minute.
            with suppress(Exception):
                await self.publish()

    def _receive(self, event: tuple[float, bytes]) -> None:
        self._hear(ShardStatus.decode(event[1]))

    def _orders(self) -> Orders:
        now, token, end = time.monotonic(), self._token, self.end
        return Orders(
            beat=self._beat,
            senders=self.senders,
            ceiling=_finite(self.share.ceiling),
            start=self.share.start,
            limit=self.share.limit,
            token=token.secret.reveal(),
            token_number=self._token_number,
            renew_in=_finite(token.renew_at - now),
            ends_in=_finite(token.ends_at - now),
            exit_code=None if end is None else int(end.exit_code),
            why=None if end is None else end.error,
            at_once=self.at_once,
        )


def _finite(value: float) -> float | None:
    return None if isinf(value) else value
