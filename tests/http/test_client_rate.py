import pytest
from aiohttp import ServerDisconnectedError

from collector.core.errors import ExitCode, OutageError
from collector.core.outcome import Blame, Failure
from collector.core.secrets import Secret
from collector.pace import Cause
from tests.http.client_bench import GOOD, PAGE, bench_for
from tests.http.mocked import Answer, Sent, answer, row, together

THEN = "Sun, 06 Nov 1994 08:49:37 GMT"
TEN_SECONDS_LATER = "Sun, 06 Nov 1994 08:49:47 GMT"


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
        *((404, {"Retry-After": "7"}, 7.0), (302, {"Retry-After": "7"}, 7.0)),
        (302, {}, None),
    ],
)
async def test_a_refusal_closes_the_gate_for_everyone(
    status: int, headers: dict[str, str], pause: float | None
) -> None:
    """429, and whatever may pass and says when to come back; the rate is to blame, not the cell."""
    async with bench_for(lambda _: answer(b"", status, headers)) as bench:
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
    respond = row(answer(body), then=answer(body, 200, {"Retry-After": "7"}))
    async with bench_for(respond) as bench:
        for blame in (Blame.CELL, Blame.RATE):
            failure = await bench.failure()
            assert (failure.kind, failure.blame) == (kind, blame)
        assert bench.gate.next_probe_in == pytest.approx(7.0, abs=0.15)


@pytest.mark.parametrize(
    ("status", "value", "problem"),
    [
        *((429, "soon", "it is ignored"), (503, "-1", "it is ignored")),
        (429, "86400", "it is capped at 60 min"),
        *((429, "7", None), (429, None, None), (200, "soon", None)),
        (404, "soon", "it is ignored"),
    ],
)
async def test_an_odd_header_is_logged(status: int, value: str | None, problem: str | None) -> None:
    """As a warning with the status; one that is fine, or of no interest, is not."""
    headers = {} if value is None else {"Retry-After": value}
    async with bench_for(lambda _: answer(GOOD, status, headers)) as bench:
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
    headers = {"Retry-After": "\x1b[2J" + "x" * 4000}
    async with bench_for(lambda _: answer(GOOD, 429, headers)) as bench:
        await bench.fetch()
        assert bench.events[0]["retry_after"] == "<U+001B>[2J" + "x" * 36


async def test_an_odd_header_is_redacted_before_it_is_cut() -> None:
    """Of a secret that begins within the forty characters no part is left."""
    headers = {"Retry-After": "token " + "static-77aa-1c9e'\\" + "z" * 60}
    async with bench_for(lambda _: answer(GOOD, 429, headers)) as bench:
        bench.redact.learn(Secret(headers["Retry-After"].removeprefix("token ")))
        await bench.fetch()
        assert bench.events[0]["retry_after"] == "token [secret]"


async def test_a_crowd_that_is_refused_is_one_refusal() -> None:
    """All were on their way before the first refusal came: nothing is made of the others."""
    async with bench_for(together(40, lambda _: answer(b"", 429))) as bench:
        failures = await bench.failures(40)
        assert {failure.blame for failure in failures} == {Blame.RATE}
        assert bench.stats.refused == 40
        assert bench.gate.next_probe_in <= 0.2


async def test_one_503_is_the_cells_own_and_two_together_are_a_refusal() -> None:
    """Many a limiter answers so; the second one is blamed on the rate, and counted as refused."""
    async with bench_for(lambda _: answer(b"", 503)) as bench:
        assert (await bench.failure()).blame is Blame.CELL
        assert (bench.open_cause, bench.stats.refused) == (None, 0)
        assert (await bench.failure()).blame is Blame.RATE
        assert (bench.open_cause, bench.stats.refused) == (Cause.UNAVAILABLE, 1)


@pytest.mark.parametrize("is_retry", [True, False])
async def test_a_503_of_a_retry_tells_nothing_of_an_outage(*, is_retry: bool) -> None:
    """As with other failures; a first try's is the second in a row here."""
    async with bench_for(row(answer(b"", 500), then=answer(b"", 503))) as bench:
        await bench.failure()
        await bench.failure(is_retry=is_retry)
        assert bench.gate.control.is_doubtful is not is_retry


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize(
    ("between", "body"),
    [(200, GOOD), (404, b""), (400, b""), (200, b"{}"), (200, b'{"code":404}')],
)
async def test_what_is_no_passing_trouble_says_that_the_service_answers(
    status: int, between: int, body: bytes
) -> None:
    """Also when it is no answer for this cell: a row of failures ends with it."""
    fails = 1 if status == 503 else 7

    def respond(sent: Sent) -> Answer:
        ends = sent.number % (fails + 1) == 0
        return answer(body, between) if ends else answer(b"", status)

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
        *((answer(GOOD), None, True), (answer(b"", 404), Blame.CELL, True)),
        *((answer(b"", 500), Blame.CELL, True), (answer(b"", 429), Blame.SERVICE, False)),
        (answer(b"", 503), Blame.SERVICE, False),
        (ServerDisconnectedError(), Blame.SERVICE, False),
    ],
    ids=["200", "404", "500", "429", "503", "reset"],
)
async def test_what_becomes_of_a_probe(
    probe: Answer,
    blame: Blame | None,
    ends_it: bool,  # noqa: FBT001 - a table
) -> None:
    """A whole answer shows that it was accepted; a throttled or lost request is not charged."""
    async with bench_for(row(answer(b"", 429), then=probe)) as bench:
        await bench.failure()
        bench.clock.skipped = bench.gate.next_probe_in
        outcome = await bench.fetch()
        assert (outcome.blame if isinstance(outcome, Failure) else None) is blame
        assert bench.open_cause is (None if ends_it else Cause.REFUSED)


USED_UP = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}


@pytest.mark.parametrize(
    ("first", "refusal"),
    [
        (answer(GOOD, 200, USED_UP), answer(b"", 429)),
        (answer(b"", 404, USED_UP), answer(b"", 429)),
        (answer(GOOD), answer(b"", 429, USED_UP)),
    ],
    ids=["200", "404", "429"],
)
async def test_the_rate_headers_reach_the_controller(first: Answer, refusal: Answer) -> None:
    """Of answers and refusals: after a refusal no request is sent before the quota is renewed."""
    async with bench_for(row(first, then=refusal)) as bench:
        await bench.fetch()
        assert bench.open_cause is None
        await bench.failure()
        assert bench.gate.next_probe_in == pytest.approx(7.0, abs=0.3)


async def test_nothing_but_refusals_for_too_long_is_an_outage() -> None:
    """Exit code 4, raised by the gate for the next request."""
    moment = 1000.0
    async with bench_for(lambda _: answer(b"", 429), patience=0.1, clock=lambda: moment) as bench:
        await bench.failure()
        # The first probe request is due later.
        moment += 0.1
        with pytest.raises(
            OutageError, match=r"rate-limited every request for 1 s; last error: HTTP 429$"
        ) as caught:
            await bench.fetch()
        assert len(bench.sent) == 1
    assert caught.value.exit_code is ExitCode.STOPPED_EARLY
