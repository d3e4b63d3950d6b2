import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest
from aiohttp import ClientRequest, web
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.outcome import Answer, Failure, FailureKind
from collector.core.secrets import Redactor, Secret
from collector.http.client import Addresses, StatisticsClient, excerpt
from collector.http.gate import Gate
from collector.http.token import Token, TokenSource
from collector.http.transport import Transport
from collector.pace import RateController
from collector.plan.date_params import DateQuery
from collector.simulator import Simulator, SimulatorSettings
from collector.store.lines import error_line
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


class Bench:
    """A client and its collaborators, with a token that is used as is."""

    def __init__(self, base_url: str, token: str = SECRET) -> None:
        self.gate = Gate(RateController(1e6, companies=3, probe_seconds=60.0))
        self.stats = RunStats(1)
        self.redact = Redactor()
        self.redact.learn(Secret(SECRET))
        self.tokens = TokenSource(None, Token.of(Secret(token)))
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
        # Whatever it is, it can be written down, and gives nothing away.
        line = error_line(cell, outcome, outcome.requests)
        assert SECRET.encode() not in line
        assert outcome.body is None or len(outcome.body.encode()) <= 2048
        assert outcome.failed_at.tzinfo is UTC
        return outcome


@asynccontextmanager
async def bench_for(respond: Respond) -> AsyncIterator[Bench]:
    """Open a client of an API that answers as a test likes."""
    async with api(respond) as base_url:
        bench = Bench(base_url)
        async with bench.transport:
            yield bench


async def test_a_cell_becomes_an_answer() -> None:
    """With the data verbatim, one request, and the time of the answer."""
    body = b'{"message":"Ok","code":200,"data": {"total":6,"sended":1,"pending":2,"fails":3,'
    body += b'"actions":{"NEW":1},"campaign":1,"x":1.50} }'
    async with bench_for(lambda _: answer(body)) as bench:
        before = datetime.now(UTC)
        got = await bench.answer()
        assert before <= got.fetched_at <= datetime.now(UTC) + timedelta(seconds=1)
        assert got.statistics == body[body.index(b'{"total"') : -2]
        assert (got.counters.is_empty, got.requests) == (False, 1)
        assert bench.stats.refused == 0


async def test_answers_of_the_embedded_api() -> None:
    """Some are empty, some are not."""
    settings = SimulatorSettings(port=0, empty_share=0.5)
    async with Simulator(settings) as server:
        bench = Bench(server.base_url, server.issue_token())
        async with bench.transport:
            cells = [Cell(str(number), SERVER_DEFAULT) for number in range(20)]
            answers = [await bench.answer(cell) for cell in cells]
        assert {got.counters.is_empty for got in answers} == {True, False}
        assert server.counts.kinds == {"statistics": 20}


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


async def test_a_request_without_an_answer_is_a_failure_without_a_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A decision of the client alone: the cause in our own words, and nothing else."""

    async def no_way(*_: object) -> NoReturn:
        raise OSError(f"no way for {SECRET}")

    monkeypatch.setattr(ClientRequest, "send", no_way)
    bench = Bench("http://127.0.0.1:1")
    async with bench.transport:
        failure = await bench.failure()
    assert (failure.kind, failure.status, failure.body) == (FailureKind.CONNECTION, None, None)
    assert failure.message == "connection failed"


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
