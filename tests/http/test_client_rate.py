import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from math import inf
from typing import Any

import orjson
import pytest
from aiohttp import web

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.errors import ExitCode, OutageError
from collector.core.outcome import Answer, Blame, Failure, Outcome
from collector.core.secrets import Redactor, Secret
from collector.http.client import Addresses, StatisticsClient
from collector.http.gate import Gate
from collector.http.token import Token, TokenSource
from collector.http.transport import Transport
from collector.pace import Cause, RateController
from collector.plan.date_params import DateQuery
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats

ZEROS = {"total": 0, "sended": 0, "pending": 0, "fails": 0, "actions": {}, "campaign": 0}
GOOD = json.dumps({"code": 200, "data": ZEROS}).encode()
PAGE = b"<html>maintenance</html>"
THEN = "Sun, 06 Nov 1994 08:49:37 GMT"
TEN_SECONDS_LATER = "Sun, 06 Nov 1994 08:49:47 GMT"

Respond = Callable[[int], Awaitable[web.Response | None]]
"""Answers the request of a number (from 1); None breaks the connection off."""


def answer(
    status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = GOOD
) -> web.Response:
    """Make an answer."""
    return web.Response(status=status, body=body, headers=headers)


def row(*responses: web.Response) -> Respond:
    """Answer so one after the other, and with zeros after that."""
    waiting = list(responses)

    async def respond(_: int) -> web.Response:
        return waiting.pop(0) if waiting else answer()

    return respond


def always(respond: Callable[[], web.Response | None]) -> Respond:
    """Answer every request alike."""

    async def again(_: int) -> web.Response | None:
        return respond()

    return again


@asynccontextmanager
async def api(respond: Respond) -> AsyncIterator[tuple[str, list[float]]]:
    """Serve answers of a test's own choice; gives the base address, and when requests came."""
    arrivals = list[float]()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        arrivals.append(time.monotonic())
        response = await respond(len(arrivals))
        if response is None:
            assert request.transport is not None
            request.transport.abort()
            return answer()
        return response

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", arrivals
    finally:
        await runner.cleanup()


class Bench:
    """A client, its collaborators, what it logs, and when its requests came."""

    def __init__(self, base_url: str, arrivals: list[float], patience: float) -> None:
        control = RateController(1e6, companies=3, probe_seconds=60.0, patience=patience)
        self.arrivals = arrivals
        self.gate = Gate(control)
        self.stats = RunStats(1)
        self.lines: list[bytes] = []
        self.redact = Redactor()
        self.log = EventLog("debug", self.redact)
        self.transport = Transport(self.gate, self.stats, concurrency=64, timeout=10.0)
        self.client = StatisticsClient(
            transport=self.transport,
            gate=self.gate,
            tokens=TokenSource(None, Token.of(Secret("static-77aa-1c9e"))),
            stats=self.stats,
            redact=self.redact,
            addresses=Addresses(base_url, DateQuery("from_date", "until_date")),
            log=self.log.logger,
        )

    async def fetch(self, *, is_retry: bool = False) -> Outcome:
        """Ask for a cell."""
        return await self.client.fetch(Cell("7", SERVER_DEFAULT), is_retry=is_retry)

    async def failure(self, *, is_retry: bool = False) -> Failure:
        """Ask for a cell that has no answer."""
        outcome = await self.fetch(is_retry=is_retry)
        assert isinstance(outcome, Failure), outcome
        return outcome

    async def answers(self, number: int) -> None:
        """Ask for cells that have answers, all at once."""
        outcomes = await asyncio.gather(*(self.fetch() for _ in range(number)))
        assert {type(outcome) for outcome in outcomes} == {Answer}

    @property
    def open_cause(self) -> Cause | None:
        """Why the gate is closed."""
        return self.gate.control.open_cause

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [orjson.loads(line) for line in self.lines]


@asynccontextmanager
async def bench_for(respond: Respond, *, patience: float = inf) -> AsyncIterator[Bench]:
    """Open a client of an API that answers as a test likes."""
    async with api(respond) as (base_url, arrivals):
        bench = Bench(base_url, arrivals, patience)
        with bench.log.into(bench.lines.append):
            async with bench.transport:
                yield bench


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        *((429, {}, 0.2), (429, {"Retry-After": "7"}, 7.0), (429, {"Retry-After": "1.5"}, 1.5)),
        *((429, {"Retry-After": "soon"}, 0.2), (429, {"Retry-After": "0"}, 0.2)),
        (429, {"Retry-After": TEN_SECONDS_LATER, "Date": THEN}, 10.0),
        (429, {"Retry-After": THEN, "Date": TEN_SECONDS_LATER}, 0.2),
        (429, {"Retry-After": "86400"}, 3600.0),
        *((503, {"Retry-After": "7"}, 7.0), (503, {"Retry-After": "0"}, 0.2)),
        *((500, {"Retry-After": "7"}, 7.0), (408, {"Retry-After": "7"}, 7.0)),
        (503, {"Retry-After": TEN_SECONDS_LATER, "Date": THEN}, 10.0),
        *((503, {}, None), (500, {}, None), (408, {}, None), (500, {"Retry-After": "soon"}, None)),
        *((404, {"Retry-After": "7"}, None), (302, {"Retry-After": "7"}, None)),
    ],
)
async def test_a_refusal_closes_the_gate_for_everyone(
    status: int, headers: dict[str, str], pause: float | None
) -> None:
    """429, and whatever may pass and says when to come back; the rate is to blame, not the cell."""
    async with bench_for(row(answer(status, headers, b""))) as bench:
        failure = await bench.failure()
        assert failure.status == status
        if pause is None:
            assert (failure.blame, bench.open_cause) == (Blame.CELL, None)
        else:
            assert (failure.blame, bench.open_cause) == (Blame.RATE, Cause.REFUSED)
            assert bench.gate.next_probe_in == pytest.approx(pause, abs=0.15)
            assert bench.gate.next_probe_in <= pause
        assert bench.stats.refused == (pause is not None)


@pytest.mark.parametrize(("body", "kind"), [(PAGE, "not_json"), (b'{"code":500}', "api_code")])
async def test_a_maintenance_page_that_says_when_to_come_back_is_believed(
    body: bytes, kind: str
) -> None:
    """Whatever its status; without that header it is a failure like any other."""
    respond = row(answer(body=body), answer(200, {"Retry-After": "7"}, body))
    async with bench_for(respond) as bench:
        for blame in (Blame.CELL, Blame.RATE):
            failure = await bench.failure()
            assert (failure.kind, failure.blame) == (kind, blame)
        assert bench.gate.next_probe_in == pytest.approx(7.0, abs=0.15)


@pytest.mark.parametrize(
    ("status", "value", "problem"),
    [
        *((429, "soon", "it is ignored"), (503, "-1", "it is ignored")),
        (429, "86400", "it is capped at 3600 s"),
        *((429, "7", None), (429, None, None), (404, "soon", None), (200, "soon", None)),
    ],
)
async def test_an_odd_header_is_logged(status: int, value: str | None, problem: str | None) -> None:
    """As a warning with the status; one that is fine, or of no interest, is not."""
    headers = {} if value is None else {"Retry-After": value}
    async with bench_for(row(answer(status, headers))) as bench:
        await bench.fetch()
        events = [event for event in bench.events if event["event"] == "odd_retry_after"]
        if problem is None:
            assert events == []
        else:
            assert [(event["level"], event["status"]) for event in events] == [("warning", status)]
            assert problem in events[0]["problem"]
            assert events[0]["retry_after"] == value


async def test_of_an_odd_header_the_log_has_forty_printable_characters() -> None:
    """A long or hostile one neither floods nor steers the terminal that shows the log."""
    headers = {"Retry-After": "\u2028[2J" + "x" * 4000}
    async with bench_for(row(answer(429, headers))) as bench:
        await bench.fetch()
        assert bench.events[0]["retry_after"] == "<U+2028>[2J" + "x" * 36


async def test_an_odd_header_is_redacted_before_it_is_cut() -> None:
    """Of a secret that begins within the forty characters no part is left."""
    secret = "static-77aa-1c9e'\\" + "z" * 60
    headers = {"Retry-After": f"token {secret}"}
    async with bench_for(row(answer(429, headers))) as bench:
        bench.redact.learn(Secret(secret))
        await bench.fetch()
        assert bench.events[0]["retry_after"] == "token [secret]"


async def test_a_refusal_is_one_however_much_it_says() -> None:
    """A 429 whose body goes on beyond the limit slows everyone down like any other."""
    async with bench_for(row(answer(429, body=b"x" * 2_000_000))) as bench:
        assert (await bench.failure()).blame is Blame.RATE
        assert bench.open_cause is Cause.REFUSED


async def test_others_wait_until_the_gate_opens_again() -> None:
    """In real time: after a refusal nothing reaches the server for a fifth of a second."""

    async def respond(number: int) -> web.Response:
        return answer(429 if number == 101 else 200)

    async with bench_for(respond) as bench:
        await bench.answers(100)
        await bench.failure()
        await bench.answers(5)
        assert len(bench.arrivals) == 106
        # The client's pause begins with the end of the answer, which is after the arrival.
        assert bench.arrivals[101] - bench.arrivals[100] >= 0.199
        assert bench.open_cause is None


async def test_a_crowd_that_is_refused_is_one_refusal() -> None:
    """All were on their way before the first refusal came: nothing is made of the others."""
    all_came = asyncio.Event()

    async def respond(number: int) -> web.Response:
        if number == 40:
            all_came.set()
        await all_came.wait()
        return answer(429)

    async with bench_for(respond) as bench:
        failures = await asyncio.gather(*(bench.failure() for _ in range(40)))
        assert {failure.blame for failure in failures} == {Blame.RATE}
        assert bench.stats.refused == 40
        assert bench.gate.next_probe_in <= 0.2


async def test_one_503_is_the_cells_own_and_two_together_are_a_refusal() -> None:
    """Many a limiter answers so; the second one is blamed on the rate, and counted as refused."""
    async with bench_for(row(answer(503), answer(503))) as bench:
        assert (await bench.failure()).blame is Blame.CELL
        assert (bench.open_cause, bench.stats.refused) == (None, 0)
        assert (await bench.failure()).blame is Blame.RATE
        assert (bench.open_cause, bench.stats.refused) == (Cause.UNAVAILABLE, 1)


@pytest.mark.parametrize("is_retry", [True, False])
async def test_a_503_of_a_retry_tells_nothing_of_an_outage(*, is_retry: bool) -> None:
    """As with other failures; a first try's is the second in a row here."""
    async with bench_for(row(answer(500), answer(503))) as bench:
        await bench.failure()
        await bench.failure(is_retry=is_retry)
        assert bench.gate.control.is_doubtful is not is_retry


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize(
    ("between", "body"),
    [(200, GOOD), (404, b""), (400, b""), (302, b""), (200, b"{}"), (200, b'{"code":404}')],
)
async def test_what_is_no_passing_trouble_says_that_the_service_answers(
    status: int, between: int, body: bytes
) -> None:
    """Also when it is no answer for this cell: a row of failures ends with it."""
    fails = 1 if status == 503 else 7

    async def respond(number: int) -> web.Response:
        return answer(between, body=body) if number % (fails + 1) == 0 else answer(status)

    async with bench_for(respond) as bench:
        for _ in range(fails):
            await bench.failure()
        assert bench.gate.control.is_doubtful is (fails > 1)
        await bench.fetch()
        assert not bench.gate.control.is_doubtful
        assert bench.open_cause is None


@pytest.mark.parametrize(
    ("probe", "blame", "ends_it"),
    [
        *((answer, None, True), (lambda: answer(404), Blame.CELL, True)),
        *((lambda: answer(500), Blame.CELL, True), (lambda: answer(429), Blame.SERVICE, False)),
        *((lambda: answer(503), Blame.SERVICE, False), (lambda: None, Blame.SERVICE, False)),
    ],
    ids=["200", "404", "500", "429", "503", "reset"],
)
async def test_what_becomes_of_a_probe(
    probe: Callable[[], web.Response | None],
    blame: Blame | None,
    ends_it: bool,  # noqa: FBT001 - a table
) -> None:
    """A whole answer shows that it was accepted; a throttled or lost request is not charged."""

    async def respond(number: int) -> web.Response | None:
        return probe() if number > 1 else answer(429)

    async with bench_for(respond) as bench:
        await bench.failure()
        outcome = await bench.fetch()
        assert (outcome.blame if isinstance(outcome, Failure) else None) is blame
        assert bench.open_cause is (None if ends_it else Cause.REFUSED)


USED_UP = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}


@pytest.mark.parametrize(
    ("first", "refusal"),
    [
        *((answer(200, USED_UP), answer(429)), (answer(404, USED_UP), answer(429))),
        (answer(), answer(429, USED_UP)),
    ],
    ids=["200", "404", "429"],
)
async def test_the_rate_headers_reach_the_controller(
    first: web.Response, refusal: web.Response
) -> None:
    """Of answers and refusals: after a refusal no request is sent before the quota is renewed."""
    async with bench_for(row(first, refusal)) as bench:
        await bench.fetch()
        assert bench.open_cause is None
        await bench.failure()
        assert bench.gate.next_probe_in == pytest.approx(7.0, abs=0.3)


async def test_nothing_but_refusals_for_too_long_is_an_outage() -> None:
    """Exit code 4, raised by the gate for the next request."""
    async with bench_for(always(lambda: answer(429)), patience=0.1) as bench:
        await bench.failure()
        with pytest.raises(
            OutageError, match=r"refused every request for 1 s; last error: HTTP 429$"
        ) as caught:
            await bench.fetch()
        assert len(bench.arrivals) == 1
    assert caught.value.exit_code is ExitCode.STOPPED_EARLY
