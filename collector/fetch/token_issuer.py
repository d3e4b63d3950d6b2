"""Asks Atenea for an access token, and again while Atenea is out of reach."""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from random import random
from typing import Final

import msgspec
import orjson
from multidict import CIMultiDict
from structlog.typing import FilteringBoundLogger
from yarl import URL

from collector.errors import CredentialsError, OutageError
from collector.fetch.credentials import ClientCredentials
from collector.fetch.gate import Gate
from collector.fetch.retry import backoff, is_retriable_status, parse_http_date, parse_retry_after
from collector.fetch.token import Token
from collector.fetch.wire import Broken, Reply, Wire
from collector.secrets import Redactor, Secret

__all__ = ["TokenIssuer", "renew_after", "token_lifetime"]

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
    expires_in: float | None = None
    created_at: float | None = None


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
    """Asks Atenea for a token, and again while Atenea is out of reach."""

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        credentials: ClientCredentials,
        *,
        url: str,
        wire: Wire,
        gate: Gate,
        max_attempts: int,
        redact: Redactor,
        log: FilteringBoundLogger,
    ) -> None:
        self._url = URL(url)
        self._wire = wire
        self._gate = gate
        self._max_attempts = max_attempts
        self._redact = redact
        self._log = log
        self._body = orjson.dumps(
            {
                "client_id": credentials.client_id.reveal(),
                "client_secret": credentials.client_secret.reveal(),
                "grant_type": "client_credentials",
            }
        )

    async def __call__(self) -> Token:
        """Return a new token.

        Raises `CredentialsError` when the client is refused, `OutageError` when no answer came
        in `max_attempts` tries.
        """
        problem = ""
        for tries in range(1, self._max_attempts + 1):
            reply = await self._wire.send("POST", self._url, _JSON, self._body)
            if isinstance(reply, Reply) and not is_retriable_status(reply.status):
                return self._read(reply)
            problem, pause = self._problem(reply)
            self._log.warning("token_not_issued", problem=problem, attempt=tries)
            if tries < self._max_attempts:
                self._gate.close_for(max(backoff(tries, random), pause))
        raise OutageError(
            f"no access token from {self._url} after {self._max_attempts} tries: {problem}; what "
            "was collected so far is kept; try again when the service is back"
        )

    def _problem(self, reply: Reply | Broken) -> tuple[str, float]:
        if isinstance(reply, Broken):
            return reply.message, 0.0
        pause = parse_retry_after(reply.headers.get("Retry-After"), datetime.now(UTC))
        return f"HTTP status {reply.status}", pause or 0.0

    def _read(self, reply: Reply) -> Token:
        if reply.status != HTTPStatus.OK:
            raise CredentialsError(self._refusal(reply))
        try:
            granted = msgspec.json.decode(reply.body, type=_Granted)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            granted = _Granted(access_token="")
        text = granted.access_token
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise CredentialsError(
                f"{self._url} answered 200 without a usable access_token; check --token-url"
            )
        secret = Secret(text)
        self._redact.learn(secret)
        life = token_lifetime(granted.expires_in, granted.created_at, _date(reply))
        renew = renew_after(life)
        self._log.info("token_issued", renew_in_seconds=round(renew, 1))
        now = time.monotonic()
        return Token.of(secret, now + renew, now + max(renew, life - _WHOLE_SECOND))

    def _refusal(self, reply: Reply) -> str:
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


def _date(reply: Reply) -> float | None:
    """Return the server's own time of an answer in epoch seconds, if it states one."""
    return parse_http_date(reply.headers.get("Date", ""))
