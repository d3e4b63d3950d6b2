import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aioresponses import aioresponses
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import CredentialsError, ExitCode, OutageError
from collector.fetch.address import Addresses
from collector.fetch.client import StatisticsClient, excerpt
from collector.fetch.credentials import ClientCredentials
from collector.fetch.gate import Gate
from collector.fetch.retry import is_refusal
from collector.fetch.token import Token, TokenSource
from collector.fetch.token_issuer import TokenIssuer
from collector.fetch.wire import Wire
from collector.log import EventLog
from collector.models import SERVER_DEFAULT, Answer, Cell, Failure, FailureKind
from collector.secrets import Redactor, Secret
from collector.simulator import Simulator, SimulatorSettings
from collector.store.lines import error_line
from collector.tally import Tally

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
    """A client and what it is wired to; by default with a token that is used as it is."""

    def __init__(
        self, base_url: str, tokens: TokenSource | None = None, gate: Gate | None = None
    ) -> None:
        self.gate = gate or Gate(1e6)
        self.tally = Tally(1)
        self.redact = Redactor()
        self.redact.learn(Secret(SECRET))
        self.tokens = tokens or TokenSource(None, Token.of(Secret(SECRET)))
        self.wire = Wire(self.gate, self.tally, concurrency=64, timeout=10.0)
        self.client = StatisticsClient(
            wire=self.wire,
            gate=self.gate,
            tokens=self.tokens,
            tally=self.tally,
            redact=self.redact,
            address_of=Addresses(base_url, from_param="from_date", until_param="until_date"),
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
        # Whatever it is, it can be written down, and gives nothing away.
        line = error_line(cell, outcome, outcome.requests)
        assert SECRET.encode() not in line
        assert outcome.body is None or len(outcome.body.encode()) <= 2048
        assert outcome.failed_at.tzinfo is UTC
        return outcome


@asynccontextmanager
async def bench_for(
    respond: Respond, tokens: TokenSource | None = None, gate: Gate | None = None
) -> AsyncIterator[Bench]:
    """Open a client of an API that answers as a test likes."""
    async with api(respond) as base_url:
        bench = Bench(base_url, tokens, gate)
        async with bench.wire:
            yield bench


@asynccontextmanager
async def simulated() -> AsyncIterator[tuple[Simulator, Bench]]:
    """Open the embedded API and a client that gets its tokens there."""
    async with Simulator(
        SimulatorSettings(port=0, empty_share=0.5), record_requests=True
    ) as server:
        issuers = list[TokenIssuer]()

        async def issue() -> Token:
            return await issuers[0]()

        bench = Bench(server.base_url, TokenSource(issue))
        issuers.append(
            TokenIssuer(
                ClientCredentials(Secret("demo"), Secret("demo-secret")),
                url=server.token_url,
                wire=bench.wire,
                gate=bench.gate,
                max_attempts=1,
                redact=bench.redact,
                log=EventLog("error", bench.redact).logger,
            )
        )
        async with bench.wire:
            yield server, bench


async def test_a_cell_becomes_an_answer() -> None:
    """With the data verbatim, one request, and the time of the answer."""
    body = b'{"message":"Ok","code":200,"data": {"total":6,"sended":1,"pending":2,"fails":3,'
    body += b'"actions":{"NEW":1},"campaign":1,"x":1.50} }'
    async with bench_for(lambda _: answer(body)) as bench:
        before = datetime.now(UTC)
        got = await bench.answer()
        assert before <= got.fetched_at <= datetime.now(UTC) + timedelta(seconds=1)
        assert got.statistics == body[body.index(b'{"total"') : -2]
        assert (got.is_empty, got.requests) == (False, 1)
        assert bench.tally.refused == 0


async def test_answers_of_the_embedded_api() -> None:
    """Some are empty, some are not, one token serves all."""
    async with simulated() as (server, bench):
        answers = [await bench.answer(Cell(str(number), SERVER_DEFAULT)) for number in range(20)]
        assert {got.is_empty for got in answers} == {True, False}
        assert server.counts.kinds == {"token": 1, "statistics": 20}


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
        assert bench.tally.requests == server.counts.total


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
        assert not is_refusal(failure)
        await bench.answer()


async def test_a_fresh_token_that_nobody_ever_accepted_stops_the_run() -> None:
    """After two requests with two tokens, and no more."""
    issuer = Numbered()
    async with bench_for(stranger_is_refused, TokenSource(issuer)) as bench:
        with pytest.raises(CredentialsError, match="refuses tokens that have just been issued"):
            await bench.client.fetch(STRANGER)
        assert (issuer.issued, bench.tally.requests) == (2, 2)


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
        assert bench.tally.requests == 1
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
        assert failure.requests == bench.tally.requests == count == 3


class PatientGate(Gate):
    """A gate that notes for how long it would have been closed, and stays open."""

    def __init__(self) -> None:
        super().__init__(1e6)
        self.pauses: list[float] = []

    def close_for(self, seconds: float) -> None:
        """Note it."""
        self.pauses.append(seconds)


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (429, {}, 0.5),
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "soon"}, 0.5),
        (503, {"Retry-After": "7"}, 7.0),
        (503, {"Retry-After": "0"}, 0.5),
        (503, {}, None),
        (500, {}, None),
        (404, {"Retry-After": "7"}, None),
    ],
)
async def test_a_refusal_closes_the_gate_for_everyone(
    status: int, headers: dict[str, str], pause: float | None
) -> None:
    """429, and 503 that says when to come back; any other failure is the cell's alone."""
    gate = PatientGate()
    async with bench_for(lambda _: answer(b"", status, headers), gate=gate) as bench:
        failure = await bench.failure()
        assert gate.pauses == ([] if pause is None else [pytest.approx(pause, abs=0.1)])
        assert is_refusal(failure) is (pause is not None)
        assert bench.tally.refused == (pause is not None)
        assert (failure.status, failure.kind) == (status, FailureKind.HTTP)


async def test_a_refusal_is_one_however_much_it_says() -> None:
    """A 429 whose body goes on beyond the limit slows everyone down like any other."""
    gate = PatientGate()
    async with bench_for(lambda _: answer(b"x" * 2_000_000, 429), gate=gate) as bench:
        failure = await bench.failure()
        assert is_refusal(failure)
        assert len(gate.pauses) == 1


async def test_others_wait_until_the_gate_opens_again() -> None:
    """In real time: after a refusal nothing reaches the server for half a second."""
    arrivals = list[float]()

    def respond(_: web.BaseRequest) -> web.Response:
        arrivals.append(time.monotonic())
        return answer(status=429 if len(arrivals) == 1 else 200)

    async with bench_for(respond) as bench:
        await bench.failure()
        await asyncio.gather(*(bench.answer() for _ in range(5)))
    assert len(arrivals) == 6
    # The client's pause begins with the end of the answer, which is after the arrival.
    assert arrivals[1] - arrivals[0] >= 0.499


async def test_a_refusal_says_nothing_about_the_token() -> None:
    """The limit is often checked first: a 401 after it is as bad as one at the start."""

    def respond(request: web.BaseRequest) -> web.Response:
        return answer(status=401 if "/stranger" in request.path else 429)

    async with bench_for(respond, gate=PatientGate()) as bench:
        await bench.failure()
        with pytest.raises(CredentialsError):
            await bench.client.fetch(STRANGER)


async def test_nothing_but_refusals_for_long_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 4. Half an hour is made very short here; see the tests of `Refusals`."""
    monkeypatch.setattr("collector.fetch.refusals._PATIENCE", -1.0)
    async with bench_for(lambda _: answer(b"", 429), gate=PatientGate()) as bench:
        await bench.failure()
        with pytest.raises(OutageError, match=r"HTTP 429.*--rate") as caught:
            await bench.client.fetch(CELL)
    assert caught.value.exit_code is ExitCode.STOPPED_EARLY


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            404,
            b'{"code":404,"message":"Not Found","errors":"why"}',
            "http",
            "HTTP 404: Not Found: why",
        ),
        (500, b"<html>", "http", "HTTP 500"),
        (204, b"", "http", "HTTP 204"),
        (302, b"", "redirect", "HTTP 302: a redirect, which is not followed"),
        (200, b"", "not_json", "the answer is not JSON"),
        (200, b"<html>maintenance</html>", "not_json", "the answer is not JSON"),
        (200, GOOD[:-3], "not_json", "the answer is not JSON"),
        (200, b'{"code":200}', "schema", "not the documented answer"),
        (200, GOOD.replace(b"6", b"6.0"), "schema", "not the documented answer"),
        (200, GOOD + b" " * 2_000_000, "too_large", "the answer is larger than 1 MiB"),
    ],
)
async def test_a_failure_says_what_came(status: int, body: bytes, kind: str, said: str) -> None:
    """Kind, HTTP status, message and the beginning of the body."""
    async with bench_for(lambda _: answer(body, status)) as bench:
        failure = await bench.failure()
    assert (failure.kind, failure.status, failure.requests) == (kind, status, 1)
    assert failure.message.startswith(said)
    assert failure.body == body[:2048].decode()


@pytest.mark.parametrize("code", [404, 500, 0, -1, 2**63, 10**30])
async def test_another_code_in_a_200_is_the_status(code: int) -> None:
    """It decides whether there is another try; any number, however odd, can be written down."""
    body = json.dumps({"code": code, "message": "no"}).encode()
    async with bench_for(lambda _: answer(body)) as bench:
        failure = await bench.failure()
    assert failure.kind is FailureKind.API_CODE
    assert abs(code) > 2**53 or failure.status == code


async def test_a_request_without_an_answer_is_a_failure_without_a_body() -> None:
    """A decision of the client alone: what the connection says, redacted, and nothing else."""
    bench = Bench("http://127.0.0.1:1")
    async with bench.wire:
        with aioresponses() as wire:
            wire.get(
                "http://127.0.0.1:1/campaigns/api/v1/company/7/statistics",
                exception=OSError(f"no way for {SECRET}"),
            )
            failure = await bench.failure()
    assert (failure.kind, failure.status, failure.body) == (FailureKind.CONNECTION, None, None)
    assert failure.message == "OSError: no way for [secret]"
    assert failure.retry_after is None


async def test_what_the_server_repeats_of_a_secret_is_masked() -> None:
    """In the message as in the body."""
    body = json.dumps({"code": 403, "message": f"{SECRET}?", "errors": f"Bearer {SECRET}"}).encode()
    async with bench_for(lambda _: answer(body, 403)) as bench:
        failure = await bench.failure()
    assert failure.message == "HTTP 403: [secret]?: Bearer [secret]"
    assert failure.body is not None
    assert failure.body.count("[secret]") == 2


@pytest.mark.parametrize("status", [200, 500])
async def test_a_long_reason_does_not_fill_the_disk(status: int) -> None:
    """The message is made of the body, so it has a limit like the excerpt."""
    body = json.dumps({"code": 500, "message": "m" * 300_000, "errors": "é" * 100_000}).encode()
    async with bench_for(lambda _: answer(body, status)) as bench:
        failure = await bench.failure()
    assert "mmm" in failure.message
    assert len(error_line(CELL, failure, 1)) < 8192


def redactor() -> Redactor:
    """Know the secret of these tests."""
    redact = Redactor()
    redact.learn(Secret(SECRET))
    return redact


@given(st.integers(2048 - 40, 2048 + 10), st.sampled_from(["x", "é", "東", "😀"]))
def test_an_excerpt_cuts_no_secret_in_half(length: int, letter: str) -> None:
    """However it lies across the end: not even four characters of it remain."""
    padding = (letter * 2100).encode()[:length].decode(errors="ignore")
    shown = excerpt((padding + SECRET + "y" * 100).encode(), redactor())
    assert SECRET[:4] not in shown
    assert len(shown.encode()) <= 2048
    assert shown.startswith(padding[:500])


@given(st.binary(max_size=100), st.integers(1, 60))
def test_an_excerpt_is_text_of_two_kibibytes_at_most(piece: bytes, times: int) -> None:
    """Bytes that are no text are replaced, and no character is cut in half."""
    shown = excerpt(piece * times, redactor())
    assert len(shown.encode()) <= 2048
    assert (piece * times).decode(errors="replace").startswith(shown)


def test_a_short_body_is_shown_as_a_whole() -> None:
    """To the last byte, up to the limit."""
    assert excerpt(b"", redactor()) == ""
    assert excerpt(b"x" * 2048, redactor()) == "x" * 2048
    assert excerpt(b"x" * 2049, redactor()) == "x" * 2048
    assert excerpt("é".encode() * 1025, redactor()) == "é" * 1024
