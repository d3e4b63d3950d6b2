import asyncio
import math
import time
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from collector.core.errors import CredentialsError, ExitCode
from collector.core.secrets import Secret
from collector.http.token import TokenSource
from tests.http.mocked import TOKEN_URL, Answer, Sent, answer, row
from tests.http.token_bench import CLIENT, GRANTED, issuer_for, text_of

NOW = 784111777
DATE = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}


async def test_a_token_is_asked_for_as_documented() -> None:
    """One POST with a JSON body and no token; the token's life begins with the answer."""
    async with issuer_for(lambda _: answer({**GRANTED, "scope": "x"})) as bench:
        token = await bench.issue()
        assert token.renew_at == bench.clock() + 7140.0
        assert text_of(token) == "granted-5f2e"
        assert bench.redact("it is granted-5f2e!") == "it is [secret]!"
    [sent] = bench.sent
    assert (sent.method, str(sent.url)) == ("POST", TOKEN_URL)
    assert sent.headers["Content-Type"] == "application/json"
    assert "Authorization" not in sent.headers
    assert sent.body is not None
    assert orjson.loads(sent.body) == {
        "client_id": "demo",
        "client_secret": "demo-secret",
        "grant_type": "client_credentials",
    }


async def test_64_callers_are_one_token_request() -> None:
    """All of them wait for it, and get the same token."""

    async def respond(sent: Sent) -> Answer:
        await asyncio.sleep(0)  # All others ask meanwhile.
        return answer({**GRANTED, "access_token": f"granted-{sent.number}"})

    async with issuer_for(respond) as bench:
        source = TokenSource(bench.issue, clock=bench.clock)
        tokens = await asyncio.gather(*(source.current() for _ in range(64)))
        assert {text_of(token) for token in tokens} == {"granted-1"}
        newer = await asyncio.gather(*(source.renewed(tokens[0]) for _ in range(64)))
        assert {text_of(token) for token in newer} == {"granted-2"}
        assert len(bench.sent) == 2


@pytest.mark.parametrize(("life", "used_for"), [(100, 80.0), (1000, 940.0)])
async def test_a_token_is_renewed_before_it_ends(life: int, used_for: float) -> None:
    """By the life that the service states."""
    async with issuer_for(lambda _: answer({**GRANTED, "expires_in": life})) as bench:
        assert (await bench.issue()).renew_at == bench.clock() + used_for


async def test_a_token_that_was_issued_long_ago_is_renewed_in_time() -> None:
    """Doorkeeper can issue an earlier token again; its age is read by the server's clock."""
    content = {**GRANTED, "created_at": NOW - 7000}
    async with issuer_for(lambda _: answer(content, headers=DATE)) as bench:
        assert (await bench.issue()).renew_at == bench.clock() + 160.0


@pytest.mark.parametrize("skew", [-86400, -7300, 60, 86400])
async def test_a_clock_that_is_wrong_costs_no_life(skew: int) -> None:
    """`created_at` and `Date` of one service that disagree by more than a life, or the other way.

    And our own clock does not matter at all: it is not asked for the time of day.
    """
    content = {**GRANTED, "created_at": NOW + skew}
    async with issuer_for(lambda _: answer(content, headers=DATE)) as bench:
        assert (await bench.issue()).renew_at == bench.clock() + 7140.0


@pytest.mark.parametrize(
    ("expires_in", "life"), [("7200", 7200.0), ("300.5", 300.5), ("nan", 7200.0)]
)
async def test_a_life_may_be_written_as_a_string(expires_in: str, life: float) -> None:
    """Some services quote numbers."""
    content = {**GRANTED, "expires_in": expires_in, "created_at": str(NOW)}
    async with issuer_for(lambda _: answer(content, headers=DATE)) as bench:
        token = await bench.issue()
        assert token.ends_at == bench.clock() + life - 1.0
        assert token.renew_at == bench.clock() + life - 60.0


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
    content = {**GRANTED, "created_at": NOW - 10}
    date = {"Date": "Sun Nov  6 08:49:37 1994"}
    async with issuer_for(lambda _: answer(content, headers=date)) as bench:
        assert (await bench.issue()).renew_at == bench.clock() + 7130.0


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
    content = {**GRANTED, "created_at": NOW}
    async with issuer_for(lambda _: answer(content, headers={"Date": date})) as bench:
        assert (await bench.issue()).renew_at == bench.clock() + 7140.0


@pytest.mark.parametrize("more", [{}, {"expires_in": None}, {"expires_in": 0}, {"created_at": 1.5}])
async def test_a_token_may_come_with_little_else(more: dict[str, object]) -> None:
    """The documented life is assumed."""
    content = {"access_token": "granted-5f2e", **more}
    async with issuer_for(lambda _: answer(content)) as bench:
        token = await bench.issue()
        assert text_of(token) == "granted-5f2e"
        assert token.renew_at < math.inf


async def test_a_refused_client_is_told_what_to_check() -> None:
    """Exit code 3, the service's own reason, no second request, no secret."""
    wrong = replace(CLIENT, client_secret=Secret("wrong-9c1f"))
    reason = {"error": "invalid_client", "error_description": "unknown client"}
    async with issuer_for(lambda _: answer(reason, 401), client=wrong) as bench:
        with pytest.raises(
            CredentialsError, match="HTTP 401: invalid_client: unknown client"
        ) as caught:
            await bench.issue()
        assert len(bench.sent) == 1
        assert b"wrong-9c1f" in (bench.sent[0].body or b"")
    text = str(caught.value)
    assert "TRUST_CLIENT_SECRET" in text
    assert "wrong-9c1f" not in text
    assert caught.value.exit_code is ExitCode.CREDENTIALS


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 302])
async def test_a_refusal_that_repeats_the_secret_does_not_show_it(status: int) -> None:
    """Redacted; an address that is wrong is named as such."""
    content = {"error": "for demo-secret", "error_description": "client demo, demo-secret: no"}
    async with issuer_for(lambda _: answer(content, status)) as bench:
        with pytest.raises(CredentialsError) as caught:
            await bench.issue()
        assert len(bench.sent) == 1
    text = str(caught.value)
    assert "demo" not in text
    assert "for [secret]: client [secret], [secret]: no" in text
    assert ("TRUST_CLIENT_ID" if status in {400, 401} else "--token-url") in text
    assert TOKEN_URL in text


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b'{"error":5}', b'{"error":"\\ud800"}', b"\xff", b"[" * 9999]
)
async def test_a_refusal_without_a_reason_is_still_one(content: bytes) -> None:
    """Whatever the body is."""
    async with issuer_for(lambda _: answer(content, 401)) as bench:
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
    async with issuer_for(lambda _: answer(content)) as bench:
        with pytest.raises(CredentialsError, match="without a usable access_token") as caught:
            await bench.issue()
    assert str(caught.value).isprintable()
    assert "granted" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        *[(401, {"error": "invalid_client"}), (403, {"error": "access_denied"})],
        *[(404, b""), (200, {}), (200, {"access_token": ""})],
    ],
)
async def test_a_refusal_in_mid_run_is_not_waited_out(status: int, content: object) -> None:
    """Exit code 3 at the first one, however much patience is left."""
    async with issuer_for(row(answer(GRANTED), then=answer(content, status))) as bench:
        await bench.issue()
        with pytest.raises(CredentialsError):
            await bench.issue()
        assert len(bench.sent) == 2
