import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.errors import CredentialsError
from collector.core.outcome import Answer, Blame, Failure, FailureKind
from collector.core.secrets import Redactor, Secret
from collector.http.client import Addresses, StatisticsClient
from collector.http.credentials import ClientCredentials
from collector.http.gate import Gate
from collector.http.silence import Service, Silence
from collector.http.token import Token, TokenSource
from collector.http.token_issuer import TokenIssuer
from collector.http.transport import Transport
from collector.pace import RateController
from collector.plan.date_params import DateQuery
from collector.simulator import Simulator, SimulatorSettings
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats

SECRET = "static-77aa-1c9e"  # noqa: S105 - made up
CELL = Cell("7", SERVER_DEFAULT)
ZEROS = {"total": 0, "sended": 0, "pending": 0, "fails": 0, "actions": {}, "campaign": 0}
GOOD = json.dumps({"code": 200, "data": {**ZEROS, "total": 6}}).encode()

Respond = Callable[[web.BaseRequest], web.Response | None]
"""Answers a request; None breaks the connection off."""


def answer(
    body: bytes = GOOD, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Make an answer."""
    return web.Response(status=status, body=body, headers=headers)


@asynccontextmanager
async def api(respond: Respond) -> AsyncIterator[str]:
    """Serve answers of a test's own choice; gives the base address."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = respond(request)
        if response is None:
            assert request.transport is not None
            request.transport.abort()
            return answer()
        return response

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Numbered:
    """Issues the tokens `issued-1`, `issued-2`, ..."""

    issued = 0

    async def __call__(self) -> Token:
        """Issue the next one."""
        self.issued += 1
        return Token.of(Secret(f"issued-{self.issued}"))


class Bench:
    """A client and its collaborators; by default with a token that is used as is."""

    def __init__(self, base_url: str, tokens: TokenSource | None = None) -> None:
        self.gate = Gate(RateController(1e6, companies=3, probe_seconds=60.0))
        self.stats = RunStats(1)
        self.redact = Redactor()
        self.redact.learn(Secret(SECRET))
        self.tokens = tokens or TokenSource(None, Token.of(Secret(SECRET)))
        self.transport = Transport(self.gate, self.stats, concurrency=64, timeout=10.0)
        self.client = StatisticsClient(
            transport=self.transport,
            gate=self.gate,
            tokens=self.tokens,
            stats=self.stats,
            redact=self.redact,
            addresses=Addresses(base_url, DateQuery("from_date", "until_date")),
            log=EventLog("error", self.redact).logger,
        )

    async def answer(self, cell: Cell = CELL) -> Answer:
        """Ask for a cell that has an answer."""
        outcome = await self.client.fetch(cell)
        assert isinstance(outcome, Answer), outcome
        return outcome

    async def failure(self, cell: Cell = CELL) -> Failure:
        """Ask for a cell that has none."""
        outcome = await self.client.fetch(cell)
        assert isinstance(outcome, Failure), outcome
        return outcome


@asynccontextmanager
async def bench_for(respond: Respond, tokens: TokenSource | None = None) -> AsyncIterator[Bench]:
    """Open a client of an API that answers as a test likes."""
    async with api(respond) as base_url:
        bench = Bench(base_url, tokens)
        async with bench.transport:
            yield bench


@asynccontextmanager
async def simulated() -> AsyncIterator[tuple[Simulator, Bench]]:
    """Open the embedded API and a client that gets its tokens there."""
    async with Simulator(
        SimulatorSettings(
            port=0,
        ),
        record_requests=True,
    ) as server:
        issuers = list[TokenIssuer]()

        async def issue() -> Token:
            return await issuers[0]()

        bench = Bench(server.base_url, TokenSource(issue))
        issuers.append(
            TokenIssuer(
                ClientCredentials(Secret("demo"), Secret("demo-secret")),
                url=server.token_url,
                transport=bench.transport,
                gate=bench.gate,
                silence=Silence(Service(server.token_url, "--token-url"), 0.1),
                redact=bench.redact,
                log=EventLog("error", bench.redact).logger,
            )
        )
        async with bench.transport:
            yield server, bench


async def test_a_401_is_cured_by_a_new_token() -> None:
    """The request is repeated once, with the new token; both are counted as requests."""
    async with simulated() as (server, bench):
        await bench.answer()
        server.revoke_all()
        got = await bench.answer()
        assert got.requests == 2
        kinds = [(seen.kind, seen.status) for seen in server.requests[2:]]
        assert kinds == [("statistics", 401), ("token", 200), ("statistics", 200)]
        assert (await bench.answer()).requests == 1


async def test_a_storm_of_401_costs_one_token() -> None:
    """64 requests with a token that was revoked: each is repeated, the token is asked for once."""
    async with simulated() as (server, bench):
        await bench.answer()
        server.revoke_all()
        cells = [Cell(str(number), SERVER_DEFAULT) for number in range(64)]
        answers = await asyncio.gather(*(bench.answer(cell) for cell in cells))
        assert server.counts.kinds["token"] == 2
        assert sum(got.requests for got in answers) == server.counts.kinds["statistics"] - 1
        assert bench.stats.requests == server.counts.total


async def test_the_repeated_request_carries_the_new_token() -> None:
    """And the old one is not used again."""
    seen = list[str]()

    def respond(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers["Authorization"])
        return answer(status=401 if len(seen) == 1 else 200)

    async with bench_for(respond, TokenSource(Numbered())) as bench:
        assert (await bench.answer()).requests == 2
        await bench.answer()
    assert seen == ["Bearer issued-1", "Bearer issued-2", "Bearer issued-2"]


def stranger_is_refused(request: web.BaseRequest) -> web.Response:
    """Answer 401 for one company, whatever the token."""
    return answer(status=401 if "/stranger" in request.path else 200)


STRANGER = Cell("stranger", SERVER_DEFAULT)


async def test_a_401_that_no_token_cures_is_the_cells_own_failure() -> None:
    """Once something was accepted, a company that is not ours does not stop the run."""
    issuer = Numbered()
    async with bench_for(stranger_is_refused, TokenSource(issuer)) as bench:
        await bench.answer()
        failure = await bench.failure(STRANGER)
        assert (failure.kind, failure.status, failure.requests) == (FailureKind.HTTP, 401, 2)
        assert issuer.issued == 2
        assert failure.blame is Blame.CELL
        await bench.answer()


async def test_a_new_token_that_the_server_never_accepted_stops_the_run() -> None:
    """After two requests with two tokens, and no more."""
    issuer = Numbered()
    async with bench_for(stranger_is_refused, TokenSource(issuer)) as bench:
        with pytest.raises(CredentialsError, match="refuses tokens that have just been issued"):
            await bench.client.fetch(STRANGER)
        assert (issuer.issued, bench.stats.requests) == (2, 2)


async def test_ten_such_answers_in_a_row_stop_the_run() -> None:
    """Ten companies; anything but a 401 in between, an error included, starts the count anew."""

    def respond(request: web.BaseRequest) -> web.Response:
        if "/unknown/" in request.path:
            return answer(status=404)
        return stranger_is_refused(request)

    async with bench_for(respond, TokenSource(Numbered())) as bench:
        await bench.answer()
        for _ in range(20):
            await bench.failure(STRANGER)
        for number in range(8):
            await bench.failure(Cell(f"stranger {number}", SERVER_DEFAULT))
        assert (await bench.failure(Cell("unknown", SERVER_DEFAULT))).status == 404
        for number in range(9):
            await bench.failure(Cell(f"stranger {number}", SERVER_DEFAULT))
        with pytest.raises(CredentialsError):
            await bench.client.fetch(STRANGER)


async def test_a_server_error_says_nothing_about_the_token() -> None:
    """A 500 may come from before the check, so a 401 after it is as bad as one at the start."""

    def respond(request: web.BaseRequest) -> web.Response:
        return answer(status=401 if "/stranger" in request.path else 500)

    async with bench_for(respond, TokenSource(Numbered())) as bench:
        await bench.failure()
        with pytest.raises(CredentialsError):
            await bench.client.fetch(STRANGER)


async def test_a_static_token_is_not_renewed() -> None:
    """One request; at the start it stops the run, later it is the cell's own failure."""
    async with bench_for(stranger_is_refused) as bench:
        with pytest.raises(CredentialsError, match="TRUST_ACCESS_TOKEN"):
            await bench.client.fetch(STRANGER)
        assert bench.stats.requests == 1
    async with bench_for(stranger_is_refused) as bench:
        await bench.answer()
        failure = await bench.failure(STRANGER)
        assert (failure.status, failure.requests) == (401, 1)


async def test_a_repeated_request_that_breaks_is_a_broken_connection() -> None:
    """All requests are counted: the refused one, the repeated one, and aiohttp's own resend."""
    count = 0

    def respond(_: web.BaseRequest) -> web.Response | None:
        nonlocal count
        count += 1
        return answer(status=401) if count == 1 else None

    async with bench_for(respond, TokenSource(Numbered())) as bench:
        failure = await bench.failure()
        assert (failure.kind, failure.status) == (FailureKind.CONNECTION, None)
        assert failure.requests == bench.stats.requests == count == 3


async def test_a_refusal_says_nothing_about_the_token() -> None:
    """The limit is often checked first: a 401 after it is as bad as one at the start."""

    def respond(request: web.BaseRequest) -> web.Response:
        return answer(status=401 if "/stranger" in request.path else 429)

    async with bench_for(respond) as bench:
        assert (await bench.failure()).blame is Blame.RATE
        with pytest.raises(CredentialsError):
            await bench.client.fetch(STRANGER)


async def test_a_401_on_the_probe_does_not_wait_for_the_new_token() -> None:
    """It shows that requests are accepted again: others are sent while the issuer is slow."""
    count, others_came = 0, asyncio.Event()

    def respond(_: web.BaseRequest) -> web.Response:
        nonlocal count
        count += 1
        if count > 102:
            others_came.set()
        return answer(status={101: 429, 102: 401}.get(count, 200))

    class Slow(Numbered):
        """Issues the second token only when another request was answered."""

        async def __call__(self) -> Token:
            if self.issued == 1:
                await others_came.wait()
            return await super().__call__()

    issuer = Slow()
    async with bench_for(respond, TokenSource(issuer)) as bench:
        await asyncio.gather(*(bench.answer() for _ in range(100)))
        assert (await bench.failure()).blame is Blame.RATE
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(bench.answer() for _ in range(2)))
    assert sorted(got.requests for got in answers) == [1, 2]
    assert issuer.issued == 2


async def test_a_401_is_reported_once_and_is_an_answer() -> None:
    """It ends a row of failures, whether or not a new token cures it."""

    def respond(request: web.BaseRequest) -> web.Response:
        if "/broken" in request.path:
            return answer(status=500)
        return stranger_is_refused(request)

    async with bench_for(respond, TokenSource(Numbered())) as bench:
        await bench.answer()
        for _ in range(3):
            for number in range(7):
                await bench.failure(Cell(f"broken {number}", SERVER_DEFAULT))
            assert bench.gate.control.is_doubtful
            await bench.failure(STRANGER)
            assert not bench.gate.control.is_doubtful
        assert bench.gate.control.open_cause is None
