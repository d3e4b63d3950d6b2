"""Submits shards, sends orders to all of them, and receives the status of each."""

import asyncio
import pickle
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

from distributed import Client, Variable
from msgspec.structs import replace

from collector.cluster.cluster import error_by
from collector.cluster.messages import Common, Orders, Result, ShardStatus, Task, name_of_common
from collector.cluster.shard_task import collect_shard
from collector.cluster.site import Site
from collector.core.threads import in_thread
from collector.plan import Shard

__all__ = ["Channel", "open_channel"]

_HEARTBEAT_SECONDS: Final = 0.5


class Channel:
    """Publishes the orders in force when they change; see `open_channel`.

    The orders are stored in a variable of the Dask scheduler, and an event of a topic brings their
    version to each shard. The event is sent twice per second in any case: shards hear by it that
    this process is alive. The token is in the variable only, because Dask keeps events.

    Both topics have the names of Dask clients of this process: Dask deletes the events of such a
    topic some time after its client has gone (`distributed.scheduler.events-cleanup-delay`). So the
    orders have a client of their own, `sender`; and shards that follow its topic learn from Dask
    when it goes. The variable has its name too. The topic `statuses` is that of `client`.
    """

    def __init__(self, client: Client, sender: Client, orders: Orders, site: Site) -> None:
        self.orders = orders
        """Those in force."""
        self.name, self.statuses = sender.id, client.id
        self._orders = Variable(self.name, client=sender)
        self._client, self._sender, self._site = client, sender, site
        self._changed = asyncio.Event()
        self._received = asyncio.Queue[bytes]()

    def change(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of `Orders`
        """Change these fields of the orders."""
        changed = replace(self.orders, **changes)
        if changed != self.orders:
            self.orders = replace(changed, version=changed.version + 1)
            self._changed.set()

    async def send_orders(self) -> None:
        """Publish the orders when they change, and twice per second, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            published = self.publish()
            # Any error of the Dask scheduler may be transient; shards wait for a minute.
            with suppress(Exception):
                await published

    def publish(self) -> Awaitable[None]:
        """Publish the orders that are in force now. The awaitable raises what Dask raises."""
        return self._publish(self.orders.version, self.orders.encoded(time.monotonic()))

    async def _publish(self, version: int, message: bytes) -> None:
        await self._orders.set(message)
        await self._sender.log_event(self.name, version)

    async def collect(self, shard: Shard) -> Result:
        """Collect a shard in a worker; Dask does it again in another one if that dies.

        Raises what Dask raises. Dask gives up a shard that is not awaited any more.
        """
        task = Task(shard, self._site, self.name, self.statuses)
        future = self._client.submit(collect_shard, task, key=task.key, pure=False)
        try:
            result: Result = await future
        finally:
            future.release()
        return result

    def receive(self, event: tuple[float, object]) -> None:
        """Take an event of the topic `statuses`; Dask calls it, and would swallow an error."""
        # The events of Dask about its client are dictionaries.
        if isinstance(event[1], bytes):
            self._received.put_nowait(event[1])

    async def take_statuses(self, take: Callable[[ShardStatus], Awaitable[None]]) -> None:
        """Give each status that a shard sends to `take`, until cancelled. Raises as `take`."""
        while True:
            await take(ShardStatus.decode(await self._received.get()))


@asynccontextmanager
async def open_channel(
    client: Client, common: Common, orders: Orders, site: Site
) -> AsyncIterator[Channel]:
    """Open a channel to the shards that the `client` submits, with the first orders.

    Orders and `common` are stored on the Dask scheduler: then they do not die with a worker, and
    Dask prefers no worker for having them. They are deleted at the end, because they contain
    secrets. Raises `ClusterError` when the Dask scheduler is out of reach.
    """
    sent = await in_thread(pickle.dumps, common)
    async with AsyncExitStack() as opened:
        try:
            assert client.scheduler is not None, "it is open"  # noqa: S101 - for mypy
            sender = Client(
                client.scheduler.address,
                security=client.security,
                asynchronous=True,
                set_as_default=False,
                name="collector",
            )
            await opened.enter_async_context(sender)
            channel = Channel(client, sender, orders, site)
            opened.callback(_clear, client, channel)
            await Variable(name_of_common(channel.name), client=sender).set(sent)
            await channel.publish()
        except OSError as error:
            raise error_by(error) or error from error
        client.subscribe_topic(channel.statuses, channel.receive)
        yield channel


def _clear(client: Client, channel: Channel) -> None:
    # The Dask scheduler may have ended, and all of that with it.
    with suppress(Exception):
        for name in (channel.name, name_of_common(channel.name)):
            Variable(name, client=client).delete()
        client.unsubscribe_topic(channel.statuses)
