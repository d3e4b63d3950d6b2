"""What the two ends of a channel send over a real Dask scheduler, and what they leave there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any

import dask.config
import msgspec
import pytest
from distributed import Client, LocalCluster, Variable

from collector.cluster.channel import open_channel
from collector.cluster.messages import Common, Orders, ShardStatus, Task, name_of_common
from collector.cluster.scheduler import in_background
from collector.cluster.site import Site
from collector.core.cell import SERVER_DEFAULT
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.network import DIRECT
from collector.http.token import Token
from collector.pace import Share
from collector.plan import Companies, Plan, Shard
from collector.run.result import End
from collector.settings import RunSettings
from tests.cluster.made_reports import report

pytestmark = pytest.mark.slow

_SECRET = "do-not-keep"  # noqa: S105 - fake
_ORDERS = Orders(share=Share.of(10.0, 2), token=Token.of(Secret(_SECRET)))
_COMMON = Common(Plan(Companies(("1", "2")), [SERVER_DEFAULT]), RunSettings(), DIRECT)
_SITE = Site(Path("/r"), b"lock", "1")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """Give a client of a cluster in this process, which cleans up as soon as it may."""
    settings = {
        "distributed.scheduler.events-cleanup-delay": "10 ms",
        "temporary-directory": str(tmp_path),
    }
    with dask.config.set(settings):
        async with (
            LocalCluster(
                n_workers=1,
                threads_per_worker=1,
                processes=False,
                host="127.0.0.1",
                protocol="tcp://",
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                asynchronous=True,
            ) as cluster,
            Client(cluster, asynchronous=True) as client,
        ):
            yield client


_begun, _may_end = Event(), Event()


def _collect(_: Task) -> None:
    """Collect a shard until the test ends it; the worker is in this process."""
    _begun.set()
    _may_end.wait(30)


async def _read(stored: Variable) -> Orders:
    return msgspec.msgpack.decode(await stored.get(timeout=30), type=Orders)


async def _topics(client: Client) -> dict[str, Any]:
    events: dict[str, Any] = await client.get_events()
    return events


async def test_orders_come_when_they_change_and_nothing_of_a_run_stays(client: Client) -> None:
    """The token is in a variable alone, which is deleted; Dask clears the topics of its clients."""
    statuses: asyncio.Queue[ShardStatus] = asyncio.Queue()
    versions: asyncio.Queue[object] = asyncio.Queue()
    failures: list[BaseException] = []
    async with asyncio.timeout(60):
        async with open_channel(client, _COMMON, _ORDERS, _SITE) as channel:
            stored = Variable(channel.name, client=client)
            assert (await _read(stored)).token.secret.reveal() == _SECRET
            client.subscribe_topic(channel.name, lambda event: versions.put_nowait(event[1]))
            channel.change(share=Share.of(20.0))
            channel.change(share=Share.of(20.0))
            channel.change(end=End(ExitCode.SIGINT))
            work = channel.send_orders(), channel.take_statuses(statuses.put)
            async with in_background(*work, failed=failures.append):
                while await versions.get() != 2:
                    pass
                # Only now is it known that the Dask scheduler has got the subscriptions.
                await client.log_event(channel.statuses, msgspec.msgpack.encode(report(1)))
                assert (await statuses.get()).shard == 1
            read = await _read(stored)
            assert (read.version, read.share, read.end) == (2, Share.of(20.0), End(ExitCode.SIGINT))
            assert not failures
            assert channel.name in await _topics(client)
            assert _SECRET not in str(await _topics(client))
        assert await versions.get() in (2, {"action": "remove-client", "client": channel.name})
        for name in (channel.name, name_of_common(channel.name)):
            with pytest.raises(TimeoutError):
                await Variable(name, client=client).get(timeout=0.1)
        while channel.name in await _topics(client):  # noqa: ASYNC110 - it sends no event
            await asyncio.sleep(0.01)


async def test_an_error_of_the_orders_is_raised(client: Client) -> None:
    """Shards would get no orders any more, not even the one to stop."""
    async with (
        asyncio.timeout(60),
        open_channel(client, _COMMON, _ORDERS, _SITE) as channel,
    ):
        channel.change(token=None)
        with pytest.raises(AttributeError):
            await channel.send_orders()


async def test_a_shard_that_is_not_awaited_any_more_is_given_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it runs or waits for a worker: Dask would run it after the end of the run."""

    async def known() -> set[str]:
        """Return the shards that are on the worker, or wait for it."""
        return {key for keys in (await client.processing()).values() for key in keys}

    monkeypatch.setattr("collector.cluster.channel.collect_shard", _collect)
    async with asyncio.timeout(60), open_channel(client, _COMMON, _ORDERS, _SITE) as channel:
        running = [asyncio.create_task(channel.collect(Shard(number, 2))) for number in range(2)]
        while not _begun.is_set() or len(await known()) < 2:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        while await known():  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
        _may_end.set()
