"""The answers of the embedded API: the vendor's envelopes as bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import orjson

from collector.simulator.limit import LimitState, whole_seconds
from collector.simulator.statistics import Statistics

__all__ = [
    "Reply",
    "bad_gateway",
    "json_reply",
    "maintenance_page",
    "rate_headers",
    "refused_token",
    "statistics_error",
    "statistics_found",
    "token_reply",
]

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


def json_reply(status: int, content: object, headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
    """Write `content` as compact JSON."""
    return Reply(status, orjson.dumps(content), {"Content-Type": "application/json", **headers})


def token_reply(status: int, content: Mapping[str, str | int]) -> Reply:
    """Answer as an OAuth 2 server does; caches must not store it (RFC 6749, section 5.1)."""
    return json_reply(status, content, {"Cache-Control": "no-store"})


def statistics_found(data: Statistics) -> Reply:
    """Wrap statistics in the envelope of a 200."""
    return json_reply(200, {"code": 200, "resource": "Statistics", "data": data, "message": "Ok"})


def statistics_error(status: int, reason: str, headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
    """Return `reason` in the form of the vendor's errors."""
    message = HTTPStatus(status).phrase
    content = {"code": status, "resource": "Statistics", "message": message, "errors": reason}
    return json_reply(status, content, headers)


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
