import asyncio
from math import inf

import pytest

from collector.cluster.messages import Orders
from collector.cluster.token_feed import TokenFeed
from collector.core.errors import StoppedError
from collector.core.secrets import Redactor, Secret
from collector.http.gate import Gate
from collector.http.token import Token
from collector.pace import RateController, Share


def _gate() -> Gate:
    return Gate(RateController(10.0, companies=1, probe_seconds=5.0))


def _handed(number: int, *, renew_in: float = 60.0, ends_in: float = 90.0) -> Orders:
    token = Token.of(Secret(f"token-{number}"), renew_in, ends_in, issued_at=-7.0)
    return Orders(share=Share(1.0), token=token, token_number=number)


def _stale(feed: TokenFeed) -> int | None:
    return feed.stale


async def test_the_first_one_is_there_at_once_and_hidden_from_the_log() -> None:
    """It is renewed five seconds later than by the process that requests it, and ends earlier."""
    now = 100.0
    feed = TokenFeed(_handed(4), clock=lambda: now)
    redact = Redactor()
    token = await feed.issue(_gate(), redact)
    assert token.secret.reveal() == "token-4"
    assert (token.renew_at, token.ends_at, token.issued_at) == (165.0, 189.4, 93.0)
    assert "token-4" not in redact("a token-4 in a text")
    assert feed.stale is None


@pytest.mark.parametrize(
    ("renew_in", "ends_in", "renew_at", "ends_at"),
    [
        (8.0, 9.0, 8.4, 8.4),
        (inf, inf, inf, inf),
        (0.0, 20.0, 5.0, 19.4),
        (-3.0, 2.0, 1.4, 1.4),
        (-3.0, 0.5, 0.0, 0.0),
    ],
)
async def test_it_is_never_used_after_its_end(
    renew_in: float, ends_in: float, renew_at: float, ends_at: float
) -> None:
    """One that lives for seconds is renewed at its end at the latest."""
    handed = _handed(1, renew_in=renew_in, ends_in=ends_in)
    token = await TokenFeed(handed, clock=lambda: 0.0).issue(_gate(), Redactor())
    assert (token.renew_at, token.ends_at) == (renew_at, ends_at)


async def test_a_newer_one_is_asked_for_and_waited_for() -> None:
    """By the number of the one that is not good any more; what comes again is not news."""
    feed = TokenFeed(_handed(1))
    gate = _gate()
    await feed.issue(gate, Redactor())
    waiting = asyncio.create_task(feed.issue(gate, Redactor()))
    async with asyncio.timeout(30):
        while _stale(feed) is None:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
    assert _stale(feed) == 1
    feed.put(_handed(1))
    feed.put(_handed(0))
    await asyncio.sleep(0.15)
    assert not waiting.done()
    assert _stale(feed) == 1
    feed.put(_handed(2))
    assert _stale(feed) is None
    assert (await waiting).secret.reveal() == "token-2"


async def test_one_that_came_meanwhile_needs_no_asking() -> None:
    """The newest counts; its times are reckoned from when it came."""
    now = 0.0
    feed = TokenFeed(_handed(1), clock=lambda: now)
    gate = _gate()
    await feed.issue(gate, Redactor())
    now = 50.0
    feed.put(_handed(2))
    feed.put(_handed(5))
    now = 60.0
    token = await feed.issue(gate, Redactor())
    assert (token.secret.reveal(), token.renew_at) == ("token-5", 115.0)
    assert feed.stale is None


async def test_no_task_waits_when_the_run_is_ended() -> None:
    """A task that waits for a token gives way."""
    feed = TokenFeed(_handed(1))
    gate = _gate()
    await feed.issue(gate, Redactor())
    waiting = asyncio.create_task(feed.issue(gate, Redactor()))
    await asyncio.sleep(0.05)
    gate.close()
    with pytest.raises(StoppedError):
        await waiting
