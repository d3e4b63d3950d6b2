"""What a 401 means: the token is too new, has ended, or is not for this company."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from random import random
from typing import Final

from collector.core.errors import CredentialsError
from collector.http.credentials import AccessToken, hint_at_quotes
from collector.http.retry import backoff
from collector.http.token import Token, TokenSource

__all__ = ["MOST_ASKED", "TokenJudge"]

_YOUNG_SECONDS: Final = 30.0
"""After its issue a token may be unknown to some servers behind the address for so long."""

_BETWEEN_TOKENS: Final = 5.0
"""Seconds between two tokens at least, so that their number is bounded by time."""

_LEAST_JITTER: Final = 0.5
_LONGEST_PAUSE: Final = 5.0

_FEWEST_ASKED: Final = 3
_ASKED_AGAIN: Final = 12
MOST_ASKED: Final = 48
"""Requests for other companies with a token: in the first try, in each later one while the token is
new, and once it is not. One of several servers may be the one that refuses it, and the first
companies of a list may be denied."""


class TokenJudge:
    """Finds out what a 401 means by asking for other companies with the same token.

    * The server accepts the token for others: the 401 is about this company, or about one of
      several servers. The caller sends its request once more.
    * The server accepted the token before, or it is not new: it has ended, and is renewed once.
    * The token is new: the server may not know it yet. It is tried for half a minute, while the
      previous token serves all other requests, as long as it is valid; without one they wait.

    * `tokens`: provides the tokens.
    * `sleep`: waits for some seconds; raises `StoppedError` when the run is stopped.
    * `most_asked`: other companies that one try asks for, at most.
    * `clock`: monotonic seconds, the same clock as that of the tokens.
    """

    def __init__(
        self,
        tokens: TokenSource,
        sleep: Callable[[float], Awaitable[None]],
        *,
        most_asked: int = MOST_ASKED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._sleep = sleep
        self._most_asked = most_asked
        self._clock = clock
        # One at a time: what it finds out is true for all that wait.
        self._lock = asyncio.Lock()

    async def judge(
        self,
        token: Token,
        since: float,
        is_accepted: Callable[[int], Awaitable[bool | None]],
    ) -> None:
        """Return when a request that got a 401 may be sent again, with the token provided then.

        The 401 came at `since` (seconds of the gate's clock) to a request with `token`.
        `is_accepted` asks for so many other companies with the token, until one is answered; it
        returns None if no answer came, as in an outage.

        Raises `CredentialsError` when the server accepts no token, and what `is_accepted` raises.
        """
        tokens, tries = self._tokens, 0
        async with self._lock:
            with ExitStack() as trial:
                while tokens.is_newest(token) and not tokens.was_accepted(since):
                    age = self._clock() - token.issued_at
                    is_known = tokens.was_accepted() or age >= _YOUNG_SECONDS
                    accepted = await is_accepted(self._most(tries, is_known=is_known))
                    if accepted or tokens.was_accepted(since):
                        return
                    if is_known and accepted is False:
                        break
                    if not tries:
                        trial.enter_context(tokens.on_trial())
                    tries += 1
                    pause = min(backoff(tries, random, least=_LEAST_JITTER), _LONGEST_PAUSE)
                    await self._sleep(pause)
                else:
                    return
                if not tries:
                    # Nothing more is sent with it.
                    trial.enter_context(tokens.on_trial())
                await self._replace(token, was_tried=tries > 0)

    def _most(self, tries: int, *, is_known: bool) -> int:
        """Return for how many other companies a try asks.

        A token that was accepted before has ended if the first of them are refused. One that never
        was may be good for others than these.
        """
        if self._tokens.was_accepted():
            most = _FEWEST_ASKED
        elif is_known:
            most = MOST_ASKED
        else:
            most = _ASKED_AGAIN if tries else _FEWEST_ASKED
        return min(most, self._most_asked)

    async def _replace(self, token: Token, *, was_tried: bool) -> None:
        tokens = self._tokens
        if not tokens.can_renew:
            raise CredentialsError(
                "the API rejects TRUST_ACCESS_TOKEN (HTTP 401): it is wrong or has expired; "
                "what was collected so far is kept; get a new one, or give TRUST_CLIENT_ID and "
                "TRUST_CLIENT_SECRET, with which tokens are renewed"
                f"{hint_at_quotes(AccessToken(token.secret))}"
            )
        if was_tried and not tokens.was_accepted():
            raise CredentialsError(
                "the API rejects tokens that have just been issued (HTTP 401); what was collected "
                "so far is kept; check that --base-url and --token-url belong to the same "
                "environment"
            )
        age = self._clock() - token.issued_at
        if age < _BETWEEN_TOKENS:
            await self._sleep(_BETWEEN_TOKENS - age)
        await tokens.renewed(token)
