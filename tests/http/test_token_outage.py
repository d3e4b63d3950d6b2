import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from math import inf
from typing import Any

import orjson
import pytest
from aiohttp import web

from collector.core.errors import ExitCode, OutageError, StoppedError
from collector.core.secrets import Redactor, Secret
from collector.http.credentials import ClientCredentials
from collector.http.gate import Gate
from collector.http.silence import Service, Silence
from collector.http.token import Token
from collector.http.token_issuer import TokenIssuer
from collector.http.transport import Transport
from collector.pace import RateController
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats

CLIENT = ClientCredentials(Secret("demo"), Secret("demo-secret"))
GRANTED = {"access_token": "granted-5f2e", "token_type": "Bearer", "expires_in": 7200}


class Clock:
    """Seconds that stand still until they are told to move."""

    now = 1000.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.now


class PatientGate(Gate):
    """A gate at which a sleep takes no time: it is noted, and the clock put forward."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(RateController(1e6, companies=1, probe_seconds=60.0))
        self.clock = clock
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Note it."""
        self.pauses.append(seconds)
        self.clock.now += seconds


class Bench:
    """An issuer and its collaborators."""

    def __init__(
        self, url: str, gate: Gate | None, *, first: float = 60.0, patience: float = 600.0
    ) -> None:
        self.clock = Clock()
        self.patient = PatientGate(self.clock)
        gate = gate or self.patient
        redact = Redactor()
        redact.learn(CLIENT.client_id, CLIENT.client_secret)
        self.stats = RunStats(1)
        self.lines: list[bytes] = []
        self.has_logged = asyncio.Event()
        self.log = EventLog("debug", redact)
        self.transport = Transport(gate, self.stats, concurrency=64, timeout=0.2)
        self.issue = TokenIssuer(
            CLIENT,
            url=url,
            transport=self.transport,
            gate=gate,
            silence=Silence(Service(url, "--token-url", "access token"), first),
            patience=patience,
            redact=redact,
            log=self.log.logger,
            clock=self.clock,
        )

    def write(self, line: bytes) -> None:
        """Take a line of the log."""
        self.lines.append(line)
        self.has_logged.set()

    @property
    def pauses(self) -> list[float]:
        """The sleeps so far."""
        return self.patient.pauses

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [orjson.loads(line) for line in self.lines]


@asynccontextmanager
async def issuer(url: str, gate: Gate | None = None, **more: Any) -> AsyncIterator[Bench]:  # noqa: ANN401 - see Bench
    """Open an issuer."""
    bench = Bench(url, gate, **more)
    with bench.log.into(bench.write):
        async with bench.transport:
            yield bench


Respond = Callable[[int], web.Response | None]
"""Gets the number of the request (from 1); None means no answer at all."""


@asynccontextmanager
async def atenea(respond: Respond) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve answers of a test's own choice; gives the address and the bodies that came."""
    bodies = list[bytes]()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        bodies.append(await request.read())
        response = respond(len(bodies))
        if response is None:
            await asyncio.get_running_loop().create_future()
            raise AssertionError
        return response

    runner = web.ServerRunner(
        web.Server(handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/oauth/token/", bodies
    finally:
        await runner.cleanup()


def answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Make an answer: bytes as they are, everything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return web.Response(status=status, body=body, headers=headers)


def text_of(token: Token) -> str:
    """Return the secret of a token."""
    return token.authorization.removeprefix("Bearer ")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("first", [60.0, 5.0])
async def test_the_first_token_is_waited_for_less_long(status: int, first: float) -> None:
    """A minute as a rule, for the address may be wrong; then exit code 4, and the last cause."""
    async with (
        atenea(lambda _: answer(b"demo-secret", status)) as (url, bodies),
        issuer(url, first=first, patience=3600.0) as bench,
    ):
        with pytest.raises(OutageError) as caught:
            await bench.issue()
        assert len(bodies) == len(bench.pauses) + 1
    assert caught.value.exit_code is ExitCode.STOPPED_EARLY
    assert sum(bench.pauses) == pytest.approx(first)
    *pauses, _last = bench.pauses
    for tries, pause in enumerate(pauses):
        bound = min(30.0, 0.5 * 2**tries)
        assert bound / 2 < pause <= bound
    text = str(caught.value)
    assert text == f"no access token from {url} for {first:.0f} s; last error: HTTP {status}"
    assert [event["attempt"] for event in bench.events] == list(range(1, len(bodies) + 1))


async def test_the_first_good_answer_ends_the_wait() -> None:
    """A service that comes back is used at once; the log has both, and no secret."""
    async with (
        atenea(lambda number: answer(GRANTED) if number == 3 else answer(b"", 503)) as (
            url,
            bodies,
        ),
        issuer(url) as bench,
    ):
        assert text_of(await bench.issue()) == "granted-5f2e"
        assert len(bodies) == 3
    events = [event["event"] for event in bench.events]
    assert events == ["token_not_issued", "token_not_issued", "token_issued"]
    assert not any(b"granted" in line or b"demo" in line for line in bench.lines)


async def test_after_the_first_token_patience_counts() -> None:
    """Far more tries than before it, with growing pauses, for as long as an outage may last."""
    async with (
        atenea(lambda number: answer(GRANTED) if number == 1 else answer(b"", 503)) as (
            url,
            bodies,
        ),
        issuer(url, patience=600.0) as bench,
    ):
        await bench.issue()
        with pytest.raises(OutageError, match=r"for 10 min; last error: HTTP 503$"):
            await bench.issue()
        assert len(bodies) == len(bench.pauses) + 2
        *pauses, last = bench.pauses
        for tries, pause in enumerate(pauses):
            bound = min(30.0, 0.5 * 2**tries)
            assert bound / 2 < pause <= bound
        # The last try comes just when patience ends, and no sooner.
        assert 0.0 < last <= 30.0
        assert sum(bench.pauses) == pytest.approx(600.0)
        # It has been unavailable for too long already: the next request fails after one try.
        before = len(bodies)
        with pytest.raises(OutageError, match=r"last error: HTTP 503$"):
            await bench.issue()
        assert len(bodies) == before + 1


async def test_a_token_ends_the_count_of_patience() -> None:
    """Two outages of 500 seconds are not one of 1000."""
    is_up = {1, 60, 119}

    def respond(number: int) -> web.Response:
        return answer(GRANTED) if number in is_up else answer(b"", 503, {"Retry-After": "30"})

    async with atenea(respond) as (url, bodies), issuer(url, patience=1800.0) as bench:
        for _ in range(3):
            await bench.issue()
        assert len(bodies) == 119
        assert sum(bench.pauses) == pytest.approx(2 * 58 * 30.0)


@pytest.mark.parametrize(
    ("value", "pause"),
    [("7", 7.0), ("1.5", 1.5), ("86400", 30.0), ("soon", None), ("0", None), ("-1", None)],
)
async def test_a_pause_is_as_long_as_the_service_asks_for(value: str, pause: float | None) -> None:
    """Retry-After is a floor, 30 s at most before the first token; nonsense is passed over."""
    async with (
        atenea(lambda _: answer(b"", 503, {"Retry-After": value})) as (url, _bodies),
        issuer(url, first=30.0) as bench,
    ):
        with pytest.raises(OutageError):
            await bench.issue()
    if pause is None:
        assert 0.25 < bench.pauses[0] <= 0.5
    else:
        assert bench.pauses[0] == pause


async def test_a_pause_by_date_goes_by_the_clock_of_the_service() -> None:
    """Ours may be wrong."""
    headers = {
        "Retry-After": "Sun, 06 Nov 1994 08:49:57 GMT",
        "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
    }
    async with (
        atenea(lambda _: answer(b"", 503, headers)) as (url, _bodies),
        issuer(url, first=30.0) as bench,
    ):
        with pytest.raises(OutageError):
            await bench.issue()
    assert bench.pauses[0] == 20.0


async def test_a_pause_beyond_all_patience_is_not_begun() -> None:
    """Who is told to come back in an hour, and may wait ten minutes, need not wait at all."""
    long = {"Retry-After": "3600"}
    async with (
        atenea(lambda number: answer(GRANTED) if number == 1 else answer(b"", 503, long)) as (
            url,
            bodies,
        ),
        issuer(url, patience=600.0) as bench,
    ):
        await bench.issue()
        with pytest.raises(OutageError):
            await bench.issue()
        assert (len(bodies), bench.pauses) == (2, [])


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"<html>maintenance</html>", b'{"access_token":"granted', b"\xff"),
        b'{"access_token":"\\ud800"}',
        b'{"access_token":"granted-5f2e","x":"' + b"x" * 1_100_000 + b'"}',
    ],
    ids=["empty", "page", "cut", "not text", "half a character", "too large"],
)
async def test_a_200_that_is_no_json_is_an_outage(content: bytes) -> None:
    """A page about maintenance passes: it is waited out like a 503."""
    async with (
        atenea(lambda number: answer(GRANTED) if number == 3 else answer(content)) as (url, _),
        issuer(url) as bench,
    ):
        assert text_of(await bench.issue()) == "granted-5f2e"
    assert len(bench.pauses) == 2
    assert bench.events[0]["problem"].startswith("the answer is not JSON")


async def test_a_silent_service_is_an_outage() -> None:
    """Each try has the time limit of a request."""
    async with atenea(lambda _: None) as (url, bodies), issuer(url, first=30.0) as bench:
        with pytest.raises(OutageError, match=r"last error: no whole answer within 0\.2"):
            await bench.issue()
        assert len(bodies) == len(bench.pauses) + 1


async def test_a_service_that_is_not_there_is_an_outage() -> None:
    """A refused connection is tried again like any other trouble."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with issuer(f"http://127.0.0.1:{unused.getsockname()[1]}/") as bench:
            with pytest.raises(OutageError, match=r"for 60 s; last error: connection refused$"):
                await bench.issue()
            assert bench.stats.requests == len(bench.pauses) + 1


def real_gate() -> Gate:
    """Make a gate at which a rest takes its time."""
    return Gate(RateController(1e6, companies=1, probe_seconds=60.0))


async def test_only_the_issuer_is_left_alone() -> None:
    """With a real gate: the second try comes when it was asked to, and others pass meanwhile.

    The issuer is a service of its own: its 429 says nothing about the rate.
    """
    gate, arrivals = real_gate(), list[float]()
    was_asked = asyncio.Event()

    def respond(number: int) -> web.Response:
        arrivals.append(time.monotonic())
        was_asked.set()
        return answer(GRANTED) if number == 2 else answer(b"", 429, {"Retry-After": "0.6"})

    async with atenea(respond) as (url, _bodies), issuer(url, gate) as bench:
        asking = asyncio.create_task(bench.issue())
        await was_asked.wait()
        for _ in range(20):
            await gate.acquire()
        assert not asking.done()
        await asking
    assert 0.599 <= arrivals[1] - arrivals[0] < 5.0
    assert gate.control.open_cause is None


async def test_a_token_is_requested_while_the_circuit_is_open() -> None:
    """All others wait for it, so it does not wait for them; the probe comes after it."""
    gate = real_gate()
    gate.refused(await gate.acquire(), pause=3600.0)
    async with atenea(lambda _: answer(GRANTED)) as (url, _bodies), issuer(url, gate) as bench:
        async with asyncio.timeout(5):
            await bench.issue()


@pytest.mark.parametrize("patience", [600.0, inf])
async def test_a_run_that_is_stopped_waits_no_longer(patience: float) -> None:
    """During the wait, and then at the gate: `StoppedError`, and nothing more is sent."""
    gate = real_gate()

    def respond(_: int) -> web.Response:
        return answer(b"", 503, {"Retry-After": "300"})

    async with (
        atenea(respond) as (url, bodies),
        issuer(url, gate, patience=patience) as bench,
    ):
        asking = asyncio.create_task(bench.issue())
        await bench.has_logged.wait()
        gate.close()
        async with asyncio.timeout(1):
            with pytest.raises(StoppedError):
                await asking
            with pytest.raises(StoppedError):
                await bench.issue()
        assert len(bodies) == 1
