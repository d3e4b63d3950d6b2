"""The token issuer over real connections: pauses in real time, limits, a refused connection."""

import asyncio
import socket
import time

import orjson
import pytest

from collector.core.errors import OutageError
from collector.http.gate import Gate
from collector.pace import RateController
from tests.http.raw_server import RawServer, hang, ok
from tests.http.token_bench import GRANTED, issuer_at, text_of

TOKEN = ok(orjson.dumps(GRANTED))


async def test_only_the_issuer_is_left_alone() -> None:
    """With a real gate: the second try comes when it was asked to, and others pass meanwhile.

    The issuer is a service of its own: its 429 says nothing about the rate.
    """
    gate = Gate(RateController(1e6, companies=1, probe_seconds=60.0))
    arrivals = list[float]()

    async def respond(number: int, writer: asyncio.StreamWriter) -> None:
        arrivals.append(time.monotonic())
        busy = ok(b"", "Retry-After: 0.6", status="429 Slow")
        writer.write(TOKEN if number == 2 else busy)

    async with (
        RawServer(respond) as server,
        issuer_at(str(server.url), gate=gate) as bench,
    ):
        asking = asyncio.create_task(bench.issue())
        await server.got_one.wait()
        for _ in range(20):
            await gate.acquire()
        assert not asking.done()
        await asking
    assert 0.599 <= arrivals[1] - arrivals[0] < 5.0
    assert gate.control.open_cause is None


async def test_a_service_that_is_not_there_is_an_outage() -> None:
    """A refused connection is tried again like any other trouble."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with issuer_at(f"http://127.0.0.1:{unused.getsockname()[1]}/") as bench:
            with pytest.raises(OutageError, match=r"for 60 s; last error: connection refused$"):
                await bench.issue()
            assert bench.stats.requests == len(bench.pauses) + 1


async def test_a_silent_service_is_an_outage() -> None:
    """Each try has the time limit of a request."""
    async with (
        RawServer(hang) as server,
        issuer_at(str(server.url), timeout=0.1) as bench,
    ):
        with pytest.raises(OutageError, match=r"last error: no whole answer within 100 ms"):
            await bench.issue()
        assert len(server.heads) == len(bench.pauses) + 1


async def test_an_answer_beyond_the_limit_is_an_outage() -> None:
    """What was cut is no JSON, like a page about maintenance: it is waited out."""
    large = ok(orjson.dumps({**GRANTED, "x": "x" * 1_100_000}))

    async def respond(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(large if number == 1 else TOKEN)

    async with RawServer(respond) as server, issuer_at(str(server.url)) as bench:
        assert text_of(await bench.issue()) == "granted-5f2e"
        assert len(bench.pauses) == 1
        assert "not JSON" in bench.events[0]["problem"]
