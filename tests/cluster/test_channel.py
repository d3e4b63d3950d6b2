"""What the two ends of a channel send over a real Dask scheduler, and what they leave there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dask.config
import pytest
from distributed import Client, LocalCluster, Variable

from collector.cluster.channel import Channel
from collector.cluster.messages import Common, Orders, ShardStatus, name_of_common
from collector.cluster.scheduler import in_background
from collector.core.cell import SERVER_DEFAULT
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.network import DIRECT
from collector.http.token import Token
from collector.pace import Share
from collector.plan import Companies, Plan
from collector.run.result import End
from tests.cluster.made_reports import report

pytestmark = pytest.mark.slow

_SECRET = "do-not-keep"  # noqa: S105 - fake


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


async def _topics(client: Client) -> dict[str, Any]:
    events: dict[str, Any] = await client.get_events()
    return events


async def test_orders_come_when_they_change_and_nothing_of_a_run_stays(client: Client) -> None:
    """The token is in a variable alone, which is deleted; Dask clears the topics of its clients."""
    plan = Plan(Companies(("1", "2")), [SERVER_DEFAULT])
    statuses: asyncio.Queue[ShardStatus] = asyncio.Queue()
    versions: asyncio.Queue[object] = asyncio.Queue()
    failures: list[BaseException] = []
    token = Token.of(Secret(_SECRET))
    common = Common(plan, DIRECT)
    async with asyncio.timeout(60):
        async with Channel(client, common, token, Share(10.0), 2, statuses.put_nowait) as channel:
            orders = Variable(channel.name, client=client)
            assert Orders.decode(await orders.get(timeout=30)).token == _SECRET
            client.subscribe_topic(channel.name, lambda event: versions.put_nowait(event[1]))
            channel.set_share(Share(20.0), 1)
            channel.stop(End(ExitCode.SIGINT))
            while await versions.get() != 2:
                pass
            read = Orders.decode(await orders.get(timeout=30))
            assert (read.version, read.senders, read.ceiling, read.exit_code) == (2, 1, 20.0, 130)
            await client.log_event(channel.statuses, report(1).encoded())
            async with in_background(channel.run(), failed=failures.append):
                assert (await statuses.get()).shard == 1
            assert not failures
            assert channel.name in await _topics(client)
            assert _SECRET not in str(await _topics(client))
        assert await versions.get() in (2, {"action": "remove-client", "client": channel.name})
        for name in (channel.name, name_of_common(channel.name)):
            with pytest.raises(TimeoutError):
                await Variable(name, client=client).get(timeout=0.1)
        while channel.name in await _topics(client):  # noqa: ASYNC110 - it sends no event
            await asyncio.sleep(0.01)


async def test_an_error_of_the_orders_is_raised(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards would get no orders any more, not even the one to stop."""
    common = Common(Plan(Companies(("1",)), [SERVER_DEFAULT]), DIRECT)
    token = Token.of(Secret(_SECRET))
    async with (
        asyncio.timeout(60),
        Channel(client, common, token, Share(10.0), 2, lambda _: None) as channel,
    ):
        monkeypatch.setattr(channel, "_orders", lambda: 1 / 0)
        channel.set_share(Share(20.0), 1)
        with pytest.raises(ZeroDivisionError):
            await channel.run()
