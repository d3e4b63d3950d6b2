"""The answers of the embedded API: the vendor's envelopes as bytes."""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import orjson

from collector.simulator.limit import LimitState, retry_after_seconds, whole_seconds

__all__ = [
    "Reply",
    "bad_gateway",
    "denied",
    "json_reply",
    "maintenance_page",
    "not_ready",
    "rate_headers",
    "redirected",
    "refused_token",
    "statistics_error",
    "statistics_found",
    "throttle_page",
    "token_reply",
]

_JSON: Final = "application/json"
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

_MAINTENANCE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>"
    b"<body><h1>We will be back soon</h1></body></html>\n"
)

_BAD_GATEWAY: Final = (
    b"<html>\n<head><title>502 Bad Gateway</title></head>\n"
    b"<body><center><h1>502 Bad Gateway</h1></center></body>\n</html>\n"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a whole body and the headers that go with them."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def with_headers(self, headers: Mapping[str, str]) -> "Reply":
        """Return the same reply with more headers."""
        return Reply(self.status, self.body, {**self.headers, **headers})

    @property
    def _is_json(self) -> bool:
        return self.headers.get("Content-Type") == _JSON

    def in_a_200(self) -> "Reply":
        """Return the reply with status 200 if it is an envelope, which has the status too."""
        return Reply(HTTPStatus.OK, self.body, self.headers) if self._is_json else self

    def with_bom(self) -> "Reply":
        """Return the reply with a byte order mark before the JSON, if it has any."""
        return Reply(self.status, BOM_UTF8 + self.body, self.headers) if self._is_json else self


def json_reply(status: int, content: object, headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
    """Write `content` as compact JSON."""
    try:
        body = orjson.dumps(content)
    except TypeError:
        # It writes no integers beyond 64 bits.
        body = json.dumps(content, separators=(",", ":")).encode()
    return Reply(status, body, {"Content-Type": _JSON, **headers})


def token_reply(status: int, content: Mapping[str, str | float]) -> Reply:
    """Answer as an OAuth 2 server does; caches must not store it (RFC 6749, section 5.1)."""
    return json_reply(status, content, {"Cache-Control": "no-store"})


def statistics_found(data: Mapping[str, object], *, has_key_twice: bool = False) -> Reply:
    """Wrap statistics in the envelope of a 200; with a second, other total if so asked."""
    content = {"code": 200, "resource": "Statistics", "data": data, "message": "Ok"}
    reply = json_reply(200, content)
    if not has_key_twice:
        return reply
    return Reply(200, reply.body.replace(b'"data":{', b'"data":{"total":7,', 1), reply.headers)


_PHRASES: Final = {
    420: "Enhance Your Calm",
    509: "Bandwidth Limit Exceeded",
    529: "Site Is Overloaded",
}
"""Of statuses that are in no registry."""


def statistics_error(status: int, reason: str, headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
    """Return `reason` in the form of the vendor's errors."""
    message = _PHRASES.get(status) or HTTPStatus(status).phrase
    content = {"code": status, "resource": "Statistics", "message": message, "errors": reason}
    return json_reply(status, content, headers)


def not_ready(seconds: float) -> Reply:
    """Ask to come again when the answer is ready, in `seconds` from now."""
    content = {"code": 202, "resource": "Statistics", "message": "Accepted"}
    return json_reply(202, content, {"Retry-After": str(retry_after_seconds(seconds))})


def denied(status: int) -> Reply:
    """Deny a company: as an error, or as a redirect to a page for login."""
    if status == HTTPStatus.FOUND:
        return redirected(status, "/login")
    return statistics_error(status, "no access to this company")


def redirected(status: int, location: str) -> Reply:
    """Redirect to an address, without a body."""
    return Reply(status, b"", {"Location": location})


def throttle_page(status: int, headers: Mapping[str, str]) -> Reply:
    """Reject a request in the words of a gateway, which are no envelope."""
    return Reply(status, b"error code: 1015", {"Content-Type": "text/plain", **headers})


def refused_token(reason: str) -> Reply:
    """Reject a bearer token, with the challenge that Doorkeeper sends (RFC 6750, section 3)."""
    challenge = f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{reason}"'
    return statistics_error(401, reason, {"WWW-Authenticate": challenge})


def rate_headers(allowance: LimitState) -> dict[str, str]:
    """Announce a limit (draft-ietf-httpapi-ratelimit-headers-03), the reset as delta seconds."""
    return {
        "RateLimit-Limit": str(allowance.limit),
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(whole_seconds(allowance.reset)),
    }


def maintenance_page(status: int = 200) -> Reply:
    """Return an HTML page: with status 200 as a misconfigured proxy does, with 503 as others do."""
    return _page(status, _MAINTENANCE)


def bad_gateway() -> Reply:
    """Return the HTML page of a proxy whose upstream server is down."""
    return _page(502, _BAD_GATEWAY)


def _page(status: int, body: bytes) -> Reply:
    return Reply(status, body, {"Content-Type": "text/html; charset=utf-8"})
