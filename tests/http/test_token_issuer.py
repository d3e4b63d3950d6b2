import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import orjson
import pytest
from aiohttp import web

from collector.core.errors import CredentialsError, ExitCode
from collector.core.secrets import Redactor, Secret
from collector.http.credentials import ClientCredentials
from collector.http.gate import Gate
from collector.http.silence import Service, Silence
from collector.http.token import Token, TokenSource
from collector.http.token_issuer import TokenIssuer
from collector.http.transport import Transport
from collector.pace import RateController
from collector.simulator import Simulator, SimulatorSettings
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats

CLIENT = ClientCredentials(Secret("demo"), Secret("demo-secret"))
GRANTED = {"access_token": "granted-5f2e", "token_type": "Bearer", "expires_in": 7200}


class Bench:
    """An issuer and its collaborators."""

    def __init__(self, url: str, client: ClientCredentials = CLIENT) -> None:
        gate = Gate(RateController(1e6, companies=1, probe_seconds=60.0))
        self.redact = Redactor()
        self.redact.learn(client.client_id, client.client_secret)
        self.stats = RunStats(1)
        self.transport = Transport(gate, self.stats, concurrency=64, timeout=10.0)
        self.issue = TokenIssuer(
            client,
            url=url,
            transport=self.transport,
            gate=gate,
            silence=Silence(Service(url, "--token-url"), 60.0),
            redact=self.redact,
            log=EventLog("error", self.redact).logger,
        )


@asynccontextmanager
async def issuer(url: str, client: ClientCredentials = CLIENT) -> AsyncIterator[Bench]:
    """Open an issuer."""
    bench = Bench(url, client)
    async with bench.transport:
        yield bench


@asynccontextmanager
async def atenea(respond: Callable[[], web.Response]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve answers of a test's own choice; gives the address and the bodies that came."""
    bodies = list[bytes]()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        bodies.append(await request.read())
        return respond()

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
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


async def test_a_token_is_asked_for_as_documented() -> None:
    """One POST with a JSON body; the token's life begins with the answer."""
    async with (
        atenea(lambda: answer({**GRANTED, "scope": "x"})) as (url, bodies),
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
    """Against the embedded API, over HTTP."""
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
        assert bench.stats.requests == 2


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
        atenea(lambda: answer(content, headers=date)) as (url, _bodies),
        issuer(url) as bench,
    ):
        left = (await bench.issue()).renew_at - time.monotonic()
        assert 159.0 < left <= 160.0


@pytest.mark.parametrize("skew", [-86400.0, -7300.0, 60.0, 86400.0])
async def test_a_clock_that_is_wrong_costs_no_life(skew: float) -> None:
    """`created_at` and `Date` of one service that disagree by more than a life, or the other way.

    And our own clock does not matter at all: it is not asked for the time of day.
    """
    async with (
        Simulator(SimulatorSettings(port=0), clock=lambda: time.time() + skew) as api,
        issuer(api.token_url) as bench,
    ):
        left = (await bench.issue()).renew_at - time.monotonic()
        assert 7138.0 < left <= 7140.0


@pytest.mark.parametrize(
    ("expires_in", "life"), [("7200", 7200.0), ("300.5", 300.5), ("nan", 7200.0)]
)
async def test_a_life_may_be_written_as_a_string(expires_in: str, life: float) -> None:
    """Some services quote numbers."""
    content = {**GRANTED, "expires_in": expires_in, "created_at": "784111777"}
    headers = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    async with (
        atenea(lambda: answer(content, headers=headers)) as (url, _bodies),
        issuer(url) as bench,
    ):
        token = await bench.issue()
        assert token.ends_at - time.monotonic() == pytest.approx(life - 1.0, abs=1.0)
        assert token.renew_at == pytest.approx(token.ends_at - 59.0)


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
        atenea(lambda: answer(content, headers=date)) as (url, _bodies),
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
        atenea(lambda: answer(content, headers={"Date": date})) as (url, _bodies),
        issuer(url) as bench,
    ):
        left = (await bench.issue()).renew_at - time.monotonic()
        assert 7139.0 < left <= 7140.0


@pytest.mark.parametrize("more", [{}, {"expires_in": None}, {"expires_in": 0}, {"created_at": 1.5}])
async def test_a_token_may_come_with_little_else(more: dict[str, object]) -> None:
    """The documented life is assumed."""
    content = {"access_token": "granted-5f2e", **more}
    async with atenea(lambda: answer(content)) as (url, _bodies), issuer(url) as bench:
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
    async with atenea(lambda: answer(content, status)) as (url, bodies), issuer(url) as bench:
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
    async with atenea(lambda: answer(content, 401)) as (url, _bodies), issuer(url) as bench:
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
        b"[" * 9999,
    ],
)
async def test_a_200_without_a_usable_token_says_so(content: object) -> None:
    """Nothing of it is shown, and nothing is sent with it."""
    async with atenea(lambda: answer(content)) as (url, _bodies), issuer(url) as bench:
        with pytest.raises(CredentialsError, match="without a usable access_token") as caught:
            await bench.issue()
    assert str(caught.value).isprintable()
    assert "granted" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "content"),
    [(401, {"error": "invalid_client"}), (403, b""), (200, {}), (200, {"access_token": ""})],
)
async def test_a_refusal_in_mid_run_is_not_waited_out(status: int, content: object) -> None:
    """Exit code 3 at the first one, however much patience is left."""
    answers = iter([answer(GRANTED), answer(content, status)])
    async with atenea(lambda: next(answers)) as (url, bodies), issuer(url) as bench:
        await bench.issue()
        with pytest.raises(CredentialsError):
            await bench.issue()
        assert len(bodies) == 2
