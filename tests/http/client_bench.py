"""A client of the statistics endpoint and its collaborators, for tests of the client."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from math import inf
from typing import Any

import orjson
from aiohttp import hdrs

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.outcome import Answer, Failure, Outcome
from collector.core.secrets import Redactor, Secret
from collector.http.addresses import Addresses
from collector.http.client import StatisticsClient
from collector.http.gate import Gate
from collector.http.in_flight import InFlight
from collector.http.token import Token, TokenSource
from collector.http.transport import Transport
from collector.pace import Cause, LocalLimit, RateController
from collector.plan.date_params import DateQuery
from collector.store.lines import error_line
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats
from tests.http.mocked import API, MockedHttp, Respond, Sent

SECRET = "static-77aa-1c9e"  # noqa: S105 - made up
CELL = Cell("7", SERVER_DEFAULT)
STATISTICS = f"{API}/campaigns/api/v1/company/"
ZEROS = {"total": 0, "sended": 0, "pending": 0, "fails": 0, "actions": {}, "campaign": 0}
GOOD = json.dumps({"code": 200, "data": {**ZEROS, "total": 6}}).encode()
PAGE = b"<html>maintenance</html>"


class Clock:
    """The event loop's clock, which a test can put forward: what is due by then need not wait."""

    skipped = 0.0

    def __call__(self) -> float:
        """Read the clock."""
        return time.monotonic() + self.skipped


class ClientBench:
    """A client and its collaborators; by default with a token that is used as is.

    `sent` is what left, if the API is mocked.
    """

    def __init__(  # noqa: PLR0913 - what tests vary
        self,
        base_url: str,
        tokens: TokenSource | None = None,
        *,
        companies: int = 3,
        patience: float = inf,
        timeout: float = 10.0,
        clock: Callable[[], float] | None = None,
        another: Callable[[], Cell | None] = lambda: None,
        most_in_flight: float = inf,
    ) -> None:
        self.clock = Clock()
        self.gate = Gate(
            RateController(1e6, companies=companies, probe_seconds=60.0, patience=patience),
            clock=clock or self.clock,
        )
        self.stats = RunStats(companies)
        self.redact = Redactor()
        self.redact.learn(Secret(SECRET))
        self.lines: list[bytes] = []
        self.log = EventLog("debug", self.redact)
        self.sent: list[Sent] = []
        limit = LocalLimit(inf)
        limit.ceiling = most_in_flight
        self.transport = Transport(
            self.gate,
            self.stats,
            concurrency=64,
            timeout=timeout,
            in_flight=InFlight(limit, self.gate),
            clock=clock or self.clock,
        )
        self.client = StatisticsClient(
            transport=self.transport,
            gate=self.gate,
            tokens=tokens or TokenSource(None, Token.of(Secret(SECRET))),
            stats=self.stats,
            redact=self.redact,
            addresses=Addresses(base_url, DateQuery("from_date", "until_date")),
            log=self.log.logger,
            another=another,
        )

    async def fetch(self, cell: Cell = CELL, *, is_retry: bool = False) -> Outcome:
        """Ask for a cell."""
        return await self.client.fetch(cell, is_retry=is_retry)

    async def answer(self, cell: Cell = CELL) -> Answer:
        """Ask for a cell that has an answer."""
        outcome = await self.fetch(cell)
        assert isinstance(outcome, Answer), outcome
        return outcome

    async def failure(self, cell: Cell = CELL, *, is_retry: bool = False) -> Failure:
        """Ask for a cell that has none."""
        outcome = await self.fetch(cell, is_retry=is_retry)
        assert isinstance(outcome, Failure), outcome
        # Whatever it is, it can be written down, and gives nothing away.
        line = error_line(cell, outcome, outcome.requests)
        assert SECRET.encode() not in line
        assert outcome.body is None or len(outcome.body.encode()) <= 2048
        assert outcome.failed_at.tzinfo is UTC
        return outcome

    async def answers(self, number: int) -> list[Answer]:
        """Ask for cells that have answers, all at once."""
        return await asyncio.gather(*(self.answer(company(count)) for count in range(number)))

    async def failures(
        self, number: int, companies: int = 3, *, is_retry: bool = False
    ) -> list[Failure]:
        """Ask for cells of so many companies that have no answers, all at once."""
        return await asyncio.gather(
            *(
                self.failure(company(count % companies), is_retry=is_retry)
                for count in range(number)
            )
        )

    @property
    def open_cause(self) -> Cause | None:
        """Why the gate is closed."""
        return self.gate.control.open_cause

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [orjson.loads(line) for line in self.lines]


def company(number: int) -> Cell:
    """Return the cell of a company."""
    return Cell(str(number), SERVER_DEFAULT)


@asynccontextmanager
async def client_of(
    base_url: str,
    tokens: TokenSource | None = None,
    **more: Any,  # noqa: ANN401 - see ClientBench
) -> AsyncIterator[ClientBench]:
    """Open a client of a server."""
    bench = ClientBench(base_url, tokens, **more)
    with bench.log.into(bench.lines.append):
        async with bench.transport:
            yield bench


@asynccontextmanager
async def bench_for(
    respond: Respond,
    tokens: TokenSource | None = None,
    **more: Any,  # noqa: ANN401 - see ClientBench
) -> AsyncIterator[ClientBench]:
    """Open a client of an API that answers as a test likes, without a server."""
    with MockedHttp() as http:
        http.answer(hdrs.METH_GET, STATISTICS, respond)
        async with client_of(API, tokens, **more) as bench:
            bench.sent = http.sent
            yield bench
            # Each attempt passed the gate and was counted.
            assert bench.stats.requests == len(bench.sent)
