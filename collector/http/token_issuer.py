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

from collector.core.errors import CredentialsError
from collector.core.secrets import Redactor, Secret
from collector.http.content import NOT_UTF8, content_fault, is_utf8, without_bom
from collector.http.credentials import ClientCredentials
from collector.http.faults import Fault, Nature
from collector.http.gate import Gate
from collector.http.rate_headers import parse_http_date, read_retry_after
from collector.http.retry import backoff, is_transient_status
from collector.http.silence import Silence
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

_NOT_JSON: Final = Fault(
    "the answer is not JSON; it may be a page about maintenance", Nature.TRANSIENT
)


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
        if is_transient_status(reply.status):
            return Fault(f"HTTP {reply.status}", Nature.TRANSIENT)
        if reply.status != HTTPStatus.OK:
            raise CredentialsError(self._refusal(reply))
        unreadable = content_fault(reply.headers)
        if unreadable is not None:
            return unreadable
        try:
            issued = msgspec.json.decode(without_bom(reply.body), type=_TokenReply)
        except msgspec.ValidationError:
            issued = _TokenReply(access_token="")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _NOT_JSON if is_utf8(reply.body) else NOT_UTF8
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
        return Token.of(secret, now + renew, now + max(renew, life - _WHOLE_SECOND), now)

    def _refusal(self, reply: Response) -> str:
        try:
            rejection = msgspec.json.decode(without_bom(reply.body), type=_ErrorReply)
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
