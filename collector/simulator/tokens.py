"""Access tokens in the manner of Doorkeeper, the OAuth 2 server for Rails that Atenea looks like.

Only the client credentials grant (RFC 6749, section 4.4) and revocation (RFC 7009) exist.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import orjson

from collector.simulator.settings import SimulatorSettings

__all__ = ["TokenReply", "TokenStore", "read_fields"]

_FORGOTTEN_AFTER: Final = 3600
"""Seconds for which an expired token is kept; until then a 401 tells how it ended."""

_UNKNOWN_CLIENT: Final = (
    "Client authentication failed: unknown client, wrong secret, or no credentials in the body."
)


@dataclass(slots=True)
class _Token:
    begins_at: float
    ends_at: float
    revoked: bool = False


class TokenReply(NamedTuple):
    """A status and the JSON object that goes with it."""

    status: int
    body: Mapping[str, str | float]


def read_fields(body: bytes, content_type: str) -> dict[str, str]:
    """Read a request body, form-encoded or else JSON, into its text fields.

    Returns no fields for a body that is neither: the checks then say what is missing.
    """
    if content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(fields, dict):
        return {}
    return {name: value for name, value in fields.items() if isinstance(value, str)}


class TokenStore:
    """Issues, checks and revokes tokens; `clock` gives epoch seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # In the order of issue, so that those to forget are found at the front.
        self._tokens: dict[str, _Token] = {}

    def issue(self, settings: SimulatorSettings, fields: Mapping[str, str]) -> TokenReply:
        """Answer a token request: 200 or 201 with a token, 400 or 401 with an OAuth 2 error."""
        grant_type = fields.get("grant_type")
        if not grant_type:
            return _error(400, "invalid_request", "Missing required parameter: grant_type.")
        if grant_type != "client_credentials":
            text = "The authorization grant type is not supported by the authorization server."
            return _error(400, "unsupported_grant_type", text)
        if not _is_client(settings, fields):
            return _error(401, "invalid_client", _UNKNOWN_CLIENT)
        if settings.revoke_earlier:
            self.revoke_all()
        now = self._clock()
        self._forget(now)
        created_at = int(now)
        token = secrets.token_urlsafe(32)
        life, stated = settings.token_life, settings.expires_in
        self._tokens[token] = _Token(now + settings.token_delay, created_at + life)
        body: dict[str, str | float] = {
            "access_token": token,
            "token_type": settings.token_type,
            "expires_in": life if stated is None else stated,
            "created_at": created_at,
        }
        return TokenReply(settings.token_status, body)

    def revoke(self, settings: SimulatorSettings, fields: Mapping[str, str]) -> TokenReply:
        """Answer a revocation: 200 for the client, known token or not; 401 for any other."""
        if not _is_client(settings, fields):
            return _error(401, "invalid_client", _UNKNOWN_CLIENT)
        if token := self._tokens.get(fields.get("token", "")):
            token.revoked = True
        return TokenReply(200, {})

    def revoke_all(self) -> None:
        """Revoke every token issued so far."""
        for token in self._tokens.values():
            token.revoked = True

    def refusal(self, authorization: str | None) -> str | None:
        """Return why an `Authorization` header gives no access, or None if it does."""
        scheme, _, value = (authorization or "").partition(" ")
        token = self._tokens.get(value.strip()) if scheme.lower() == "bearer" else None
        now = self._clock()
        if token is None or now < token.begins_at:
            return "The access token is invalid"
        if token.revoked:
            return "The access token was revoked"
        if now >= token.ends_at:
            return "The access token expired"
        return None

    def _forget(self, now: float) -> None:
        """Drop tokens that expired long ago, so that a server that runs for weeks does not grow."""
        while self._tokens:
            oldest = next(iter(self._tokens))
            if now < self._tokens[oldest].ends_at + _FORGOTTEN_AFTER:
                return
            del self._tokens[oldest]


def _is_client(settings: SimulatorSettings, fields: Mapping[str, str]) -> bool:
    return (fields.get("client_id"), fields.get("client_secret")) == (
        settings.client_id,
        settings.client_secret,
    )


def _error(status: int, error: str, description: str) -> TokenReply:
    return TokenReply(status, {"error": error, "error_description": description})
