"""Sends orders to all shards, and receives the status of each."""

import asyncio
import pickle
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from math import isinf
from types import TracebackType
from typing import Final, Self

from distributed import Client, Variable

from collector.cluster.cluster import error_by
from collector.cluster.messages import Common, Orders, ShardStatus, name_of_common
from collector.http.token import Token
from collector.pace import Share
from collector.run.result import End

__all__ = ["Channel"]

_HEARTBEAT_SECONDS: Final = 0.5


class Channel:
    """Publishes the orders in force when they change. Use it as an async context manager.

    The orders are stored in a variable of the Dask scheduler, and an event of a topic brings their
    version to each shard. The event is sent twice per second in any case: shards hear by it that
    this process is alive. The token is in the variable only, because Dask keeps events.

    Both topics have the names of Dask clients of this process: Dask deletes the events of such a
    topic some time after its client has gone (`distributed.scheduler.events-cleanup-delay`). So the
    orders have a client of their own, `name`; and shards that follow its topic learn from Dask when
    it goes. The topic `statuses` is that of `client`.

    * `client`: of the Dask cluster.
    * `common`: what all shards need. It is stored on the Dask scheduler: then it does not die
      with a worker, and Dask prefers no worker for having it.
    * `token`: the first token.
    * `share`: the share of the rate (requests per second) of each shard that runs.
    * `senders`: how many shards share the rate.
    * `on_status`: called by `run` with each status that a shard sends.

    The variable with the orders has the name `name` too. It and `common` are deleted at the end,
    because they contain secrets.
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
        self.name = self.statuses = ""
        self.share = share
        self.senders = senders
        self.is_at_once = False
        """Whether shards were told to stop without waiting for requests in flight."""
        self._end: End | None = None
        self._client = client
        self._common = common
        self._on_status = on_status
        self._token = token
        self._token_number = 1
        self._version = 0
        self._changed = asyncio.Event()
        self._opened = AsyncExitStack()
        self._events = asyncio.Queue[bytes | BaseException]()
        """The statuses that have come, and the error that ended the orders."""

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
        self._change()
        return True

    def set_share(self, share: Share, senders: int) -> None:
        """Change the share of each shard, and how many shards share the rate."""
        if (share, senders) != (self.share, self.senders):
            self.share, self.senders = share, senders
            self._change()

    def stop(self, end: End) -> None:
        """Stop all shards gracefully."""
        self._end = end
        self._change()

    def stop_at_once(self) -> None:
        """After `stop`: tell shards not to wait for requests in flight."""
        self.is_at_once = True
        self._change()

    def _change(self) -> None:
        self._version += 1
        self._changed.set()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            assert self._client.scheduler is not None, "it is open"  # noqa: S101 - for mypy
            sender = Client(
                self._client.scheduler.address,
                security=self._client.security,
                asynchronous=True,
                set_as_default=False,
                name="collector",
            )
            try:
                await opened.enter_async_context(sender)
                self.name, self.statuses = sender.id, self._client.id
                opened.callback(self._delete_variables)
                common = Variable(name_of_common(self.name), client=sender)
                await common.set(pickle.dumps(self._common))
                await self._publish(sender, self._orders())
            except OSError as error:
                raise error_by(error) or error from error
            self._client.subscribe_topic(self.statuses, self._receive)
            publishing = asyncio.create_task(self._keep_publishing(sender), name="orders")
            publishing.add_done_callback(self._publishing_ended)
            opened.push_async_callback(self._end_publishing, publishing)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._opened.aclose()

    async def _end_publishing(self, publishing: asyncio.Task[None]) -> None:
        publishing.cancel()
        await asyncio.wait([publishing])
        with suppress(Exception):
            self._client.unsubscribe_topic(self.statuses)

    def _delete_variables(self) -> None:
        # The Dask scheduler may have ended, and the variables with it.
        with suppress(Exception):
            for name in (self.name, name_of_common(self.name)):
                Variable(name, client=self._client).delete()

    async def _keep_publishing(self, sender: Client) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            orders = self._orders()
            # Any error of the Dask scheduler may be transient; shards wait for a minute.
            with suppress(Exception):
                await self._publish(sender, orders)

    def _publishing_ended(self, publishing: asyncio.Task[None]) -> None:
        if not publishing.cancelled() and (error := publishing.exception()) is not None:
            self._events.put_nowait(error)

    async def _publish(self, sender: Client, orders: Orders) -> None:
        await Variable(self.name, client=sender).set(orders.encoded())
        await sender.log_event(self.name, orders.version)

    def _receive(self, event: tuple[float, object]) -> None:
        # The events of Dask about its client are dictionaries. Dask would swallow an error.
        if isinstance(event[1], bytes):
            self._events.put_nowait(event[1])

    async def run(self) -> None:
        """Take statuses until cancelled. Raises what ends them or the orders, which is a bug."""
        while True:
            event = await self._events.get()
            if isinstance(event, BaseException):
                raise event
            self._on_status(ShardStatus.decode(event))

    def _orders(self) -> Orders:
        now, token, end = time.monotonic(), self._token, self._end
        return Orders(
            version=self._version,
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
            at_once=self.is_at_once,
        )


def _finite(value: float) -> float | None:
    return None if isinf(value) else value
