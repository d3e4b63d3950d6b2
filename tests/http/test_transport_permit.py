import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from collector.core.errors import CredentialsError, StoppedError
from collector.core.outcome import FailureKind
from collector.core.secrets import Secret
from collector.http.connector import is_confirmed
from collector.http.gate import Gate
from collector.http.limits import BurstLimit
from collector.http.network import Network
from collector.http.reuse import ReusePolicy
from collector.http.token import Token, TokenSource
from collector.http.transport import Response, Transport, TransportFailure
from collector.pace import Cause, Permit, RateController
from collector.telemetry.stats import RunStats
from tests.http.certificates import Made, make_certificate
from tests.http.made_faults import FAULT
from tests.http.raw_server import RawServer, ok

Respond = Callable[[int], Awaitable[bool]]
"""Gets the number of the request (from 1); False breaks the connection off."""


async def at_once(_: int) -> bool:
    """Answer every request."""
    return True


class RecordingGate(Gate):
    """A gate that notes the permits it issues and the ones released."""

    def __init__(self, rate: float) -> None:
        super().__init__(RateController(rate, companies=1, probe_seconds=60.0))
        self.left: list[Permit] = []
        self.released: list[Permit] = []
        self.was_given_back = asyncio.Semaphore(0)

    async def acquire(self, *, is_urgent: bool = False, is_final: bool = False) -> Permit:
        """Wait as ever, and note it."""
        permit = await super().acquire(is_urgent=is_urgent, is_final=is_final)
        self.left.append(permit)
        return permit

    def release(self, permit: Permit) -> None:
        """Take it, and note it."""
        super().release(permit)
        self.released.append(permit)
        self.was_given_back.release()


class Issuer:
    """Issues one token when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.let_go = asyncio.Event()

    async def __call__(self) -> Token:
        """Wait, then issue."""
        self.asked += 1
        await self.let_go.wait()
        return Token.of(Secret(f"issued-{self.asked}"))


class Bench:
    """A transport and its collaborators, and a server whose answers a test sets."""

    def __init__(
        self, url: URL, *, rate: float, timeout: float, concurrency: int, tokens: TokenSource
    ) -> None:
        self.url = url
        self.gate = RecordingGate(rate)
        self.stats = RunStats(1)
        self.tokens = tokens
        self.transport = Transport(
            self.gate,
            self.stats,
            concurrency=concurrency,
            timeout=timeout,
            reuse=ReusePolicy(time.monotonic(), limit=100),
        )

    async def get(self) -> Response | TransportFailure:
        """Send a GET."""
        return await self.transport.get(self.url, self.tokens)

    async def reply(self) -> Response:
        """Send a GET that is answered."""
        reply = await self.get()
        assert isinstance(reply, Response), reply
        return reply

    async def broken(self) -> TransportFailure:
        """Send a GET that gets no whole answer."""
        broken = await self.get()
        assert isinstance(broken, TransportFailure), broken
        return broken

    @property
    def open_cause(self) -> Cause | None:
        """Why the gate is closed."""
        return self.gate.control.open_cause


@asynccontextmanager
async def bench_for(
    respond: Respond,
    *,
    rate: float = 1e6,
    timeout: float = 10.0,  # noqa: ASYNC109 - of requests
    concurrency: int = 64,
    tokens: TokenSource | None = None,
) -> AsyncIterator[Bench]:
    """Open a transport to a server."""
    count = 0

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal count
        count += 1
        if not await respond(count):
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=b"{}")

    runner = web.ServerRunner(
        web.Server(handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        bench = Bench(
            URL(f"http://127.0.0.1:{runner.addresses[0][1]}/x"),
            rate=rate,
            timeout=timeout,
            concurrency=concurrency,
            tokens=tokens or TokenSource(None, Token.of(Secret("static-77aa"))),
        )
        async with bench.transport:
            yield bench
    finally:
        await runner.cleanup()


def static_token() -> Token:
    """Return a token that does not end."""
    return Token.of(Secret("static-77aa"))


async def turns(number: int) -> None:
    """Let the event loop go round, so that tasks which can run have run."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_an_answer_has_its_permit_and_its_token() -> None:
    """The very ones of the gate and the source; no permit is released."""
    token = Token.of(Secret("static-77aa"))
    async with bench_for(at_once, tokens=TokenSource(None, token)) as bench:
        replies = [await bench.reply() for _ in range(3)]
        assert [reply.permit for reply in replies] == bench.gate.left
        assert all(reply.token is token for reply in replies)
        assert bench.gate.released == []


async def test_a_latency_is_the_time_from_the_gate_to_the_end_of_the_answer() -> None:
    """Waiting at the gate is no part of it."""

    async def slowly(_: int) -> bool:
        await asyncio.sleep(0.05)
        return True

    async with bench_for(slowly, rate=4.0) as bench:
        await bench.reply()
        began = time.monotonic()
        await bench.reply()
        assert time.monotonic() - began > 0.2
        assert bench.stats.latencies.count == 2
        assert bench.stats.latencies.percentile(0.5) < 0.2
        assert bench.stats.latencies.longest >= 0.05


async def test_a_request_without_an_answer_in_time_keeps_its_permit() -> None:
    """The failure is reported to the gate, so the permit is not released."""

    async def hang(_: int) -> bool:
        await asyncio.get_running_loop().create_future()
        return True

    async with bench_for(hang, timeout=0.05) as bench:
        broken = await bench.broken()
        assert broken.kind is FailureKind.TIMEOUT
        assert [broken.permit] == bench.gate.left
        assert bench.gate.released == []
        assert bench.stats.latencies.count == 0


async def test_a_cancelled_request_releases_its_permit() -> None:
    """If it was the probe, the next one is sent at once, not when its result is overdue."""
    was_asked, let_go = asyncio.Event(), asyncio.Event()

    async def first_waits(number: int) -> bool:
        if number == 1:
            was_asked.set()
            await let_go.wait()
        return True

    async with bench_for(first_waits) as bench:
        bench.gate.refused(await bench.gate.acquire(), fault=FAULT)
        probe = asyncio.create_task(bench.get())
        other = asyncio.create_task(bench.reply())
        async with asyncio.timeout(5):
            await was_asked.wait()
            await turns(10)
            assert len(bench.gate.left) == 2
            probe.cancel()
            reply = await other
        assert probe.cancelled()
        assert bench.gate.released == [bench.gate.left[1]]
        assert reply.permit == bench.gate.left[2]
        assert bench.open_cause is Cause.REFUSED


async def test_a_resend_is_metered_and_the_first_permit_released() -> None:
    """The result of the first one is unknown; the answer belongs to the second."""

    async def second_dies(number: int) -> bool:
        return number != 2

    async with bench_for(second_dies, rate=20.0) as bench:
        await bench.reply()
        reply = await bench.reply()
        assert reply.requests == 2
        first, second, third = bench.gate.left
        assert bench.gate.released == [second]
        assert reply.permit == third
        assert third.at - first.at >= 0.1 - 1e-6
        assert bench.stats.requests == 3


async def test_a_probe_that_is_sent_again_is_still_a_single_probe() -> None:
    """Its second request is the probe then; at most one is on its way."""
    under_way, most = 0, 0
    was_asked, let_go = asyncio.Event(), asyncio.Event()

    async def respond(number: int) -> bool:
        nonlocal under_way, most
        if number == 1:
            return True
        under_way += 1
        most = max(most, under_way)
        try:
            if number == 3:
                was_asked.set()
                await let_go.wait()
            return number != 2
        finally:
            under_way -= 1

    async with bench_for(respond) as bench:
        refused = await bench.reply()
        bench.gate.refused(refused.permit, fault=FAULT)
        probe = asyncio.create_task(bench.reply())
        async with asyncio.timeout(5):
            await was_asked.wait()
            others = [asyncio.create_task(bench.gate.acquire()) for _ in range(2)]
            await turns(10)
            assert not any(other.done() for other in others)
            let_go.set()
            reply = await probe
            assert reply.requests == 2
            bench.gate.answered(reply.permit)
            assert bench.open_cause is None
        for other in others:
            other.cancel()
        await asyncio.wait(others)
        assert most == 1


async def test_a_resend_at_a_gate_that_was_shut_is_stopped() -> None:
    """Nothing more is sent, not even by aiohttp itself."""
    benches = list[Bench]()

    async def second_dies(number: int) -> bool:
        if number == 2:
            benches[0].gate.close()
        return number != 2

    async with bench_for(second_dies) as bench:
        benches.append(bench)
        await bench.reply()
        with pytest.raises(StoppedError):
            await bench.get()
        assert bench.gate.released == [bench.gate.left[1]]
        assert (bench.stats.requests, bench.stats.in_flight) == (2, 0)


async def test_who_has_no_token_gives_its_turn_back_and_takes_another() -> None:
    """When the token has come they are sent at the rate, not all at once."""
    issuer = Issuer()
    async with bench_for(at_once, rate=100.0, tokens=TokenSource(issuer)) as bench:
        asking = [asyncio.create_task(bench.reply()) for _ in range(6)]
        async with asyncio.timeout(5):
            for _ in range(6):
                await bench.gate.was_given_back.acquire()
            assert bench.stats.requests == 0
            began = time.monotonic()
            issuer.let_go.set()
            replies = await asyncio.gather(*asking)
        assert issuer.asked == 1
        assert bench.gate.released == bench.gate.left[:6]
        permits = sorted(reply.permit.at for reply in replies)
        assert permits[0] >= began - 0.001
        # What the rate allows in that time, and the lateness that is made up for.
        assert permits[-1] - permits[0] >= 5 / 100 - 0.03


async def test_a_refused_renewal_stops_requests_about_to_be_sent() -> None:
    """`CredentialsError`, although the old token may still be good; nothing is sent."""

    async def refuse() -> Token:
        raise CredentialsError("the client is refused")

    old = Token.of(Secret("old-77aa"), time.monotonic() - 1.0)
    async with TokenSource(refuse, old) as tokens, bench_for(at_once, tokens=tokens) as bench:
        await bench.reply()
        await turns(5)
        with pytest.raises(CredentialsError):
            await bench.get()
        assert (bench.stats.requests, bench.stats.in_flight) == (1, 0)


@pytest.mark.parametrize(("concurrency", "seconds"), [(2, 0.06), (3, 0.06), (2, 0.0)])
async def test_requests_that_were_held_up_by_others_in_flight_are_counted(
    concurrency: int, seconds: float
) -> None:
    """Late, with as many in flight as may be: that is what more concurrency would cure.

    At 100 per second whatever leaves 60 ms after the previous one is late.
    """
    both_came, let_go = asyncio.Event(), asyncio.Event()

    async def wait(number: int) -> bool:
        if number == 2:
            both_came.set()
        await let_go.wait()
        return True

    async with bench_for(wait, rate=100.0, concurrency=concurrency) as bench:
        first = asyncio.create_task(bench.reply())
        await asyncio.sleep(seconds)
        second = asyncio.create_task(bench.reply())
        await both_came.wait()
        assert bench.stats.in_flight == 2
        let_go.set()
        await first
        is_late = not (await second).permit.is_paced
        assert is_late or not seconds
        assert bench.stats.held_up == (is_late and concurrency == 2)


class CountingBurst(BurstLimit):
    """A burst limit that counts what it lets pass."""

    passed = 0

    def take_now(self) -> bool:
        """Decide as ever, then count."""
        passes = super().take_now()
        self.passed += passes
        return passes

    async def take(self) -> None:
        """Wait as ever, then count."""
        await super().take()
        self.passed += 1


async def test_the_burst_limit_counts_a_request_that_has_its_connection(tmp_path: Path) -> None:
    """Not one that has its permit: many connections that open together send one by one."""
    gate, begins = RecordingGate(1e6), asyncio.Event()
    gate.burst = burst = CountingBurst(gate.control)

    async def answer(number: int, writer: asyncio.StreamWriter) -> None:
        assert burst.passed >= number
        writer.write(ok())

    certificate = make_certificate(tmp_path, Made("localhost"))
    async with RawServer(answer, tls=certificate.server, tls_begins=begins) as server:
        network = Network(authorities=certificate.path.read_text())
        url, tokens = server.url.with_host("localhost"), TokenSource(None, static_token())
        async with Transport(
            gate, RunStats(1), concurrency=5, timeout=60.0, network=network
        ) as transport:
            sent = [asyncio.ensure_future(transport.get(url, tokens)) for _ in range(5)]
            while server.connections < 5:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.001)
            assert (len(gate.left), burst.passed) == (5, 0)
            begins.set()
            assert all(isinstance(reply, Response) for reply in await asyncio.gather(*sent))
    assert burst.passed == 5


class HoldingBurst(BurstLimit):
    """A burst limit that holds every request back until it is told to let it pass."""

    def __init__(self, control: RateController) -> None:
        super().__init__(control)
        self.is_asked, self.passes = asyncio.Event(), asyncio.Event()

    def take_now(self) -> bool:
        """Let none pass at once."""
        return False

    async def take(self) -> None:
        """Wait for the word."""
        self.is_asked.set()
        await self.passes.wait()


async def test_a_connection_that_is_closed_while_its_request_waits_is_replaced() -> None:
    """By the burst limit: such a connection is idle, and no request is sent on it."""
    gate, writers = RecordingGate(1e6), list[asyncio.StreamWriter]()
    gate.burst = burst = HoldingBurst(gate.control)

    async def answer(_: int, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(ok())

    stats, tokens = RunStats(1), TokenSource(None, static_token())
    reuse = ReusePolicy(time.monotonic(), limit=100)
    async with (
        RawServer(answer) as server,
        Transport(gate, stats, concurrency=1, timeout=60.0, reuse=reuse) as transport,
    ):
        burst.passes.set()
        first = await transport.get(server.url, tokens)
        assert isinstance(first, Response)
        burst.passes.clear()
        burst.is_asked.clear()
        waiting = asyncio.ensure_future(transport.get(server.url, tokens))
        await burst.is_asked.wait()
        writers[0].close()
        # So its end is known.
        assert not await is_confirmed(first.confirmation)
        burst.passes.set()
        assert isinstance(await waiting, Response)
    assert (server.connections, stats.resent) == (2, 0)
