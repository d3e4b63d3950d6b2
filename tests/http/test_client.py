import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import Cell, Window
from collector.core.outcome import Answer, FailureKind
from collector.core.secrets import Redactor, Secret
from collector.http.replies import excerpt
from collector.store.lines import error_line
from tests.http.client_bench import CELL, GOOD, SECRET, STATISTICS, ZEROS, bench_for
from tests.http.mocked import answer


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


@pytest.mark.parametrize(("total", "is_empty"), [(0, True), (6, False)])
async def test_an_answer_without_a_notification_is_empty(total: int, *, is_empty: bool) -> None:
    """It is an answer all the same."""
    body = {"code": 200, "data": {**ZEROS, "total": total}}
    async with bench_for(lambda _: answer(body)) as bench:
        assert (await bench.answer()).counters.is_empty is is_empty


async def test_a_request_is_sent_as_documented() -> None:
    """One GET with the token, to the address of the cell as it is encoded, and no body."""
    cell = Cell("a/b %41", Window(date(2026, 1, 31), date(2026, 2, 1)))
    async with bench_for(lambda _: answer(GOOD)) as bench:
        await bench.answer(cell)
    [sent] = bench.sent
    assert (sent.method, sent.body) == ("GET", None)
    address = f"{STATISTICS}a%2Fb%20%2541/statistics?from_date=2026-01-31&until_date=2026-02-01"
    assert str(sent.url) == address
    assert sent.headers["Authorization"] == f"Bearer {SECRET}"
    assert sent.headers["Accept"] == "application/json"


async def test_a_question_is_sent_with_its_own_parameters() -> None:
    """In place of the dates of a cell, encoded; the answer is one like any other."""
    async with bench_for(lambda _: answer(GOOD)) as bench:
        outcome = await bench.client.ask_with("a/b", {"since": "1 / 2", "x&y": ""})
    assert isinstance(outcome, Answer)
    assert outcome.counters.total == 6
    assert [str(sent.url) for sent in bench.sent] == [
        f"{STATISTICS}a%2Fb/statistics?since=1+%2F+2&x%26y="
    ]


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
    """A decision of the client alone: the cause in our own words, and nothing else."""
    async with bench_for(lambda _: OSError(f"no way for {SECRET}")) as bench:
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
    body = json.dumps({"code": 500, "message": "m" * 30_000, "errors": "é" * 10_000}).encode()
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
