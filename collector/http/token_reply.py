"""What the token issuer answers: a token and its life, or why there is none. Pure decisions."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from math import isfinite
from typing import Final, NamedTuple

import msgspec

from collector.core.outcome import FailureKind, Meaning
from collector.core.secrets import LONGEST_SECRET, Redactor, Secret
from collector.core.text import escaped, quoted
from collector.http.content import NOT_UTF8, content_fault, is_utf8, without_bom
from collector.http.faults import Fault, Nature
from collector.http.meaning import Signs, meaning_of, signs_of
from collector.http.rate_headers import parse_http_date, read_rate_allowance, read_retry_after
from collector.http.transport import Response

__all__ = ["Issued", "Refusal", "read_token_reply", "renew_after", "token_lifetime"]

_RENEW_BEFORE: Final = 60.0
_RENEW_BEFORE_SHARE: Final = 0.2
"""A token is renewed 60 seconds before its end, or after 80 % of a shorter life."""

_DEFAULT_LIFE: Final = 7200.0
"""The documented life in seconds, used when the issuer does not state a usable one."""

_LEAST_LIFE: Final = 5.0
"""A shorter life (seconds) is not believed, so that tokens are at least 4 seconds apart. It may be
in another unit, or be meant as "no end". If the token does end, the API says so with a 401."""

_REASON_LENGTH: Final = 500
"""Most characters of the issuer's own reason that a message quotes."""

_TYPE_LENGTH: Final = 40
"""Most characters of the type of a token that a message quotes."""

_NOT_JSON: Final = Fault(
    "the answer is not JSON; it may be a page about maintenance", Nature.TRANSIENT
)

_SUCCESS: Final = 2
_PASSING: Final = frozenset(
    {Meaning.NOT_READY, Meaning.RATE_LIMITED, Meaning.UNAVAILABLE, Meaning.TRANSIENT}
)

_CHECK_CREDENTIALS: Final = (
    "check TRUST_CLIENT_ID and TRUST_CLIENT_SECRET (or the credentials file)"
)
_CHECK_ADDRESS: Final = "check --token-url"


class _TokenReply(msgspec.Struct):
    access_token: str
    token_type: object = None
    expires_in: msgspec.Raw = msgspec.Raw()
    created_at: msgspec.Raw = msgspec.Raw()


class _ErrorReply(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class Issued(NamedTuple):
    """A token, and for how many seconds from now it is valid."""

    secret: Secret
    life: float


class Refusal(NamedTuple):
    """The issuer issues no token, and will not by itself.

    `text` follows the address of the issuer in a message, and has no secrets.
    """

    text: str


def read_token_reply(
    reply: Response, now: datetime, redact: Redactor, *, has_issued: bool, hint: str = ""
) -> Issued | Refusal | Fault:
    """Return the token in an answer of the issuer, its refusal, or a fault that may pass.

    `has_issued` says that it has issued a token before: then a 403 without an error of OAuth comes
    from a firewall or a proxy, as a ban does, and may pass. `hint` is added to the message when the
    issuer refuses the credentials.
    """
    status, headers, body = reply.status, reply.headers, reply.body
    meaning = meaning_of(FailureKind.HTTP, status, _signs(headers, body, now))
    passing = Fault(f"HTTP {status}", Nature.TRANSIENT)
    if status // 100 == _SUCCESS:
        read = _read_token(status, headers, body, redact)
        return read if isinstance(read, Issued) or meaning is not Meaning.NOT_READY else passing
    if meaning in _PASSING:
        return passing
    error = _error(body)
    if meaning is Meaning.DENIED and has_issued and not error.error:
        return passing
    return _refusal(status, error, redact, hint)


def _signs(headers: Mapping[str, str], body: bytes, now: datetime) -> Signs:
    pause = read_retry_after(headers.get("Retry-After"), now, headers.get("Date"))
    seconds = None if pause is None else pause.seconds
    return signs_of(headers, body, pause=seconds, allowance=read_rate_allowance(headers, now))


def _read_token(
    status: int, headers: Mapping[str, str], body: bytes, redact: Redactor
) -> Issued | Refusal | Fault:
    unreadable = content_fault(headers)
    if unreadable is not None:
        return unreadable
    try:
        reply = msgspec.json.decode(without_bom(body), type=_TokenReply)
    except msgspec.ValidationError:
        reply = _TokenReply(access_token="")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NOT_JSON if is_utf8(body) else NOT_UTF8
    text = reply.access_token
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        return Refusal(f"answered {status} without a usable access_token; {_CHECK_ADDRESS}")
    if len(text) > LONGEST_SECRET:
        return Refusal(
            f"issued an access_token of {len(text)} characters; at most {LONGEST_SECRET} are "
            f"accepted; {_CHECK_ADDRESS}"
        )
    # RFC 6749, section 7.1: a token of a type that the client does not know must not be used.
    kind = "Bearer" if reply.token_type is None else reply.token_type
    if not isinstance(kind, str) or kind.lower() != "bearer":
        # The token itself is not known to the redactor yet.
        is_text = isinstance(kind, str) and text not in kind
        shown = quoted(redact.beginning(str(kind), _TYPE_LENGTH)) if is_text else "no text"
        return Refusal(
            f"issued a token whose token_type is {shown}; only Bearer tokens can be used; "
            f"{_CHECK_ADDRESS}"
        )
    server_now = parse_http_date(headers.get("Date", ""))
    life = token_lifetime(_number(reply.expires_in), _number(reply.created_at), server_now)
    return Issued(Secret(text), life)


def _error(body: bytes) -> _ErrorReply:
    try:
        return msgspec.json.decode(without_bom(body), type=_ErrorReply)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _ErrorReply()


def _refusal(status: int, error: _ErrorReply, redact: Redactor, hint: str) -> Refusal:
    reason = ": ".join(text for text in (error.error, error.error_description) if text)
    reason = escaped(redact.beginning(reason, _REASON_LENGTH)) or "no reason given"
    is_of_client = status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}
    remedy = f"{_CHECK_CREDENTIALS}{hint}" if is_of_client else _CHECK_ADDRESS
    return Refusal(f"refused to issue a token (HTTP {status}: {reason}); {remedy}")


def token_lifetime(
    expires_in: float | None, created_at: float | None, server_now: float | None
) -> float:
    """Return for how many seconds a token that was just received is valid: 5 at least.

    All times are by the server's clock: `created_at` (epoch seconds) and `server_now` (the
    answer's Date header) show the age of the token when an issuer returns an earlier one again.
    The local clock does not matter. Doorkeeper's `expires_in` is the remaining life, or the whole
    life; the shorter reading is used.
    """
    life = _DEFAULT_LIFE if expires_in is None or expires_in < _LEAST_LIFE else expires_in
    if created_at is not None and server_now is not None:
        age = max(0.0, server_now - created_at)
        # An age beyond the whole life means a wrong clock, because the token was just issued.
        life = life - age if age < life else life
    return max(life, _LEAST_LIFE)


def renew_after(life: float) -> float:
    """Return the seconds after which a token of the given life (seconds) is renewed."""
    return life - min(_RENEW_BEFORE, life * _RENEW_BEFORE_SHARE)


def _number(value: msgspec.Raw) -> float | None:
    """Read a finite number, also one in quotes; None otherwise: the token itself stays usable."""
    try:
        number = float(bytes(value).strip(b'"'))
    except ValueError:
        return None
    return number if isfinite(number) else None
