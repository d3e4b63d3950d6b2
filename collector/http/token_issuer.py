"""Token requests to Atenea, with retries while Atenea is unavailable."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from math import inf
from random import random
from typing import Final

import orjson
from structlog.typing import FilteringBoundLogger
from yarl import URL

from collector.core.errors import CredentialsError
from collector.core.secrets import Redactor
from collector.http.credentials import ClientCredentials, hint_at_quotes
from collector.http.faults import Fault, Nature
from collector.http.gate import Gate
from collector.http.rate_headers import read_retry_after
from collector.http.retry import backoff
from collector.http.silence import Silence
from collector.http.token import Token
from collector.http.token_reply import Refusal, read_token_reply, renew_after
from collector.http.transport import Response, Transport, TransportFailure

__all__ = ["TokenIssuer"]

_LONGEST_PAUSE: Final = 30.0
"""Longest pause in seconds that a `Retry-After` can ask for before the first token."""

_LEAST_JITTER: Final = 0.5
"""With it, half an hour of outage takes 70 to 130 requests."""

_WHOLE_SECOND: Final = 1.0
"""The server states its times in whole seconds, so a token may end a second earlier."""


class TokenIssuer:
    """Requests a token from Atenea, and retries while Atenea is unavailable.

    `silence` decides how long the first token is waited for. Later it retries for `patience`
    seconds.

    * `credentials`: the client id and secret that are exchanged for a token.
    * `url`: the address that issues tokens.
    * `transport`: sends the requests, as urgent ones.
    * `gate`: waits between tries, and ends the wait when the run is stopped.
    * `silence`: of the issuer; names it in messages.
    * `patience`: seconds for which a failing issuer is retried; `inf` for no limit.
    * `redact`: learns each token, and removes secrets from the issuer's messages.
    * `log`: takes the events of tokens issued and not issued.
    * `clock`: monotonic seconds, the same clock as that of the `TokenSource`.
    * `awake`: seconds in which the process was awake, for the patience; `clock` if not given.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        credentials: ClientCredentials,
        *,
        url: str,
        transport: Transport,
        gate: Gate,
        silence: Silence,
        patience: float = inf,
        redact: Redactor,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = time.monotonic,
        awake: Callable[[], float] | None = None,
    ) -> None:
        self._url = URL(url)
        self._hint = hint_at_quotes(credentials)
        self._transport = transport
        self._gate = gate
        self._silence = silence
        self._patience = patience
        self._redact = redact
        self._log = log
        self._clock = clock
        self._awake = awake or clock
        self._body = orjson.dumps(
            {
                "client_id": credentials.client_id.reveal(),
                "client_secret": credentials.client_secret.reveal(),
                "grant_type": "client_credentials",
            }
        )

    async def __call__(self) -> Token:
        """Return a new token.

        Raises `CredentialsError` when the issuer rejects the client, `OutageError` when it issues
        no token in time, `StoppedError` when the run is stopped meanwhile.
        """
        tries = 0
        while True:
            tries += 1
            self._silence.sent(self._awake())
            reply = await self._transport.post(self._url, self._body)
            token = self._read(reply)
            if isinstance(token, Token):
                self._silence.answered()
                return token
            self._silence.failed(token)
            self._log.warning("token_not_issued", problem=token.text, attempt=tries)
            now = self._awake()
            # A fault of this machine is not charged; it ends the wait itself.
            is_local = token.nature in {Nature.LOCAL, Nature.SUSPENDED}
            left = inf if is_local else self._ends_at(now) - now
            retry_after = self._retry_after(reply)
            if self._silence.was_never_answered:
                # The run has not started yet, and the user may be waiting at the terminal.
                retry_after = min(retry_after, _LONGEST_PAUSE)
            if left <= 0.0 or retry_after > left:
                raise self._silence.error(now)
            # The last try is made exactly when patience ends.
            pause = min(max(backoff(tries, random, least=_LEAST_JITTER), retry_after), left)
            # Only requests to the issuer pause: it is a separate service, and requests that need a
            # token wait anyway.
            await self._gate.sleep(pause)

    def _ends_at(self, now: float) -> float:
        """Return until when a failing issuer is retried."""
        since = self._silence.since
        later = (now if since is None else since) + self._patience
        return min(later, self._silence.first_ends_at)

    def _retry_after(self, reply: Response | TransportFailure) -> float:
        if isinstance(reply, TransportFailure):
            return 0.0
        headers, now = reply.headers, datetime.now(UTC)
        retry_after = read_retry_after(headers.get("Retry-After"), now, headers.get("Date"))
        return 0.0 if retry_after is None or retry_after.seconds is None else retry_after.seconds

    def _read(self, reply: Response | TransportFailure) -> Token | Fault:
        """Return the token, or the cause of a failure that may pass.

        Raises `CredentialsError` when the issuer rejects the request or sends no usable token.
        """
        if isinstance(reply, TransportFailure):
            return Fault(reply.message, reply.nature)
        read = read_token_reply(
            reply,
            datetime.now(UTC),
            self._redact,
            has_issued=self._silence.was_answered,
            hint=self._hint,
        )
        if isinstance(read, Fault):
            return read
        if isinstance(read, Refusal):
            raise CredentialsError(f"{self._url} {read.text}")
        self._redact.learn_token(read.secret)
        renew = renew_after(read.life)
        self._log.info("token_issued", renew_in_seconds=round(renew, 1))
        now = self._clock()
        return Token.of(read.secret, now + renew, now + max(renew, read.life - _WHOLE_SECOND), now)
