"""Receives the orders to a shard and sends its status, in a worker of the cluster."""

import asyncio
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Final

from distributed import Client, Status, Variable, Worker

from collector.cluster.lease import Lease
from collector.cluster.messages import Common, Orders, ShardStatus, Task, name_of_common
from collector.core.threads import in_thread

__all__ = ["ShardChannel"]

_CONNECTED: Final = {Status.running, Status.paused, Status.closing_gracefully}

_POLL_SECONDS: Final = 0.5

_ANSWER_SECONDS: Final = 10.0
"""How long the Dask scheduler may take to answer."""

_DELETED_SECONDS: Final = 2.0
"""How long it waits for orders that another shard has deleted: they do not come again."""


class ShardChannel:
    """The counterpart of `collector.cluster.channel.Channel` for one shard.

    * `worker`: in which this process runs the shard.
    * `client`: of the Dask cluster.
    * `task`: the shard.

    What blocks is for a thread, and raises what Dask raises.
    """

    def __init__(self, worker: Worker, client: Client, task: Task) -> None:
        self._worker = worker
        self._client = client
        self._task = task
        self._orders = Variable(task.channel, client=client)
        self._is_awaited = True

    async def follow_orders(
        self, apply: Callable[[Orders], None], lease: Lease, clock: Callable[[], float]
    ) -> None:
        """Read orders twice per second until cancelled, and renew the lease with them.

        `clock` is that of the lease, in seconds.
        """
        task = asyncio.current_task()
        # An error of a read that was cancelled takes the place of the cancellation.
        while task is None or not task.cancelling():
            # Any error of the Dask scheduler may be transient; the run continues meanwhile.
            if lease.is_doubtful(clock()):
                with suppress(Exception):
                    self._is_awaited = await in_thread(self.is_awaited)
            with suppress(Exception):
                orders = await in_thread(self.read_orders)
                lease.renew(orders.heartbeat, clock())
                apply(orders)
            await asyncio.sleep(_POLL_SECONDS)

    def why_over(self, lease: Lease, now: float) -> str | None:
        """Return why the shard must stop; see `Lease`. Does not block."""
        is_connected = self._worker.status in _CONNECTED
        return lease.why_over(now, is_connected=is_connected, is_awaited=self._is_awaited)

    def common(self) -> Common:
        """Fetch what all shards need, once for those of a run in this process. Blocks."""
        return _common(self._task.channel, self._client)

    def read_orders(self) -> Orders:
        """Return the orders in force. Blocks."""
        message = self._orders.get(timeout=_DELETED_SECONDS, callback_timeout=_ANSWER_SECONDS)
        return Orders.decode(message)

    def is_awaited(self) -> bool:
        """Ask the Dask scheduler whether a client still awaits the result. Blocks.

        It gives up the shards of a client that has gone.
        """
        address, scheduler = self._worker.address, self._client.scheduler
        assert scheduler is not None, "the client is open"  # noqa: S101 - for the type checker
        # `Client.processing` would wait without an end.
        processing = self._client.sync(
            scheduler.processing, workers=[address], callback_timeout=_ANSWER_SECONDS
        )
        return self._task.key in processing[address]

    def send_status(self, status: ShardStatus) -> None:
        """Send a status. Does not block."""
        self._worker.log_event(self._task.channel, status.encoded())

    def delete(self) -> None:
        """Delete the orders and what all shards need, because they contain secrets.

        Does not block.
        """
        self._orders.delete()
        Variable(name_of_common(self._task.channel), client=self._client).delete()


@lru_cache(maxsize=1)
def _common(channel: str, client: Client) -> Common:
    sent = Variable(name_of_common(channel), client=client).get(timeout="60 s")
    common: Common = pickle.loads(sent)  # noqa: S301 - from the process that sent this code
    return common
