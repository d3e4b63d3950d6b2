"""Receives the orders to a shard and sends its status, in a worker of the cluster."""

import asyncio
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from threading import Lock
from typing import Final

import msgspec
from distributed import Client, Status, Variable, Worker

from collector.cluster.messages import Common, Orders, ShardStatus, Task, name_of_common
from collector.core.text import span_text
from collector.core.threads import in_thread

__all__ = ["LONGEST_SILENCE", "ShardChannel", "why_over"]

_CONNECTED: Final = {Status.running, Status.paused, Status.closing_gracefully}

_IS_AWAITED: Final = {"add-client": True, "remove-client": False}
"""Whether the Dask scheduler awaits the result, by what it tells of the client of the orders. It
gives up the shards of a client that has gone."""

_ANSWER_SECONDS: Final = 10.0
"""How long the Dask scheduler may take to answer."""

_DELETED_SECONDS: Final = 2.0
"""How long it waits for orders that another shard has deleted: they do not come again."""


LONGEST_SILENCE: Final = 60.0
"""Seconds without new orders after which a shard stops although the process that sends them may be
there: it may be stopped, or the Dask scheduler may not answer."""


def why_over(silent: float, *, is_connected: bool, is_awaited: bool) -> str | None:
    """Return why a shard must stop; None while it may work, because its reports are heard.

    * `silent`: seconds since the last event of orders.
    * `is_connected`: whether this worker has its connection to the Dask scheduler. A worker that
      loses it ends, and is not connected again.
    * `is_awaited`: False once the Dask scheduler has told that its client has gone.
    """
    if not is_connected:
        return "the scheduler of the cluster has gone, or is out of reach"
    if not is_awaited:
        return "the process that started the run has gone"
    if silent <= LONGEST_SILENCE:
        return None
    minute = span_text(LONGEST_SILENCE)
    return f"no orders have come from the process that started the run for {minute}"


class ShardChannel:
    """The counterpart of `collector.cluster.channel.Channel` for one shard.

    * `worker`: in which this process runs the shard.
    * `client`: of the Dask cluster.
    * `task`: the shard.

    What blocks is for a thread, and raises what Dask raises.
    """

    def __init__(self, worker: Worker, client: Client, task: Task) -> None:
        self.heard_at = 0.0
        """When the last event of orders came, on the clock with which they are followed."""
        self._worker = worker
        self._client = client
        self._task = task
        self._orders = Variable(task.channel, client=client)
        self._version = -1
        """Of the orders that were read last."""
        self._is_awaited = True

    async def follow_orders(
        self, apply: Callable[[Orders], None], clock: Callable[[], float]
    ) -> None:
        """Apply orders when they change until cancelled, and note when an event of them comes.

        `clock` is in seconds, and stands still while this process does. Raises
        `msgspec.DecodeError`, and as `apply`.
        """
        loop, events = asyncio.get_running_loop(), asyncio.Queue[object]()

        def take(event: object) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        with _subscribed(self._client, self._task.channel, take):
            # The process that started the run may have gone before. The last event counts: what has
            # come meanwhile is heeded after what is past.
            with suppress(Exception):
                for event in await in_thread(self.past_events):
                    self._heed(event)
            task = asyncio.current_task()
            # An error of a read that was cancelled takes the place of the cancellation.
            while task is None or not task.cancelling():
                event = await events.get()
                self._heed(event)
                if not isinstance(event, int):
                    continue
                self.heard_at = clock()
                if event <= self._version:
                    continue
                try:
                    orders = await in_thread(self.read_orders)
                except msgspec.DecodeError:
                    raise
                except Exception:  # noqa: BLE001, S112 - any of Dask may pass; an event comes soon
                    continue
                apply(orders)

    def _heed(self, event: object) -> None:
        if isinstance(event, dict) and event.get("action") in _IS_AWAITED:
            self._is_awaited = _IS_AWAITED[event["action"]]

    def why_over(self, now: float) -> str | None:
        """Return why the shard must stop at `now`, by the clock of `heard_at`. Does not block."""
        is_connected = self._worker.status in _CONNECTED
        silent = now - self.heard_at
        return why_over(silent, is_connected=is_connected, is_awaited=self._is_awaited)

    def common(self) -> Common:
        """Fetch what all shards need, once for those of a run in this process. Blocks."""
        return _common(self._task.channel, self._client)

    def read_orders(self) -> Orders:
        """Return the orders in force. Blocks."""
        message = self._orders.get(timeout=_DELETED_SECONDS, callback_timeout=_ANSWER_SECONDS)
        orders = msgspec.msgpack.decode(message, type=Orders)
        self._version = orders.version
        return orders

    def past_events(self) -> list[object]:
        """Return the events of the orders that Dask has kept, the oldest first. Blocks."""
        scheduler, topic = self._client.scheduler, self._task.channel
        assert scheduler is not None, "the client is open"  # noqa: S101 - for the type checker
        # `Client.get_events` would wait without an end.
        past = self._client.sync(scheduler.events, topic=topic, callback_timeout=_ANSWER_SECONDS)
        return [event for _, event in past]

    def send_status(self, status: ShardStatus) -> None:
        """Send a status. Does not block."""
        self._worker.log_event(self._task.statuses, msgspec.msgpack.encode(status))

    def delete(self) -> None:
        """Delete the orders and what all shards need, because they contain secrets.

        Does not block.
        """
        self._orders.delete()
        Variable(name_of_common(self._task.channel), client=self._client).delete()


_handlers: Final[dict[str, list[Callable[[object], object]]]] = {}
_handlers_lock: Final = Lock()


@contextmanager
def _subscribed(client: Client, topic: str, handler: Callable[[object], object]) -> Iterator[None]:
    """Call the handler with each event of the topic while the body runs, in a thread of Dask.

    Dask keeps one handler for each topic, and shards of a run may share this process.
    """
    with _handlers_lock:
        handlers = _handlers.setdefault(topic, [])
        handlers.append(handler)
        if len(handlers) == 1:
            client.subscribe_topic(topic, partial(_handle, topic))
    try:
        yield
    finally:
        with _handlers_lock:
            handlers.remove(handler)
            if not handlers:
                del _handlers[topic]
                with suppress(Exception):  # the Dask scheduler may have ended
                    client.unsubscribe_topic(topic)


def _handle(topic: str, event: tuple[float, object]) -> None:
    # The loop of a shard is closed only after its handler was removed.
    with _handlers_lock:
        for handler in _handlers.get(topic, ()):
            handler(event[1])


@lru_cache(maxsize=1)
def _common(channel: str, client: Client) -> Common:
    sent = Variable(name_of_common(channel), client=client).get(timeout="60 s")
    common: Common = pickle.loads(sent)  # noqa: S301 - from the process that sent this code
    return common
