import asyncio
import json
import math
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import CredentialsError, ExitCode, OutageError
from collector.fetch.credentials import ClientCredentials
from collector.fetch.gate import Gate
from collector.fetch.token import Token, TokenSource
from collector.fetch.token_issuer import TokenIssuer, renew_after, token_lifetime
from collector.fetch.wire import Wire
from collector.log import EventLog
from collector.secrets import Redactor, Secret
from collector.simulator import Simulator, SimulatorSettings
from collector.tally import Tally

CLIENT = ClientCredentials(Secret("demo"), Secret("demo-secret"))
GRANTED = {"access_token": "granted-5f2e", "token_type": "Bearer", "expires_in": 7200}


class PatientGate(Gate):
    """A gate that notes for how long it would have been closed, and stays open."""

    def __init__(self) -> None:
        super().__init__(1e6)
        self.pauses: list[float] = []

    def close_for(self, seconds: float) -> None:
        """Note it."""
        self.pauses.append(seconds)


class Bench:
    """An issuer and what it is wired to."""

    def __init__(
        self, url: str, gate: Gate, *, max_attempts: int = 3, client: ClientCredentials = CLIENT
    ) -> None:
        self.redact = Redactor()
        self.redact.learn(client.client_id, client.client_secret)
        self.tally = Tally(1)
        self.lines: list[bytes] = []
        self.events = EventLog("debug", self.redact)
        self.wire = Wire(gate, self.tally, concurrency=64, timeout=0.2)
        self.issue = TokenIssuer(
            client,
            url=url,
            wire=self.wire,
            gate=gate,
            max_attempts=max_attempts,
            redact=self.redact,
            log=self.events.logger,
        )


@asynccontextmanager
async def issuer(url: str, gate: Gate | None = None, **more: Any) -> AsyncIterator[Bench]:  # noqa: ANN401 - see Bench
    """Open an issuer."""
    bench = Bench(url, gate or PatientGate(), **more)
    with bench.events.into(bench.lines.append):
        async with bench.wire:
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
    return token.headers["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize(
    ("expires_in", "created_at", "server_now", "life"),
    [
        (7200, None, None, 7140),
        (7200, 1000, 1000, 7140),
        (7200, 1000, 1000.9, 7139.1),
        (7200, 1000, 4600, 3540),
        (300, None, None, 240),
        (299, None, None, 239.2),
        (100, None, None, 80),
        (100, 1000, 1050, 40),
        (1, None, None, 0.8),
        (None, None, None, 7140),
        (0, None, None, 7140),
        (-5, None, None, 7140),
        (None, 1000, 4600, 3540),
        (7200, 1000, None, 7140),
        (7200, None, 1000, 7140),
        (7200, 1000, 500, 7140),
        (7200, 1000, 8200, 7140),
        (7200, 1000, 9e9, 7140),
        (7200, 1.59e12, 1.59e9, 7140),
        (7200, -1e300, 1e300, 7140),
    ],
)
def test_a_token_is_used_until_shortly_before_its_end(
    expires_in: float | None, created_at: float | None, server_now: float | None, life: float
) -> None:
    """A minute before, or at 80 % of a short life; clocks that cannot be right are passed over."""
    whole = token_lifetime(expires_in, created_at, server_now)
    assert renew_after(whole) == pytest.approx(life)


ANY_MOMENT = st.none() | st.floats(-1e12, 1e12)


@given(st.none() | st.floats(-10, 1e9), ANY_MOMENT, ANY_MOMENT)
def test_a_life_is_never_longer_than_promised(
    expires_in: float | None, created_at: float | None, server_now: float | None
) -> None:
    """Nor is it over before it begins, whatever the clocks say."""
    life = renew_after(token_lifetime(expires_in, created_at, server_now))
    promised = expires_in if expires_in is not None and expires_in > 0 else 7200.0
    assert 0.0 < life < promised


async def test_a_token_is_asked_for_as_documented() -> None:
    """One POST with a JSON body; the token's life begins with the answer."""
    async with (
        atenea(lambda _: answer({**GRANTED, "scope": "x"})) as (url, bodies),
        issuer(url) as bench,
    ):
        token = await bench.issue()
        left = token.renew_at - time.monotonic()
        assert 7139.0 < left <= 7140.0
        assert text_of(token) == "granted-5f2e"
        assert bench.redact("it is granted-5f2e!") == "it is [secret]!"
    assert [orjson.loads(body) for body in bodies] == [
        {"client_id": "demo", "client_secret": "demo-secret", "grant_type": "client_credentials"}
    ]


async def test_64_callers_are_one_token_request() -> None:
    """Against the embedded API, over the wire."""
    async with (
        Simulator(SimulatorSettings(port=0)) as api,
        issuer(api.token_url) as bench,
    ):
        source = TokenSource(bench.issue)
        tokens = await asyncio.gather(*(source.current() for _ in range(64)))
        assert len({text_of(token) for token in tokens}) == 1
        assert api.counts.kinds == {"token": 1}
        await asyncio.gather(*(source.renewed(tokens[0]) for _ in range(64)))
        assert api.counts.kinds == {"token": 2}
        assert bench.tally.requests == 2


@pytest.mark.parametrize(("life", "used_for"), [(100, 80.0), (1000, 940.0)])
async def test_a_token_is_renewed_before_it_ends(life: int, used_for: float) -> None:
    """By the life that the service states; a second is lost to its rounding at most."""
    async with (
        Simulator(SimulatorSettings(port=0, token_life=life)) as api,
        issuer(api.token_url) as bench,
    ):
        left = (await bench.issue()).renew_at - time.monotonic()
        assert used_for - 1.5 <= left <= used_for


async def test_a_token_that_was_issued_long_ago_is_renewed_in_time() -> None:
    """Doorkeeper can hand out an earlier token again; its age is read by the server's clock."""
    content = {**GRANTED, "created_at": 784111777 - 7000}
    date = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    async with (
        atenea(lambda _: answer(content, headers=date)) as (url, _bodies),
        issuer(url) as bench,
    ):
        left = (await bench.issue()).renew_at - time.monotonic()
        assert 159.0 < left <= 160.0


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put this machine an hour to the west of Greenwich."""
    monkeypatch.setenv("TZ", "XXX1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
async def test_a_date_in_the_oldest_form_is_gmt() -> None:
    """RFC 9110, section 5.6.7: C's asctime names no zone and means UTC, wherever we are."""
    content = {**GRANTED, "created_at": 784111777}
    date = {"Date": "Sun Nov  6 08:49:37 1994"}
    async with (
        atenea(lambda _: answer(content, headers=date)) as (url, _bodies),
        issuer(url) as bench,
    ):
        left = (await bench.issue()).renew_at - time.monotonic()
        assert 7139.0 < left <= 7140.0


@pytest.mark.parametrize(
    "date",
    [
        *("", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT", "Mon, 01 Jan 0001 00:00:00"),
        "Sun, 06 Nov 99999999999 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +99999999999999999999",
    ],
)
async def test_a_strange_date_says_nothing(date: str) -> None:
    """The token is good all the same."""
    content = {**GRANTED, "created_at": 784111777}
    async with (
        atenea(lambda _: answer(content, headers={"Date": date})) as (url, _bodies),
        issuer(url) as bench,
    ):
        left = (await bench.issue()).renew_at - time.monotonic()
        assert 7139.0 < left <= 7140.0


@pytest.mark.parametrize("more", [{}, {"expires_in": None}, {"expires_in": 0}, {"created_at": 1.5}])
async def test_a_token_may_come_with_little_else(more: dict[str, object]) -> None:
    """The documented life is assumed."""
    content = {"access_token": "granted-5f2e", **more}
    async with atenea(lambda _: answer(content)) as (url, _bodies), issuer(url) as bench:
        token = await bench.issue()
        assert text_of(token) == "granted-5f2e"
        assert token.renew_at < math.inf


async def test_a_refused_client_is_told_what_to_check() -> None:
    """Exit code 3, the service's own reason, no second request, no secret."""
    wrong = replace(CLIENT, client_secret=Secret("wrong-9c1f"))
    async with (
        Simulator(SimulatorSettings(port=0)) as api,
        issuer(api.token_url, client=wrong) as bench,
    ):
        with pytest.raises(CredentialsError, match=r"HTTP 401: invalid_client: .*") as caught:
            await bench.issue()
        assert api.counts.kinds == {"token": 1}
    text = str(caught.value)
    assert "TRUST_CLIENT_SECRET" in text
    assert "wrong-9c1f" not in text
    assert caught.value.exit_code is ExitCode.CREDENTIALS


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 302])
async def test_a_refusal_that_repeats_the_secret_does_not_show_it(status: int) -> None:
    """Redacted; an address that is wrong is named as such."""
    content = {"error": "for demo-secret", "error_description": "client demo, demo-secret: no"}
    async with atenea(lambda _: answer(content, status)) as (url, bodies), issuer(url) as bench:
        with pytest.raises(CredentialsError) as caught:
            await bench.issue()
        assert len(bodies) == 1
    text = str(caught.value)
    assert "demo" not in text
    assert "for [secret]: client [secret], [secret]: no" in text
    assert ("TRUST_CLIENT_ID" if status in {400, 401} else "--token-url") in text
    assert url in text


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b'{"error":5}', b'{"error":"\\ud800"}', b"\xff", b"[" * 9999]
)
async def test_a_refusal_without_a_reason_is_still_one(content: bytes) -> None:
    """Whatever the body is."""
    async with atenea(lambda _: answer(content, 401)) as (url, _bodies), issuer(url) as bench:
        with pytest.raises(CredentialsError, match="HTTP 401: no reason given"):
            await bench.issue()


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 5},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "a\x00"},
        {"access_token": "ñ"},
        {"token": "granted-5f2e"},
        b'{"access_token":"\\ud800"}',
    ],
)
async def test_a_200_without_a_usable_token_says_so(content: object) -> None:
    """Nothing of it is shown, and nothing is sent with it."""
    async with atenea(lambda _: answer(content)) as (url, _bodies), issuer(url) as bench:
        with pytest.raises(CredentialsError, match="without a usable access_token") as caught:
            await bench.issue()
    assert str(caught.value).isprintable()
    assert "granted" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"<html>maintenance</html>", b'{"access_token":"granted', b"\xff", b"[" * 9999),
        b'{"access_token":"granted-5f2e","x":"' + b"x" * 1_100_000 + b'"}',
    ],
    ids=["empty", "page", "cut", "not text", "deep", "too large"],
)
async def test_a_200_that_is_not_json_stops_in_good_order(content: bytes) -> None:
    """No crash and no token; one of the errors that the command line knows."""
    async with (
        atenea(lambda _: answer(content)) as (url, _bodies),
        issuer(url, max_attempts=2) as bench,
    ):
        with pytest.raises((CredentialsError, OutageError)):
            await bench.issue()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("max_attempts", [1, 3])
async def test_a_passing_trouble_is_waited_out(status: int, max_attempts: int) -> None:
    """As often as `max_attempts` says, with growing pauses for everyone; then exit code 4."""
    gate = PatientGate()
    async with (
        atenea(lambda _: answer(b"demo-secret", status)) as (url, bodies),
        issuer(url, gate, max_attempts=max_attempts) as bench,
    ):
        with pytest.raises(OutageError) as caught:
            await bench.issue()
        assert len(bodies) == max_attempts
    assert caught.value.exit_code is ExitCode.STOPPED_EARLY
    assert len(gate.pauses) == max_attempts - 1
    for tries, pause in enumerate(gate.pauses):
        assert 0.0 <= pause <= 0.5 * 2**tries
    text = str(caught.value)
    assert f"after {max_attempts} tries: HTTP status {status}" in text
    assert url in text
    events = [orjson.loads(line) for line in bench.lines]
    assert [event["attempt"] for event in events] == list(range(1, max_attempts + 1))


async def test_the_message_of_an_outage_reads_well() -> None:
    """One blank between words."""
    async with (
        atenea(lambda _: answer(b"", 500)) as (url, _bodies),
        issuer(url, max_attempts=1) as bench,
    ):
        with pytest.raises(OutageError) as caught:
            await bench.issue()
    assert "  " not in str(caught.value)


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
    events = [orjson.loads(line)["event"] for line in bench.lines]
    assert events == ["token_not_issued", "token_not_issued", "token_issued"]
    assert not any(b"granted" in line or b"demo" in line for line in bench.lines)


async def test_a_silent_service_is_an_outage() -> None:
    """Each try has the time limit of a request."""
    async with atenea(lambda _: None) as (url, bodies), issuer(url, max_attempts=2) as bench:
        with pytest.raises(OutageError, match=r"after 2 tries: no whole answer within 0\.2"):
            await bench.issue()
        assert len(bodies) == 2


async def test_a_service_that_is_not_there_is_an_outage() -> None:
    """A refused connection is tried again like any other trouble."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with issuer(f"http://127.0.0.1:{nobody.getsockname()[1]}/") as bench:
            with pytest.raises(OutageError, match="after 3 tries: ClientConnectorError"):
                await bench.issue()
            assert bench.tally.requests == 3


async def test_a_pause_is_as_long_as_the_service_asks_for() -> None:
    """Retry-After is a floor for the pause of everyone."""
    gate = PatientGate()
    async with (
        atenea(lambda _: answer(b"", 503, {"Retry-After": "7"})) as (url, _bodies),
        issuer(url, gate) as bench,
    ):
        with pytest.raises(OutageError):
            await bench.issue()
    assert gate.pauses == [7.0, 7.0]


async def test_the_gate_really_stays_closed_meanwhile() -> None:
    """With a real gate: the second try leaves a second later, as it was asked to."""
    gate = Gate(1e6)
    arrivals = list[float]()

    def respond(number: int) -> web.Response:
        arrivals.append(time.monotonic())
        assert gate.closed_for == 0.0
        return answer(GRANTED) if number == 2 else answer(b"", 503, {"Retry-After": "1"})

    async with atenea(respond) as (url, _bodies), issuer(url, gate) as bench:
        await bench.issue()
    assert 0.999 <= arrivals[1] - arrivals[0] < 5.0
