import asyncio
from collections.abc import Callable

import pytest
from aiohttp import ServerDisconnectedError

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.errors import CredentialsError
from collector.core.outcome import Blame, FailureKind
from collector.core.secrets import Secret
from collector.http.token import Token, TokenSource
from tests.http.client_bench import GOOD, bench_for
from tests.http.mocked import Answer, Sent, answer, row, together


class Numbered:
    """Issues the tokens `issued-1`, `issued-2`, ..."""

    issued = 0

    async def __call__(self) -> Token:
        """Issue the next one."""
        self.issued += 1
        return Token.of(Secret(f"issued-{self.issued}"))


def accept(authorization: str) -> Callable[[Sent], Answer]:
    """Answer 401 to all tokens but one."""
    return lambda sent: answer(GOOD, 200 if sent.headers["Authorization"] == authorization else 401)


async def test_a_401_is_cured_by_a_new_token() -> None:
    """The request is repeated once, with the new token; both are counted as requests."""

    def revoked_after_one(sent: Sent) -> Answer:
        return accept(f"Bearer issued-{1 if sent.number == 1 else 2}")(sent)

    issuer = Numbered()
    async with bench_for(revoked_after_one, TokenSource(issuer)) as bench:
        assert [(await bench.answer()).requests for _ in range(3)] == [1, 2, 1]
    used = [sent.headers["Authorization"].removeprefix("Bearer ") for sent in bench.sent]
    assert used == ["issued-1", "issued-1", "issued-2", "issued-2"]
    assert len({sent.url for sent in bench.sent}) == 1
    assert issuer.issued == 2


async def test_a_storm_of_401_costs_one_token() -> None:
    """64 requests with a token that was revoked: each is repeated, the token is asked for once."""
    issuer = Numbered()
    respond = together(64, accept("Bearer issued-2"))
    async with bench_for(respond, TokenSource(issuer)) as bench:
        answers = await bench.answers(64)
        assert issuer.issued == 2
        assert {got.requests for got in answers} == {2}
        assert bench.stats.requests == 128


def stranger_is_refused(sent: Sent) -> Answer:
    """Answer 401 for one company, whatever the token."""
    return answer(GOOD, 401 if "/stranger" in sent.url.path else 200)


STRANGER = Cell("stranger", SERVER_DEFAULT)


async def test_a_401_that_no_token_cures_is_the_cells_own_failure() -> None:
    """Once something was accepted, a company that is not ours does not stop the run."""
    issuer = Numbered()
    async with bench_for(stranger_is_refused, TokenSource(issuer)) as bench:
        await bench.answer()
        failure = await bench.failure(STRANGER)
        assert (failure.kind, failure.status, failure.requests) == (FailureKind.HTTP, 401, 2)
        assert issuer.issued == 2
        assert failure.blame is Blame.CELL
        await bench.answer()


async def test_a_new_token_that_the_server_never_accepted_stops_the_run() -> None:
    """After two requests with two tokens, and no more."""
    issuer = Numbered()
    async with bench_for(stranger_is_refused, TokenSource(issuer)) as bench:
        with pytest.raises(CredentialsError, match="refuses tokens that have just been issued"):
            await bench.client.fetch(STRANGER)
        assert (issuer.issued, bench.stats.requests) == (2, 2)


async def test_ten_such_answers_in_a_row_stop_the_run() -> None:
    """Ten companies; anything but a 401 in between, an error included, starts the count anew."""

    def respond(sent: Sent) -> Answer:
        if "/unknown/" in sent.url.path:
            return answer(GOOD, 404)
        return stranger_is_refused(sent)

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

    def respond(sent: Sent) -> Answer:
        return answer(GOOD, 401 if "/stranger" in sent.url.path else 500)

    async with bench_for(respond, TokenSource(Numbered())) as bench:
        await bench.failure()
        with pytest.raises(CredentialsError):
            await bench.client.fetch(STRANGER)


async def test_a_static_token_is_not_renewed() -> None:
    """One request; at the start it stops the run, later it is the cell's own failure."""
    async with bench_for(stranger_is_refused) as bench:
        with pytest.raises(CredentialsError, match="TRUST_ACCESS_TOKEN"):
            await bench.client.fetch(STRANGER)
        assert bench.stats.requests == 1
    async with bench_for(stranger_is_refused) as bench:
        await bench.answer()
        failure = await bench.failure(STRANGER)
        assert (failure.status, failure.requests) == (401, 1)


async def test_a_repeated_request_that_breaks_is_a_broken_connection() -> None:
    """Both requests are counted: the refused one and the repeated one."""
    respond = row(answer(b"", 401), then=ServerDisconnectedError())
    async with bench_for(respond, TokenSource(Numbered())) as bench:
        failure = await bench.failure()
        assert (failure.kind, failure.status) == (FailureKind.CONNECTION, None)
        assert failure.requests == bench.stats.requests == 2


async def test_a_refusal_says_nothing_about_the_token() -> None:
    """The limit is often checked first: a 401 after it is as bad as one at the start."""

    def respond(sent: Sent) -> Answer:
        return answer(GOOD, 401 if "/stranger" in sent.url.path else 429)

    async with bench_for(respond) as bench:
        assert (await bench.failure()).blame is Blame.RATE
        bench.clock.skipped = bench.gate.next_probe_in
        with pytest.raises(CredentialsError):
            await bench.client.fetch(STRANGER)


async def test_a_401_on_the_probe_does_not_wait_for_the_new_token() -> None:
    """It shows that requests are accepted again: others are sent while the issuer is slow."""
    others_came = asyncio.Event()

    def respond(sent: Sent) -> Answer:
        if sent.number > 102:
            others_came.set()
        return answer(GOOD, {101: 429, 102: 401}.get(sent.number, 200))

    class Slow(Numbered):
        """Issues the second token only when another request was answered."""

        async def __call__(self) -> Token:
            if self.issued == 1:
                await others_came.wait()
            return await super().__call__()

    issuer = Slow()
    async with bench_for(respond, TokenSource(issuer)) as bench:
        await bench.answers(100)
        assert (await bench.failure()).blame is Blame.RATE
        bench.clock.skipped = bench.gate.next_probe_in
        async with asyncio.timeout(5):
            answers = await bench.answers(2)
    assert sorted(got.requests for got in answers) == [1, 2]
    assert issuer.issued == 2


async def test_a_401_is_reported_once_and_is_an_answer() -> None:
    """It ends a row of failures, whether or not a new token cures it."""

    def respond(sent: Sent) -> Answer:
        if "/broken" in sent.url.path:
            return answer(GOOD, 500)
        return stranger_is_refused(sent)

    async with bench_for(respond, TokenSource(Numbered())) as bench:
        await bench.answer()
        for _ in range(3):
            for number in range(7):
                await bench.failure(Cell(f"broken {number}", SERVER_DEFAULT))
            assert bench.gate.control.is_doubtful
            await bench.failure(STRANGER)
            assert not bench.gate.control.is_doubtful
        assert bench.gate.control.open_cause is None
