import asyncio
from collections.abc import Callable
from itertools import cycle

import pytest
from aiohttp import ServerDisconnectedError

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.errors import CredentialsError
from collector.core.outcome import Blame, FailureKind, Meaning
from collector.core.secrets import Secret
from collector.http.token import Token, TokenSource
from collector.pace import Cause
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
    # In between, the request that was answered before was sent again with the first token.
    assert used == ["issued-1", "issued-1", "issued-1", "issued-2", "issued-2"]
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
        assert bench.stats.requests == 129


async def test_requests_that_wait_for_a_trial_leave_room_for_it() -> None:
    """Two in flight at most: the request that tries the new token again is one of them."""
    clock = asyncio.get_running_loop().time
    issued_at = clock()

    async def issue() -> Token:
        await asyncio.sleep(0)
        return Token.of(Secret("young"), issued_at=issued_at)

    def is_known_soon(_: Sent) -> Answer:
        return answer(GOOD, 401 if clock() < issued_at + 0.3 else 200)

    tokens = TokenSource(issue)
    async with bench_for(is_known_soon, tokens, most_in_flight=2) as bench, asyncio.timeout(10):
        first = asyncio.create_task(bench.answer())
        while bench.stats.requests == 0 or tokens.cached() is not None:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
        await bench.answers(10)
        await first


def stranger_is_refused(sent: Sent) -> Answer:
    """Answer 401 for one company, whatever the token."""
    return answer(GOOD, 401 if "/stranger" in sent.url.path else 200)


STRANGER = Cell("stranger", SERVER_DEFAULT)


async def test_a_401_while_others_are_answered_is_the_cells_own_failure() -> None:
    """It is a try like any other, and no reason for another token."""
    issuer = Numbered()
    async with bench_for(stranger_is_refused, TokenSource(issuer)) as bench:
        await bench.answer()
        failure = await bench.failure(STRANGER)
        assert (failure.kind, failure.status, failure.requests) == (FailureKind.HTTP, 401, 2)
        assert (failure.meaning, failure.blame) == (Meaning.UNAUTHORIZED, Blame.CELL)
        assert issuer.issued == 1
        assert bench.stats.requests == 4
        await bench.answer()


async def test_after_five_such_tries_a_company_counts_as_denied() -> None:
    """Then one request for each of its cells is enough, until one is answered."""
    is_refused = True
    issuer = Numbered()

    def respond(sent: Sent) -> Answer:
        return stranger_is_refused(sent) if is_refused else answer(GOOD)

    async with bench_for(respond, TokenSource(issuer)) as bench:
        await bench.answer()
        meanings = [(await bench.failure(STRANGER)).meaning for _ in range(7)]
        assert meanings == [Meaning.UNAUTHORIZED] * 4 + [Meaning.DENIED] * 3
        assert (await bench.failure(STRANGER)).requests == 1
        is_refused = False
        await bench.answer(STRANGER)
        await bench.answer()
        is_refused = True
        assert (await bench.failure(STRANGER)).meaning is Meaning.UNAUTHORIZED
    assert issuer.issued == 1


async def test_a_static_token_is_not_renewed() -> None:
    """If no other company is answered it stops the run; otherwise it is the cell's own failure."""
    async with bench_for(stranger_is_refused) as bench:
        with pytest.raises(CredentialsError, match="TRUST_ACCESS_TOKEN"):
            await bench.client.fetch(STRANGER)
        # No other company is known to ask for, so this one is asked for again.
        assert bench.stats.requests == 2
    async with bench_for(stranger_is_refused) as bench:
        await bench.answer()
        failure = await bench.failure(STRANGER)
        assert (failure.status, failure.requests) == (401, 2)


async def test_other_companies_are_asked_for_when_none_was_answered_before() -> None:
    """In turns, three at a time: the first ones may be refused as well."""
    others = [STRANGER, Cell("stranger-2", SERVER_DEFAULT), Cell("7", SERVER_DEFAULT)]
    issuer = Numbered()
    async with bench_for(
        stranger_is_refused, TokenSource(issuer), another=cycle(others).__next__
    ) as bench:
        failure = await bench.failure(STRANGER)
        assert (failure.status, failure.requests) == (401, 2)
    assert issuer.issued == 1
    assert [sent.url.path.split("/")[-2] for sent in bench.sent] == [
        *("stranger", "stranger-2", "7", "stranger")
    ]


async def test_a_repeated_request_that_breaks_is_a_broken_connection() -> None:
    """Both requests are counted: the refused one and the repeated one."""
    respond = row(answer(b"", 401), answer(b"", 401), then=ServerDisconnectedError())
    async with bench_for(respond, TokenSource(Numbered())) as bench:
        failure = await bench.failure()
        assert (failure.kind, failure.status) == (FailureKind.CONNECTION, None)
        assert failure.requests == 2


async def test_a_401_on_the_probe_shows_that_requests_are_accepted_again() -> None:
    """The circuit is closed before the new token comes, which may take long."""
    causes = list[Cause | None]()

    def respond(sent: Sent) -> Answer:
        if sent.number > 102 and sent.headers["Authorization"] == "Bearer issued-1":
            return answer(GOOD, 401)
        return answer(GOOD, {101: 429, 102: 401}.get(sent.number, 200))

    class Seen(Numbered):
        """Looks at the circuit when a token is requested."""

        async def __call__(self) -> Token:
            if self.issued:
                causes.append(bench.open_cause)
            return await super().__call__()

    async with bench_for(respond, TokenSource(Seen())) as bench:
        await bench.answers(100)
        assert (await bench.failure()).blame is Blame.RATE
        bench.clock.skipped = bench.gate.next_probe_in
        async with asyncio.timeout(5):
            assert len(await bench.answers(2)) == 2
    assert causes == [None]


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
