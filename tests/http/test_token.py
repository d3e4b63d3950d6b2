import asyncio
import gc
import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from collector.core.errors import CredentialsError, OutageError, StoppedError
from collector.core.secrets import Secret
from collector.http.token import Token, TokenSource

SECRET = "token-77aa"  # noqa: S105 - made up


class Issuer:
    """Issues numbered tokens, each after a turn of the loop, as a network would."""

    def __init__(self, renew_at: Callable[[], float] = lambda: math.inf) -> None:
        self.issued = 0
        self.under_way = 0
        self.was_asked = asyncio.Event()
        self.troubles: list[Exception] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        self._renew_at = renew_at

    async def __call__(self) -> Token:
        """Issue a token, or raise the next of the troubles."""
        self.under_way += 1
        self.was_asked.set()
        assert self.under_way == 1, "one request for a token at a time"
        try:
            await asyncio.sleep(0)
            await self.let_go.wait()
            if self.troubles:
                raise self.troubles.pop(0)
            self.issued += 1
            return Token.of(Secret(f"token-{self.issued}"), self._renew_at())
        finally:
            self.under_way -= 1


def name_of(token: Token | None) -> str:
    """Return the secret of a token."""
    assert token is not None
    return token.authorization.removeprefix("Bearer ")


def test_a_token_makes_the_header_of_a_request() -> None:
    """As the vendor documents it."""
    token = Token.of(Secret(SECRET))
    assert token.authorization == f"Bearer {SECRET}"
    assert token.renew_at == math.inf


def test_a_token_does_not_show_itself() -> None:
    """Only when it is renewed."""
    token = Token.of(Secret(SECRET), 12.5)
    for text in (f"{token}", f"{token!r}", str([token]), f"{token!s:<99}"):
        assert SECRET not in text
        assert "renew_at=12.5" in text


async def test_everyone_at_once_asks_for_one_token() -> None:
    """64 callers get the very same one, and so does who comes later."""
    issuer = Issuer()
    source = TokenSource(issuer)
    tokens = await asyncio.gather(*(source.current() for _ in range(64)))
    tokens.append(await source.current())
    assert issuer.issued == 1
    assert {id(token) for token in tokens} == {id(tokens[0])}


async def test_a_token_is_renewed_when_its_time_has_come() -> None:
    """By the first who asks after that, once for all."""
    moments = iter([time.monotonic() - 1.0, math.inf])
    issuer = Issuer(lambda: next(moments))
    source = TokenSource(issuer)
    assert name_of(await source.current()) == "token-1"
    tokens = await asyncio.gather(*(source.current() for _ in range(64)))
    assert {name_of(token) for token in tokens} == {"token-2"}
    assert issuer.issued == 2


async def test_a_token_is_not_renewed_before() -> None:
    """As long as there is time."""
    issuer = Issuer(lambda: time.monotonic() + 1000.0)
    source = TokenSource(issuer)
    assert {name_of(await source.current()) for _ in range(10)} == {"token-1"}


async def test_a_token_without_any_life_is_provided_once() -> None:
    """An issuer with strange ideas does not lead to an endless loop."""
    issuer = Issuer(lambda: 0.0)
    source = TokenSource(issuer)
    assert [name_of(await source.current()) for _ in range(3)] == ["token-1", "token-2", "token-3"]


async def test_a_storm_of_401_leads_to_one_renewal() -> None:
    """A request that was refused with the old token gets the new one, however late."""
    issuer = Issuer()
    source = TokenSource(issuer)
    old = await source.current()
    tokens = await asyncio.gather(*(source.renewed(old) for _ in range(64)))
    tokens.append(await source.renewed(old))
    assert {name_of(token) for token in tokens} == {"token-2"}
    assert name_of(await source.current()) == "token-2"
    assert issuer.issued == 2
    assert name_of(await source.renewed(await source.current())) == "token-3"


async def test_while_a_token_is_renewed_no_request_gets_the_refused_one_again() -> None:
    """Callers during a renewal after a 401 wait for the new token or use the old one.

    But there is never a second request under way, and the end is one token for all.
    """
    issuer = Issuer()
    source = TokenSource(issuer)
    old = await source.current()
    issuer.let_go.clear()
    renewals = [asyncio.create_task(source.renewed(old)) for _ in range(8)]
    await asyncio.sleep(0)
    assert await source.current() is old
    issuer.let_go.set()
    assert {name_of(token) for token in await asyncio.gather(*renewals)} == {"token-2"}


async def test_a_failed_request_leaves_the_way_open() -> None:
    """The error reaches the caller; the next caller asks again."""
    issuer = Issuer()
    issuer.troubles = [OutageError("out of reach")]
    source = TokenSource(issuer)
    with pytest.raises(OutageError):
        await source.current()
    assert name_of(await source.current()) == "token-1"


async def test_a_caller_who_gives_up_does_not_take_the_token_from_the_others() -> None:
    """The one that asks is cancelled: the next in line asks in its place."""
    issuer = Issuer()
    issuer.let_go.clear()
    source = TokenSource(issuer)
    callers = [asyncio.create_task(source.current()) for _ in range(5)]
    await issuer.was_asked.wait()
    callers[0].cancel()
    callers[2].cancel()
    await asyncio.wait(callers[:1])
    issuer.let_go.set()
    await asyncio.wait(callers)
    assert [caller.cancelled() for caller in callers] == [True, False, True, False, False]
    assert {name_of(caller.result()) for caller in callers if not caller.cancelled()} == {"token-1"}


async def test_a_token_that_is_used_as_it_is_cannot_be_renewed() -> None:
    """It is provided for ever, and after a 401 there is no other."""
    token = Token.of(Secret(SECRET))
    source = TokenSource(None, token)
    assert await source.current() is token
    assert not source.can_renew


async def test_a_token_on_trial_is_held_back() -> None:
    """The previous one is provided meanwhile; without one all wait for the end of the trial."""
    issuer = Issuer()
    issuer.let_go.set()
    source = TokenSource(issuer)
    first = await source.current()
    with source.on_trial():
        assert source.cached() is None
        waiting = asyncio.create_task(source.current())
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting is first
    # One that was refused does not serve during the trial of the next one.
    second = await source.renewed(first)
    with source.on_trial():
        assert source.cached() is None
    assert source.cached() is second
    assert source.is_newest(second)


async def test_a_token_that_was_renewed_early_serves_during_the_trial_of_the_next_one() -> None:
    """Until it is refused too."""
    now = [0.0]
    issuer = Issuer(lambda: now[0] + 10.0)
    issuer.let_go.set()
    source = TokenSource(issuer, clock=lambda: now[0])
    first = await source.current()
    now[0] = 11.0
    second = await source.current()
    with source.on_trial():
        assert source.cached() is first
        assert not source.is_newest(first)
        assert source.cached() is None
    assert source.cached() is second


async def test_each_token_is_used_once() -> None:
    """One that has ended before its first request leaves: the server decides."""
    now = [0.0]

    async def issue() -> Token:
        await asyncio.sleep(0)
        return Token.of(Secret("short"), now[0] + 4.0, now[0] + 5.0)

    source = TokenSource(issue, clock=lambda: now[0])
    token = await source.current()
    now[0] = 6.0
    assert source.cached() is token
    assert source.cached() is None


async def test_the_newest_token_counts_as_accepted_since_its_last_answer() -> None:
    """That of an older token says nothing about it."""
    issuer = Issuer()
    issuer.let_go.set()
    source = TokenSource(issuer)
    first = await source.current()
    assert not source.was_accepted()
    source.accepted(first, 5.0)
    source.accepted(first, 4.0)
    assert (source.was_accepted(4.5), source.was_accepted(5.0)) == (True, False)
    await source.renewed(first)
    source.accepted(first, 6.0)
    assert not source.was_accepted()


@pytest.mark.parametrize("trouble", [StoppedError(), OutageError("out of reach")], ids=repr)
async def test_a_failed_early_renewal_delays_no_request(
    trouble: Exception,
) -> None:
    """The old token stays in use, the next renewal waits a while, and no error is lost."""
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    issuer = Issuer()
    issuer.troubles = [trouble]
    old = Token.of(Secret(SECRET), time.monotonic() - 1.0)
    async with TokenSource(issuer, old) as source:
        assert source.cached() is old
        async with asyncio.timeout(1):
            await issuer.was_asked.wait()
        for _ in range(20):
            assert source.cached() is old
            await asyncio.sleep(0)
        assert (issuer.troubles, issuer.under_way, issuer.issued) == ([], 0, 0)
    del source
    await asyncio.sleep(0)
    gc.collect()
    assert unheard == []


async def test_who_needs_a_token_is_told_that_the_run_is_stopped() -> None:
    """Without a token no request can be sent: `StoppedError` reaches each caller."""
    issuer = Issuer()
    issuer.troubles = [StoppedError(), StoppedError()]
    source = TokenSource(issuer)
    callers = [asyncio.create_task(source.current()) for _ in range(2)]
    await asyncio.wait(callers)
    assert [type(caller.exception()) for caller in callers] == [StoppedError, StoppedError]


async def test_a_renewal_that_is_refused_is_told_to_the_next_who_asks() -> None:
    """In mid-run, and at once: the old token is still valid, but the user should know now."""
    issuer = Issuer()
    issuer.troubles = [CredentialsError("the client is refused")]
    old = Token.of(Secret(SECRET), time.monotonic() - 1.0)
    async with TokenSource(issuer, old) as source:
        assert source.cached() is old
        await asyncio.wait(under_way())
        for _ in range(2):
            with pytest.raises(CredentialsError, match="the client is refused"):
                source.cached()
    assert (issuer.issued, issuer.troubles) == (0, [])


def under_way() -> set[asyncio.Task[Any]]:
    """Return everything that is under way beside the test itself: the renewal."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


class Clock:
    """Seconds that stand still until they are told to move."""

    now = 1000.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.now


async def test_a_token_is_cached_until_its_end() -> None:
    """From `renew_at` on a new one is requested in the background, once; no request waits."""
    clock, issuer = Clock(), Issuer()
    issuer.let_go.clear()
    old = Token.of(Secret(SECRET), 1100.0, 1160.0)
    async with TokenSource(issuer, old, clock=clock) as source:
        clock.now = 1099.0
        assert source.cached() is old
        assert under_way() == set()
        clock.now = 1100.0
        assert source.cached() is old
        clock.now = 1159.0
        assert source.cached() is old
        renewals = under_way()
        assert len(renewals) == 1
        clock.now = 1160.0
        assert source.cached() is None
        issuer.let_go.set()
        await asyncio.wait(renewals)
        assert name_of(source.cached()) == "token-1"
    assert issuer.issued == 1


async def test_the_next_renewal_waits_a_while_after_one_that_came_to_nothing() -> None:
    """Five seconds, so that an issuer that is out of reach is not asked with every request."""
    clock, issuer = Clock(), Issuer()
    issuer.troubles = [OutageError("out of reach")]
    old = Token.of(Secret(SECRET), 1000.0, 1060.0)
    async with TokenSource(issuer, old, clock=clock) as source:
        assert source.cached() is old
        await asyncio.wait(under_way())
        clock.now = 1004.9
        assert source.cached() is old
        assert under_way() == set()
        clock.now = 1005.0
        assert source.cached() is old
        await asyncio.wait(under_way())
        assert name_of(source.cached()) == "token-1"


async def test_a_renewal_that_is_under_way_ends_with_the_source() -> None:
    """It is cancelled and awaited; no task is left behind."""
    issuer = Issuer()
    issuer.let_go.clear()
    async with TokenSource(issuer, Token.of(Secret(SECRET), time.monotonic() - 1.0)) as source:
        source.cached()
        await issuer.was_asked.wait()
    assert (under_way(), issuer.under_way) == (set(), 0)
