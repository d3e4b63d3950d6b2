"""Asks Atenea for an access token, and again while Atenea is out of reach."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from math import inf
from random import random
from typing import Final

import msgspec
import orjson
from multidict import CIMultiDict
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
"""Seconds that a `Retry-After` can ask for before the first token."""

_LEAST_JITTER: Final = 0.5
"""Half an hour of outage is 70 to 130 requests."""

_RENEW_BEFORE: Final = 60.0
_RENEW_BEFORE_SHARE: Final = 0.2
"""A token is renewed a minute before its end, or when 80 % of a short life is over."""

_DEFAULT_LIFE: Final = 7200.0
"""Seconds; the documented life, for an issuer that does not state one."""

_WHOLE_SECOND: Final = 1.0
"""The server states its times in whole seconds, so a token may end a second earlier."""

_SAID: Final = 500
"""Characters of the issuer's own reason that a message repeats."""

_JSON: Final = CIMultiDict({"Content-Type": "application/json"})


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: object = None
    created_at: object = None


class _Refused(msgspec.Struct):
    error: str = ""
    error_description: str = ""


def token_lifetime(
    expires_in: float | None, created_at: float | None, server_now: float | None
) -> float:
    """Return for how many seconds a token that has just come can be used.

    All by the server's clock: `created_at` (epoch seconds) and `server_now` (the answer's Date
    header) show how old the token already is when an issuer hands out an earlier one again. The
    local clock may be as wrong as it likes. Doorkeeper's `expires_in` is what is left, or the
    whole life; the shorter reading is taken.
    """
    life = expires_in if expires_in is not None and expires_in > 0 else _DEFAULT_LIFE
    if created_at is not None and server_now is not None:
        age = max(0.0, server_now - created_at)
        # An age beyond the whole life is a clock that is wrong, since the token was just issued.
        life = life - age if age < life else life
    return life


def renew_after(life: float) -> float:
    """Return the seconds after which a token of the given life (seconds) is renewed."""
    return life - min(_RENEW_BEFORE, life * _RENEW_BEFORE_SHARE)


class TokenIssuer:
    """Asks Atenea for a token, and again while Atenea is out of reach.

    Before the first token it gives up after `max_attempts` tries, for the address may be wrong, and
    nothing has begun yet. Later it waits for as long as `patience` (seconds) allows.
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

        Raises `CredentialsError` when the client is refused, `OutageError` when no token came in
        time, `StoppedError` when the run is ended meanwhile.
        """
        tries, problem = 0, ""
        while True:
            tries += 1
            reply = await self._transport.send("POST", self._url, _JSON, self._body)
            token = self._read(reply)
            if isinstance(token, Token):
                self._has_issued = True
                self._failing_since = None
                return token
            problem = token
            self._log.warning("token_not_issued", problem=problem, attempt=tries)
            asked = self._asked_pause(reply)
            if not self._has_issued:
                # Nothing has begun yet, and somebody may be looking on.
                asked = min(asked, _LONGEST_PAUSE)
            left = self._patience_left()
            if left <= 0.0 or asked > left or self._was_never_right(tries):
                break
            # The last try is made just when patience ends.
            pause = min(max(backoff(tries, random, least=_LEAST_JITTER), asked), left)
            # Only the issuer is left alone: it is a service of its own, and whoever needs a token
            # waits anyway.
            await self._gate.sleep(pause)
        raise OutageError(f"no access token from {self._url} (tries: {tries}): {problem}")

    def _patience_left(self) -> float:
        """Return the seconds for which a failing issuer is still waited for."""
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
        return self._failing_since + self._patience - now

    def _was_never_right(self, tries: int) -> bool:
        return not self._has_issued and tries >= self._max_attempts

    def _asked_pause(self, reply: Response | TransportFailure) -> float:
        if isinstance(reply, TransportFailure):
            return 0.0
        headers, now = reply.headers, datetime.now(UTC)
        asked = read_retry_after(headers.get("Retry-After"), now, headers.get("Date"))
        return 0.0 if asked is None or asked.seconds is None else asked.seconds

    def _read(self, reply: Response | TransportFailure) -> Token | str:
        """Return the token, or the problem that may pass. Raises `CredentialsError`."""
        if isinstance(reply, TransportFailure):
            return reply.message
        if is_transient_status(reply.status):
            return f"HTTP status {reply.status}"
        if reply.status != HTTPStatus.OK:
            raise CredentialsError(self._refusal(reply))
        try:
            granted = msgspec.json.decode(reply.body, type=_Granted)
        except msgspec.ValidationError:
            granted = _Granted(access_token="")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "an answer that is no JSON, such as a page about maintenance"
        text = granted.access_token
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise CredentialsError(
                f"{self._url} answered 200 without a usable access_token; check --token-url"
            )
        secret = Secret(text)
        self._redact.learn(secret)
        life = token_lifetime(
            _number(granted.expires_in), _number(granted.created_at), _date(reply)
        )
        renew = renew_after(life)
        self._log.info("token_issued", renew_in_seconds=round(renew, 1))
        now = self._clock()
        return Token.of(secret, now + renew, now + max(renew, life - _WHOLE_SECOND))

    def _refusal(self, reply: Response) -> str:
        try:
            refused = msgspec.json.decode(reply.body, type=_Refused)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            refused = _Refused()
        said = ": ".join(text for text in (refused.error, refused.error_description) if text)
        said = self._redact(said)[:_SAID] or "no reason given"
        remedy = (
            "check TRUST_CLIENT_ID and TRUST_CLIENT_SECRET (or the credentials file)"
            if reply.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}
            else "check --token-url"
        )
        return f"{self._url} refused to issue a token (HTTP {reply.status}: {said}); {remedy}"


def _date(reply: Response) -> float | None:
    """Return the server's own time of an answer in epoch seconds, if it states one."""
    return parse_http_date(reply.headers.get("Date", ""))


def _number(value: object) -> float | None:
    """Read a number, and be it in quotes; what is none must not spoil a token that is good."""
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
