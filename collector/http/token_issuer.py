"""Token requests to Atenea, with retries while Atenea is unavailable."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from math import inf
from random import random
from typing import Final

import msgspec
import orjson
from structlog.typing import FilteringBoundLogger
from yarl import URL

from collector.core.errors import CredentialsError, OutageError
from collector.core.secrets import Redactor, Secret
from collector.http.credentials import ClientCredentials
from collector.http.gate import Gate
from collector.http.rate_headers import parse_http_date, read_retry_after
from collector.http.retry import backoff, is_transient_status
from collector.http.token import Token
from collector.http.transport import Response, Transport, TransportFailure

__all__ = ["TokenIssuer", "renew_after", "token_lifetime"]

_LONGEST_PAUSE: Final = 30.0
"""Longest pause in seconds that a `Retry-After` can ask for before the first token."""

_LEAST_JITTER: Final = 0.5
"""With it, half an hour of outage takes 70 to 130 requests."""

_RENEW_BEFORE: Final = 60.0
_RENEW_BEFORE_SHARE: Final = 0.2
"""A token is renewed 60 seconds before its end, or after 80 % of a shorter life."""

_DEFAULT_LIFE: Final = 7200.0
"""The documented life in seconds, used when the issuer does not state one."""

_WHOLE_SECOND: Final = 1.0
"""The server states its times in whole seconds, so a token may end a second earlier."""

_REASON_LENGTH: Final = 500
"""Most characters of the issuer's own reason that a message quotes."""


class _TokenReply(msgspec.Struct):
    access_token: str
    expires_in: object = None
    created_at: object = None


class _ErrorReply(msgspec.Struct):
    error: str = ""
    error_description: str = ""


def token_lifetime(
    expires_in: float | None, created_at: float | None, server_now: float | None
) -> float:
    """Return for how many seconds a token that was just received is valid.

    All times are by the server's clock: `created_at` (epoch seconds) and `server_now` (the
    answer's Date header) show the age of the token when an issuer returns an earlier one again.
    The local clock does not matter. Doorkeeper's `expires_in` is the remaining life, or the whole
    life; the shorter reading is used.
    """
    life = expires_in if expires_in is not None and expires_in > 0 else _DEFAULT_LIFE
    if created_at is not None and server_now is not None:
        age = max(0.0, server_now - created_at)
        # An age beyond the whole life means a wrong clock, because the token was just issued.
        life = life - age if age < life else life
    return life


def renew_after(life: float) -> float:
    """Return the seconds after which a token of the given life (seconds) is renewed."""
    return life - min(_RENEW_BEFORE, life * _RENEW_BEFORE_SHARE)


class TokenIssuer:
    """Requests a token from Atenea, and retries while Atenea is unavailable.

    Before the first token it gives up after `max_attempts` tries: the address may be wrong, and no
    request of the run was sent yet. Later it retries for `patience` seconds.

    * `credentials`: the client id and secret that are exchanged for a token.
    * `url`: the address that issues tokens.
    * `transport`: sends the requests, as urgent ones.
    * `gate`: waits between tries, and ends the wait when the run is stopped.
    * `max_attempts`: tries before the first token, at most.
    * `patience`: seconds for which a failing issuer is retried; `inf` for no limit.
    * `redact`: learns each token, and removes secrets from the issuer's messages.
    * `log`: takes the events of tokens issued and not issued.
    * `clock`: monotonic seconds, the same clock as that of the `TokenSource`.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        credentials: ClientCredentials,
        *,
        url: str,
        transport: Transport,
        gate: Gate,
        max_attempts: int,
        patience: float = inf,
        redact: Redactor,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = URL(url)
        self._transport = transport
        self._gate = gate
        self._max_attempts = max_attempts
        self._patience = patience
        self._redact = redact
        self._log = log
        self._clock = clock
        self._has_issued = False
        self._failing_since: float | None = None
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
        tries, problem = 0, ""
        while True:
            tries += 1
            reply = await self._transport.post(self._url, self._body)
            token = self._read(reply)
            if isinstance(token, Token):
                self._has_issued = True
                self._failing_since = None
                return token
            problem = token
            self._log.warning("token_not_issued", problem=problem, attempt=tries)
            retry_after = self._retry_after(reply)
            if not self._has_issued:
                # The run has not started yet, and the user may be waiting at the terminal.
                retry_after = min(retry_after, _LONGEST_PAUSE)
            left = self._patience_left()
            if left <= 0.0 or retry_after > left or self._first_token_failed(tries):
                break
            # The last try is made exactly when patience ends.
            pause = min(max(backoff(tries, random, least=_LEAST_JITTER), retry_after), left)
            # Only requests to the issuer pause: it is a separate service, and requests that need a
            # token wait anyway.
            await self._gate.sleep(pause)
        raise OutageError(f"no access token from {self._url} (tries: {tries}): {problem}")

    def _patience_left(self) -> float:
        """Return the seconds for which a failing issuer is still retried."""
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
        return self._failing_since + self._patience - now

    def _first_token_failed(self, tries: int) -> bool:
        return not self._has_issued and tries >= self._max_attempts

    def _retry_after(self, reply: Response | TransportFailure) -> float:
        if isinstance(reply, TransportFailure):
            return 0.0
        headers, now = reply.headers, datetime.now(UTC)
        retry_after = read_retry_after(headers.get("Retry-After"), now, headers.get("Date"))
        return 0.0 if retry_after is None or retry_after.seconds is None else retry_after.seconds

    def _read(self, reply: Response | TransportFailure) -> Token | str:
        """Return the token, or the text of a transient problem.

        Raises `CredentialsError` when the issuer rejects the request or sends no usable token.
        """
        if isinstance(reply, TransportFailure):
            return reply.message
        if is_transient_status(reply.status):
            return f"HTTP status {reply.status}"
        if reply.status != HTTPStatus.OK:
            raise CredentialsError(self._refusal(reply))
        try:
            issued = msgspec.json.decode(reply.body, type=_TokenReply)
        except msgspec.ValidationError:
            issued = _TokenReply(access_token="")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "an answer that is no JSON, such as a page about maintenance"
        text = issued.access_token
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise CredentialsError(
                f"{self._url} answered 200 without a usable access_token; check --token-url"
            )
        secret = Secret(text)
        self._redact.learn(secret)
        life = token_lifetime(_number(issued.expires_in), _number(issued.created_at), _date(reply))
        renew = renew_after(life)
        self._log.info("token_issued", renew_in_seconds=round(renew, 1))
        now = self._clock()
        return Token.of(secret, now + renew, now + max(renew, life - _WHOLE_SECOND))

    def _refusal(self, reply: Response) -> str:
        try:
            rejection = msgspec.json.decode(reply.body, type=_ErrorReply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rejection = _ErrorReply()
        reason = ": ".join(text for text in (rejection.error, rejection.error_description) if text)
        reason = self._redact.beginning(reason, _REASON_LENGTH) or "no reason given"
        remedy = (
            "check TRUST_CLIENT_ID and TRUST_CLIENT_SECRET (or the credentials file)"
            if reply.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}
            else "check --token-url"
        )
        return f"{self._url} refused to issue a token (HTTP {reply.status}: {reason}); {remedy}"


def _date(reply: Response) -> float | None:
    """Return the time in an answer's `Date` header in epoch seconds; None without a valid one."""
    return parse_http_date(reply.headers.get("Date", ""))


def _number(value: object) -> float | None:
    """Read a number, also one in quotes; None otherwise, so that the token itself stays usable."""
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
