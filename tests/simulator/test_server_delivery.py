import asyncio
import gc
from datetime import date

import pytest
from aiohttp import ClientPayloadError, ClientSession

from collector.simulator import Fault, Simulator, SimulatorSettings, statistics_of
from tests.simulator.bench import client_of, url_of

WEEK = (date(2026, 11, 17), date(2026, 11, 23))
PROMPTLY = 1.0
"""Seconds within which a stop has to be over, whatever hangs."""


def serve(**changes: float) -> Simulator:
    """Make a server with faults."""
    return Simulator(SimulatorSettings(port=0, today=WEEK[1], empty_share=0.0, **changes))  # type: ignore[arg-type]


async def ask_raw(sim: Simulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a statistics request over a bare connection, and wait until it was judged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    before = sim.counts.total
    writer.write(
        b"GET /campaigns/api/v1/company/1/statistics HTTP/1.1\r\nHost: sim\r\n"
        b"Authorization: Bearer " + sim.issue_token().encode() + b"\r\n\r\n"
    )
    async with asyncio.timeout(5):
        while sim.counts.total == before:  # noqa: ASYNC110 - a count is no event
            await asyncio.sleep(0)
    return reader, writer


async def test_a_500_is_an_error_envelope() -> None:
    """In the vendor's form; the connection lives on."""
    async with serve(share_500=1.0) as sim, client_of(sim) as session:
        for _ in range(2):
            async with session.get(url_of(sim)) as response:
                assert response.status == 500
                assert (await response.json())["code"] == 500


async def test_a_reset_is_a_real_one() -> None:
    """The peer gets RST, not an orderly end, and not a byte of an answer."""
    async with serve(share_resets=1.0) as sim:
        reader, writer = await ask_raw(sim)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        assert sim.counts.faults == {Fault.RESET: 1}
        assert sim.counts.statuses == {None: 1}


async def test_a_truncated_answer_announces_more_than_it_sends() -> None:
    """Content-Length is that of the whole body; half of it comes, then an orderly end."""
    whole = statistics_of(1, "1", *WEEK)
    async with serve(share_truncated=1.0) as sim:
        reader, writer = await ask_raw(sim)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        announced = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert head.startswith(b"HTTP/1.1 200 ")
        assert len(body) == announced // 2
        assert f'"total":{whole["total"]}'.encode() in body
        writer.close()
        await writer.wait_closed()


async def test_a_client_notices_a_truncated_answer() -> None:
    """The client library reports a broken body rather than a short one."""
    async with (
        serve(share_truncated=1.0) as sim,
        client_of(sim) as session,
        session.get(url_of(sim)) as response,
    ):
        with pytest.raises(ClientPayloadError):
            await response.read()


async def test_a_maintenance_page_says_200() -> None:
    """HTML in the place of JSON."""
    async with (
        serve(share_not_json=1.0) as sim,
        client_of(sim) as session,
        session.get(url_of(sim)) as response,
    ):
        assert response.status == 200
        assert response.content_type == "text/html"
        assert (await response.read()).startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("changes", [{"share_hangs": 1.0}, {"latency": 3600.0}])
async def test_a_stop_ends_what_waits(changes: dict[str, float]) -> None:
    """Hanging and slow requests wait until the stop, do not hold it up, and leave no task."""
    sim = serve(**changes)
    await sim.start()
    connections = [await ask_raw(sim) for _ in range(20)]
    answers = [asyncio.create_task(reader.read()) for reader, _ in connections]
    # A later request that is answered gives the earlier ones every chance to end too soon.
    async with ClientSession() as session, session.get(sim.base_url) as response:
        assert response.status == 404
    assert not any(answer.done() for answer in answers)
    async with asyncio.timeout(PROMPTLY):
        await sim.stop()
    hanging = "share_hangs" in changes
    for answer, (_, writer) in zip(answers, connections, strict=True):
        assert ((await answer) == b"") is hanging
        writer.close()
        await writer.wait_closed()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()


async def test_a_stop_does_not_wait_for_half_a_request() -> None:
    """A client that announces a body and never sends it is cut off."""
    sim = serve()
    await sim.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(b"POST /oauth/token HTTP/1.1\r\nHost: sim\r\nContent-Length: 9\r\n\r\n{")
    await writer.drain()
    # The answer to a later request proves that the server has met the earlier one.
    async with ClientSession() as session, session.get(sim.base_url) as response:
        assert response.status == 404
    async with asyncio.timeout(PROMPTLY):
        await sim.stop()
    await reader.read()
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_hang_ends_when_the_client_leaves() -> None:
    """A client that gives up leaves nothing behind on the server."""
    async with serve(share_hangs=1.0) as sim:
        _, writer = await ask_raw(sim)
        assert len(asyncio.all_tasks()) > 1
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - the end of a task of aiohttp
                await asyncio.sleep(0)


async def test_latency_comes_before_the_answer() -> None:
    """An answer takes at least as long as the latency says."""
    async with serve(latency=0.05) as sim, client_of(sim) as session:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        async with session.get(url_of(sim)) as response:
            assert response.status == 200
        assert loop.time() - asked_at >= 0.05
