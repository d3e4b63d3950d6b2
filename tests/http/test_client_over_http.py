"""The client over real connections: pauses in real time, latencies, limits, lost connections."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from collector.core.outcome import Answer, Blame, FailureKind
from collector.core.secrets import Secret
from collector.http.token import Token, TokenSource
from collector.pace import Cause
from collector.simulator import Simulator, SimulatorSettings
from tests.http.client_bench import GOOD, ClientBench, client_of, company
from tests.http.raw_server import RawServer, always, ok


@asynccontextmanager
async def simulated(**settings: Any) -> AsyncIterator[tuple[Simulator, ClientBench]]:  # noqa: ANN401 - see SimulatorSettings
    """Open an embedded API with the given settings, and a client of it."""
    async with Simulator(SimulatorSettings(port=0, **settings)) as server:
        tokens = TokenSource(None, Token.of(Secret(server.issue_token())))
        async with client_of(server.base_url, tokens) as bench:
            yield server, bench


@pytest.mark.parametrize(
    ("status", "kind", "blame"),
    [("200 OK", FailureKind.TOO_LARGE, Blame.CELL), ("429 Slow", FailureKind.HTTP, Blame.RATE)],
)
async def test_an_answer_beyond_the_limit_is_a_failure(
    status: str, kind: FailureKind, blame: Blame
) -> None:
    """Whatever it begins with; a 429 slows everyone down like any other."""
    body = GOOD + b" " * 2_000_000
    async with (
        RawServer(always(ok(body, status=status))) as server,
        client_of(str(server.url.origin())) as bench,
    ):
        failure = await bench.failure()
        assert (failure.kind, failure.blame, failure.requests) == (kind, blame, 1)
        assert failure.body == body[:2048].decode()
        assert bench.open_cause is (Cause.REFUSED if blame is Blame.RATE else None)


async def test_others_wait_until_the_gate_opens_again() -> None:
    """In real time: after a refusal nothing reaches the server for a fifth of a second."""
    arrivals = list[float]()

    async def respond(number: int, writer: asyncio.StreamWriter) -> None:
        arrivals.append(time.monotonic())
        writer.write(ok(GOOD, status="429 Slow" if number == 101 else "200 OK"))

    async with (
        RawServer(respond) as server,
        client_of(str(server.url.origin())) as bench,
    ):
        await bench.answers(100)
        await bench.failure()
        await bench.answers(5)
        assert len(arrivals) == 106
        # The client's pause begins with the end of the answer, which is after the arrival.
        assert arrivals[101] - arrivals[100] >= 0.199
        assert bench.open_cause is None


async def test_a_server_that_is_gone_is_an_outage_for_first_tries_and_retries() -> None:
    """Retries included: a refused connection has nothing to do with the cell."""
    async with simulated() as (server, bench):
        await server.stop()
        failures = await bench.failures(8, is_retry=True)
        assert {failure.kind for failure in failures} == {FailureKind.CONNECTION}
        assert bench.open_cause is Cause.FAILING


async def test_an_outage_is_waited_out_with_single_probes() -> None:
    """A second after it is noticed the first probe is sent; when it is answered, all resume.

    From a quarter of the rate, for the service may be weak yet.
    """
    async with simulated(down=True) as (server, bench):
        await bench.failures(8)
        server.reconfigure(replace(server.settings, down=False))
        began = time.monotonic()
        async with asyncio.timeout(10):
            outcomes = await asyncio.gather(*(bench.fetch(company(count)) for count in range(20)))
        assert time.monotonic() - began >= 0.9
        assert {type(outcome) for outcome in outcomes} == {Answer}
        assert server.counts.total == 28
        assert bench.open_cause is None
        assert 1e6 / 4 <= bench.gate.control.rate < 1e6


async def test_the_latency_of_each_answer_is_recorded() -> None:
    """From the gate to the end of the answer, failures included; a company's is the same."""
    async with simulated(latency=0.05) as (_, bench):
        await bench.answer()
        assert bench.stats.company_latencies.median() == bench.stats.latencies.longest
        await bench.answers(3)
        assert bench.stats.latencies.count == 4
        shortest = bench.stats.latencies.percentile(0.01)
        assert 0.045 <= shortest <= bench.stats.latencies.longest < 5.0
    async with simulated(share_500=1.0) as (_, bench):
        await bench.failures(3)
        assert bench.stats.latencies.count == 3
    async with simulated(share_resets=1.0) as (_, bench):
        await bench.failures(3)
        assert bench.stats.latencies.count == 0
