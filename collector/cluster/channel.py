"""Sends orders to all shards, and receives the status of each."""

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

from collector.cluster.messages import Common, Orders, ShardStatus, name_of_common
from collector.http.token import Token
from collector.pace import Share
from collector.run.result import End

__all__ = ["Channel"]

_HEARTBEAT_SECONDS: Final = 0.5


class Channel:
    """Publishes the orders in force twice per second. Use it as an async context manager.

    * `client`: of the Dask cluster.
    * `common`: what all shards need. It is stored on the Dask scheduler: then it does not die
      with a worker, and Dask prefers no worker for having it.
    * `token`: the first token.
    * `share`: the share of the rate (requests per second) of each shard that runs.
    * `senders`: how many shards share the rate.
    * `on_status`: called with each status that a shard sends.

    Set `share` and `senders` to change them, `end` to stop all shards, and `at_once` for them not
    to wait for requests in flight. The orders are stored on the Dask scheduler under `name`. They
    and `common` are deleted at the end, because they contain secrets.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - see the class
        self,
        client: Client,
        common: Common,
        token: Token,
        share: Share,
        senders: int,
        on_status: Callable[[ShardStatus], None],
    ) -> None:
        self.name = f"collector-{uuid4().hex}"
        self.share = share
        self.senders = senders
        self.end: End | None = None
        self.at_once = False
        self._client = client
        self._variable = Variable(self.name, client=client)
        self._common = common
        self._common_variable = Variable(name_of_common(self.name), client=client)
        self._on_status = on_status
        self._token = token
        self._token_number = 1
        self._heartbeat = 0
        self._publishing: asyncio.Task[None] | None = None

    @property
    def token_number(self) -> int:
        """The number of the newest token."""
        return self._token_number

    def set_token(self, token: Token) -> bool:
        """Send this token from now on; return whether it is a new one, with the next number."""
        if token is self._token:
            return False
        self._token = token
        self._token_number += 1
        return True

    async def publish(self) -> None:
        """Publish the orders now."""
        self._heartbeat += 1
        await self._variable.set(self._orders().encoded())

    async def __aenter__(self) -> Self:
        try:
            await self._common_variable.set(pickle.dumps(self._common))
            await self.publish()
        except BaseException:
            self._delete_variables()
            raise
        self._client.subscribe_topic(self.name, self._receive)
        self._publishing = asyncio.create_task(self._keep_publishing(), name="orders")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.wait([self._publishing])
        with suppress(Exception):
            self._client.unsubscribe_topic(self.name)
        self._delete_variables()

    def _delete_variables(self) -> None:
        # The Dask scheduler may have ended, and the variables with it.
        with suppress(Exception):
            self._variable.delete()
            self._common_variable.delete()

    async def _keep_publishing(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            # Any error of the Dask scheduler may be transient; shards wait for a minute.
            with suppress(Exception):
                await self.publish()

    def _receive(self, event: tuple[float, bytes]) -> None:
        self._on_status(ShardStatus.decode(event[1]))

    def _orders(self) -> Orders:
        now, token, end = time.monotonic(), self._token, self.end
        return Orders(
            heartbeat=self._heartbeat,
            senders=self.senders,
            ceiling=_finite(self.share.ceiling),
            start=self.share.start,
            limit=self.share.limit,
            token=token.secret.reveal(),
            token_number=self._token_number,
            renew_in=_finite(token.renew_at - now),
            ends_in=_finite(token.ends_at - now),
            issued_ago=_finite(now - token.issued_at),
            exit_code=None if end is None else int(end.exit_code),
            why=None if end is None else end.error,
            at_once=self.at_once,
        )


def _finite(value: float) -> float | None:
    return None if isinf(value) else value
