import asyncio

import orjson
import pytest

from collector.core.errors import CredentialsError, ExitCode
from collector.core.secrets import Secret
from collector.http.credentials import ClientCredentials
from collector.http.token import TokenSource
from tests.http.mocked import Answer, Sent, answer, row
from tests.http.token_bench import GRANTED, issuer_for, text_of

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 226])
@pytest.mark.parametrize("before", [b"", BOM])
async def test_a_token_is_taken_from_any_success(status: int, before: bytes) -> None:
    """201 says that the token was created; a byte order mark is not a part of JSON."""
    async with issuer_for(lambda _: answer(before + orjson.dumps(GRANTED), status)) as bench:
        assert text_of(await bench.issue()) == "granted-5f2e"
        assert len(bench.sent) == 1


async def test_a_success_without_a_token_yet_is_waited_for() -> None:
    """202: the request was accepted, and is not done."""
    not_yet = answer({}, 202)
    async with issuer_for(row(not_yet, not_yet, then=answer(GRANTED))) as bench:
        assert text_of(await bench.issue()) == "granted-5f2e"
        assert len(bench.pauses) == 2
        assert bench.events[0]["problem"] == "HTTP 202"


async def test_a_success_without_a_token_is_named_with_its_status() -> None:
    """The address is wrong."""
    async with issuer_for(lambda _: answer({}, 201)) as bench:
        with pytest.raises(CredentialsError, match="answered 201 without a usable access_token"):
            await bench.issue()


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER", None])
async def test_a_bearer_token_is_used(token_type: str | None) -> None:
    """RFC 6749, section 5.1: the type is not case-sensitive."""
    async with issuer_for(lambda _: answer({**GRANTED, "token_type": token_type})) as bench:
        assert text_of(await bench.issue()) == "granted-5f2e"


async def test_a_token_without_a_type_is_used() -> None:
    """Many issuers leave it out."""
    async with issuer_for(lambda _: answer({"access_token": "granted-5f2e"})) as bench:
        assert text_of(await bench.issue()) == "granted-5f2e"


@pytest.mark.parametrize(
    ("token_type", "shown"),
    [
        ("mac", '"mac"'),
        ("", '""'),
        ("Bearer ", '"Bearer "'),
        ("demo-secret\x1b[2J", r'"\[secret\]<U\+001B>\[2J"'),
        ("x" * 10_000, '"x{40}"'),
        (5, "no text"),
        (10**30, "no text"),
        (["Bearer"], "no text"),
    ],
)
async def test_a_token_of_another_type_is_refused(token_type: object, shown: str) -> None:
    """It cannot be sent as a Bearer token; the type is shown without secrets and controls."""
    async with issuer_for(lambda _: answer({**GRANTED, "token_type": token_type})) as bench:
        with pytest.raises(
            CredentialsError, match=f"whose token_type is {shown}; only Bearer tokens can be used"
        ) as caught:
            await bench.issue()
        assert len(bench.sent) == 1
    assert caught.value.exit_code is ExitCode.CREDENTIALS
    assert "granted" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (403, {}, {"Retry-After": "1"}),
        (403, {}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}),
        (403, b"<html>error code: 1015</html>", {}),
        (400, {}, {"Retry-After": "1"}),
        *[(status, b"", {}) for status in (420, 425, 509, 529)],
    ],
)
async def test_an_issuer_that_limits_the_rate_is_waited_for(
    status: int, content: object, headers: dict[str, str]
) -> None:
    """As statistics are: see `collector.http.meaning`."""
    busy = answer(content, status, headers)
    async with issuer_for(row(busy, then=answer(GRANTED))) as bench:
        assert text_of(await bench.issue()) == "granted-5f2e"
        assert len(bench.pauses) == 1


async def test_a_ban_in_mid_run_is_waited_out() -> None:
    """An OAuth server does not refuse a client with a 403, but a firewall does so for a while."""
    ban = answer(b"<html>no</html>", 403)
    async with issuer_for(row(answer(GRANTED), ban, ban, then=answer(GRANTED))) as bench:
        await bench.issue()
        await bench.issue()
        assert len(bench.pauses) == 2
    async with issuer_for(lambda _: ban) as bench:
        with pytest.raises(CredentialsError, match="HTTP 403: no reason given"):
            await bench.issue()


async def _tokens_in_a_minute(expires_in: bytes) -> dict[str, int]:
    """Use tokens 100 times per second for a minute; return how often each was used."""
    used: dict[str, int] = {}

    def respond(sent: Sent) -> Answer:
        content = b'{"access_token":"t%d","expires_in":%b}' % (sent.number, expires_in)
        return answer(content)

    async with (
        issuer_for(respond) as bench,
        TokenSource(bench.issue, clock=bench.clock) as source,
    ):
        for _ in range(6000):
            token = source.cached() or await source.current()
            used[text_of(token)] = used.get(text_of(token), 0) + 1
            bench.clock.now += 0.01
            await asyncio.sleep(0)
        assert len(bench.sent) == len(used)
    return used


@pytest.mark.parametrize(
    "expires_in",
    [
        *(b"1e-300", b"0.001", b"1", b"4.999", b"0", b"-1", b"-1e300", b"1e999", b"-1e999"),
        *(b'"nan"', b'"inf"', b'"0.001"', b'"-Infinity"', b"true", b"null", b"[]"),
    ],
)
async def test_a_life_that_cannot_be_true_does_not_flood_the_issuer(expires_in: bytes) -> None:
    """The documented life is assumed; if the token does end, the API answers 401."""
    assert await _tokens_in_a_minute(expires_in) == {"t1": 6000}


async def test_the_shortest_life_is_a_token_every_four_seconds() -> None:
    """So the number of tokens is bounded by time, whatever the issuer says."""
    used = await _tokens_in_a_minute(b"5")
    # A renewal in the background takes one more step of the clock.
    assert 14 <= len(used) <= 15
    assert min(used.values()) >= 300


async def test_a_token_that_is_about_to_end_is_used_for_four_seconds() -> None:
    """Doorkeeper can issue an earlier token again, at the end of its life too."""
    date = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    content = {**GRANTED, "created_at": 784111777 - 7199}
    async with issuer_for(lambda _: answer(content, headers=date)) as bench:
        assert (await bench.issue()).renew_at == bench.clock() + 4.0


@pytest.mark.parametrize(("status", "is_hinted"), [(400, True), (401, True), (404, False)])
async def test_a_secret_in_quotes_is_hinted_at_when_it_is_refused(
    status: int,
    is_hinted: bool,  # noqa: FBT001 - a table
) -> None:
    """Where the issuer refuses the client; a wrong address has another remedy."""
    client = ClientCredentials(Secret("demo"), Secret("'demo-secret'"))
    async with issuer_for(lambda _: answer({}, status), client=client) as bench:
        with pytest.raises(CredentialsError) as caught:
            await bench.issue()
        hint = "TRUST_CLIENT_SECRET begins and ends with a quote"
        assert (hint in str(caught.value)) is is_hinted
