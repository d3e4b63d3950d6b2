import asyncio
from functools import partial

import pytest

from collector.core.errors import CredentialsError, StoppedError
from collector.core.secrets import Secret
from collector.http.token import Token, TokenSource
from collector.http.unauthorized import TokenJudge

_STATIC = Secret("static-77aa")


class _Bench:
    """A judge whose time passes only while it sleeps, and a server that accepts what it is told.

    `known_at` is when the server knows each token; those that are not in it are never accepted.
    """

    def __init__(self, known_at: dict[str, float], *, given: Secret | None = None) -> None:
        self.now = 1000.0
        self.known_at = known_at
        self.tells = True
        self.issued = list[float]()
        self.asked = list[tuple[str, float]]()
        self.most = list[int]()
        self.is_stopped = False
        self.tokens = TokenSource(
            self._issue if given is None else None,
            None if given is None else Token.of(given),
            clock=lambda: self.now,
        )
        self.judge = TokenJudge(self.tokens, self._sleep, clock=lambda: self.now)

    async def _issue(self) -> Token:
        self.issued.append(self.now)
        secret = Secret(f"token-{len(self.issued)}")
        return Token.of(secret, self.now + 6000, self.now + 7000, self.now)

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        if self.is_stopped:
            raise StoppedError
        self.now += seconds

    async def _is_accepted(self, token: Token, most: int) -> bool | None:
        await asyncio.sleep(0)
        self.most.append(most)
        name = token.secret.reveal()
        self.asked.append((name, self.now))
        if not self.tells:
            return None
        is_accepted = self.now >= self.known_at.get(name, 1e9)
        if is_accepted:
            self.tokens.accepted(token, self.now)
        return is_accepted

    async def unauthorized(self, token: Token | None = None) -> Token | None:
        """Report a 401 that comes now, and return the token that is provided then."""
        token = token or await self.tokens.current()
        await self.judge.judge(token, self.now, partial(self._is_accepted, token))
        return self.tokens.cached()


async def test_a_token_that_is_accepted_for_others_stays() -> None:
    """One question is enough, and none if another answer has come since."""
    bench = _Bench({"token-1": 0.0})
    token = await bench.tokens.current()
    assert await bench.unauthorized() is token
    assert len(bench.asked) == 1
    bench.tokens.accepted(token, bench.now + 1.0)
    assert await bench.unauthorized() is token
    assert (len(bench.asked), len(bench.issued)) == (1, 1)


async def test_a_new_token_that_is_not_known_yet_is_waited_for() -> None:
    """With that token, and with pauses; no other token is requested."""
    bench = _Bench({"token-1": 1001.5})
    token = await bench.tokens.current()
    assert await bench.unauthorized() is token
    assert 1001.5 <= bench.now < 1006.5
    assert (len(bench.issued), len(bench.asked)) == (1, len(set(bench.asked)))


async def test_many_requests_with_one_token_wait_for_one_judgement() -> None:
    """The first one asks for all."""
    bench = _Bench({"token-1": 1001.5})
    token = await bench.tokens.current()
    waiting = [asyncio.create_task(bench.unauthorized(token)) for _ in range(64)]
    assert set(await asyncio.gather(*waiting)) == {token}
    assert len(bench.asked) < 15


async def test_the_token_before_serves_during_the_trial() -> None:
    """The new one is asked with alone."""
    bench = _Bench({"token-1": 0.0, "token-2": 7101.5})
    first = await bench.tokens.current()
    bench.now = first.renew_at + 100.0
    second = await bench.tokens.current()
    judging = asyncio.create_task(bench.unauthorized(second))
    for _ in range(3):
        await asyncio.sleep(0)
    assert bench.tokens.cached() is first
    assert await judging is second


async def test_a_token_that_was_accepted_and_is_no_more_has_ended() -> None:
    """However young it is: one new token for all."""
    bench = _Bench({"token-1": 0.0, "token-2": 0.0})
    token = await bench.tokens.current()
    bench.tokens.accepted(token, bench.now)
    bench.now += 10.0
    bench.known_at["token-1"] = 1e9
    waiting = [asyncio.create_task(bench.unauthorized(token)) for _ in range(64)]
    newer = set(await asyncio.gather(*waiting))
    assert len(newer) == 1
    assert newer != {token}
    assert (len(bench.issued), len(bench.asked)) == (2, 1)


async def test_tokens_that_end_at_once_are_requested_every_five_seconds_at_most() -> None:
    """Their number is bounded by time."""
    bench = _Bench({f"token-{number}": 0.0 for number in range(100)})
    for _ in range(20):
        token = await bench.tokens.current()
        bench.tokens.accepted(token, bench.now)
        bench.known_at[token.secret.reveal()] = 1e9
        await bench.unauthorized()
    gaps = [later - earlier for earlier, later in zip(bench.issued, bench.issued[1:], strict=False)]
    assert min(gaps) >= 5.0


async def test_a_token_that_is_never_accepted_ends_the_run_after_half_a_minute() -> None:
    """No company was answered with it meanwhile."""
    bench = _Bench({})
    with pytest.raises(CredentialsError, match="have just been issued"):
        await bench.unauthorized()
    assert 30.0 <= bench.now - 1000.0 <= 35.0
    assert len(bench.issued) == 1


async def test_an_old_token_that_was_never_accepted_is_renewed_once() -> None:
    """Such as one that was requested long before the first request."""
    bench = _Bench({})
    token = await bench.tokens.current()
    bench.now += 100.0
    assert await bench.unauthorized(token) is not token
    assert len(bench.issued) == 2
    with pytest.raises(CredentialsError):
        await bench.unauthorized()
    assert len(bench.issued) == 2


async def test_a_given_token_that_is_not_accepted_ends_the_run_at_once() -> None:
    """The message names the variable, and the other way to get tokens; not the token."""
    bench = _Bench({}, given=_STATIC)
    with pytest.raises(CredentialsError, match=r"TRUST_ACCESS_TOKEN.*TRUST_CLIENT_ID") as caught:
        await bench.unauthorized()
    assert bench.now == 1000.0
    assert _STATIC.reveal() not in str(caught.value)


async def test_a_given_token_in_quotes_is_hinted_at() -> None:
    """Its server did not issue it so."""
    bench = _Bench({}, given=Secret('"static-77aa"'))
    with pytest.raises(CredentialsError, match="TRUST_ACCESS_TOKEN begins and ends with a quote"):
        await bench.unauthorized()


async def test_nothing_is_decided_while_no_answer_tells() -> None:
    """During an outage: the token may be good."""
    bench = _Bench({"token-1": 0.0})
    token = await bench.tokens.current()
    bench.now += 100.0
    bench.tells = False
    judging = asyncio.create_task(bench.unauthorized(token))
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(bench.asked) > 5
    assert not judging.done()
    bench.tells = True
    assert await judging is token
    assert len(bench.issued) == 1


async def test_a_stop_ends_the_trial() -> None:
    """All that wait for its end continue, and learn it at the gate."""
    bench = _Bench({})
    token = await bench.tokens.current()
    judging = asyncio.create_task(bench.unauthorized(token))
    for _ in range(3):
        await asyncio.sleep(0)
    bench.is_stopped = True
    with pytest.raises(StoppedError):
        await judging
    assert await bench.tokens.current() is token
