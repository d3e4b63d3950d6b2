import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.outcome import Answer, Blame, Failure, FailureKind, Outcome
from collector.core.secrets import Redactor, Secret
from collector.http.client import Addresses, StatisticsClient
from collector.http.gate import Gate
from collector.http.token import Token, TokenSource
from collector.http.transport import Transport
from collector.pace import Cause, RateController
from collector.plan.date_params import DateQuery
from collector.simulator import Simulator, SimulatorSettings
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats


class Bench:
    """A client of an embedded API, and its collaborators."""

    def __init__(self, server: Simulator, timeout: float, companies: int) -> None:
        self.server = server
        self.gate = Gate(RateController(1e6, companies=companies, probe_seconds=60.0))
        self.stats = RunStats(1)
        redact = Redactor()
        self.transport = Transport(self.gate, self.stats, concurrency=64, timeout=timeout)
        self.client = StatisticsClient(
            transport=self.transport,
            gate=self.gate,
            tokens=TokenSource(None, Token.of(Secret(server.issue_token()))),
            stats=self.stats,
            redact=redact,
            addresses=Addresses(server.base_url, DateQuery("from_date", "until_date")),
            log=EventLog("error", redact).logger,
        )

    async def fetch(self, company: int = 7, *, is_retry: bool = False) -> Outcome:
        """Ask for a cell."""
        return await self.client.fetch(Cell(str(company), SERVER_DEFAULT), is_retry=is_retry)

    async def failures(
        self, number: int, companies: int = 3, *, is_retry: bool = False
    ) -> list[Failure]:
        """Ask for cells of so many companies that have no answers, all at once."""
        outcomes = await asyncio.gather(
            *(self.fetch(count % companies, is_retry=is_retry) for count in range(number))
        )
        assert {type(outcome) for outcome in outcomes} == {Failure}
        return [outcome for outcome in outcomes if isinstance(outcome, Failure)]

    @property
    def open_cause(self) -> Cause | None:
        """Why the gate is closed."""
        return self.gate.control.open_cause


@asynccontextmanager
async def bench_for(
    *,
    timeout: float = 10.0,  # noqa: ASYNC109 - of requests
    companies: int = 3,
    **settings: Any,  # noqa: ANN401 - see SimulatorSettings
) -> AsyncIterator[Bench]:
    """Open a client of an embedded API with the given settings."""
    async with Simulator(SimulatorSettings(port=0, **settings)) as server:
        bench = Bench(server, timeout, companies)
        async with bench.transport:
            yield bench


@pytest.mark.parametrize(
    ("fault", "is_retry", "is_outage"),
    [
        *(("share_500", False, True), ("share_not_json", False, True), ("down", False, True)),
        *(("share_hangs", False, True), ("share_resets", False, True)),
        *(("share_truncated", False, True), ("share_resets", True, True)),
        *(("share_500", True, False), ("share_not_json", True, False), ("down", True, False)),
        ("share_hangs", True, False),
    ],
)
async def test_first_tries_and_connections_tell_of_an_outage(
    fault: str,
    is_retry: bool,  # noqa: FBT001 - a table
    is_outage: bool,  # noqa: FBT001 - a table
) -> None:
    """A retry that fails says nothing new, but for a connection that breaks.

    Seven failures in a row are charged to their cells; from the eighth on to the service.
    """
    timeout = 0.1 if fault == "share_hangs" else 10.0
    fault_settings: dict[str, Any] = {fault: True if fault == "down" else 1.0}
    async with bench_for(timeout=timeout, **fault_settings) as bench:
        failures = await bench.failures(10, is_retry=is_retry)
        blames = sorted(failure.blame.name for failure in failures)
        if is_outage:
            assert blames == ["CELL"] * 7 + ["SERVICE"] * 3
            assert bench.open_cause is Cause.FAILING
        else:
            assert blames == ["CELL"] * 10
            assert bench.open_cause is None


async def test_a_company_that_is_broken_is_no_outage() -> None:
    """However often it fails; unless the run has no others."""
    async with bench_for(share_500=1.0) as bench:
        failures = await bench.failures(30, companies=2)
        assert {failure.blame for failure in failures} == {Blame.CELL}
        assert bench.open_cause is None
    async with bench_for(share_500=1.0, companies=1) as bench:
        await bench.failures(8, companies=1)
        assert bench.open_cause is Cause.FAILING


async def test_a_server_that_is_gone_is_an_outage_for_first_tries_and_retries() -> None:
    """Retries included: a refused connection has nothing to do with the cell."""
    async with bench_for() as bench:
        await bench.server.stop()
        failures = await bench.failures(8, is_retry=True)
        assert {failure.kind for failure in failures} == {FailureKind.CONNECTION}
        assert bench.open_cause is Cause.FAILING


async def test_an_outage_is_waited_out_with_single_probes() -> None:
    """A second after it is noticed the first probe is sent; when it is answered, all resume.

    From a quarter of the rate, for the service may be weak yet.
    """
    async with bench_for(down=True) as bench:
        await bench.failures(8)
        bench.server.reconfigure(replace(bench.server.settings, down=False))
        began = time.monotonic()
        async with asyncio.timeout(10):
            outcomes = await asyncio.gather(*(bench.fetch(number) for number in range(20)))
        assert time.monotonic() - began >= 0.9
        assert {type(outcome) for outcome in outcomes} == {Answer}
        assert bench.server.counts.total == 28
        assert bench.open_cause is None
        assert 1e6 / 4 <= bench.gate.control.rate < 1e6


async def test_a_failing_probe_is_not_charged() -> None:
    """Nor is what was still on its way; the next probe waits twice as long."""
    async with bench_for(share_500=1.0) as bench:
        await bench.failures(8)
        [failure] = await bench.failures(1)
        assert failure.blame is Blame.SERVICE
        assert bench.open_cause is Cause.FAILING
        assert bench.gate.next_probe_in == pytest.approx(2.0, abs=0.2)


async def test_the_latency_of_each_answer_is_recorded() -> None:
    """From the gate to the end of the answer, failures included."""
    async with bench_for(latency=0.05) as bench:
        await asyncio.gather(*(bench.fetch(number) for number in range(3)))
        assert bench.stats.latencies.count == 3
        shortest = bench.stats.latencies.percentile(0.01)
        assert 0.045 <= shortest <= bench.stats.latencies.longest < 5.0
    async with bench_for(share_500=1.0) as bench:
        await bench.failures(3)
        assert bench.stats.latencies.count == 3
    async with bench_for(share_resets=1.0) as bench:
        await bench.failures(3)
        assert bench.stats.latencies.count == 0
