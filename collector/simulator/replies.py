"""The answers of the embedded API, ready to be sent: the vendor's envelopes as bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import orjson

from collector.simulator.statistics import Statistics

__all__ = [
    "Reply",
    "json_reply",
    "maintenance_page",
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


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a whole body and the headers that go with them."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def json_reply(status: int, content: object, headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
    """Write `content` as compact JSON."""
    return Reply(status, orjson.dumps(content), {"Content-Type": "application/json", **headers})


def token_reply(status: int, content: Mapping[str, str | int]) -> Reply:
    """Answer as an OAuth 2 server does; nobody may keep it (RFC 6749, section 5.1)."""
    return json_reply(status, content, {"Cache-Control": "no-store"})


def statistics_found(data: Statistics) -> Reply:
    """Wrap statistics in the envelope of a 200."""
    return json_reply(200, {"code": 200, "resource": "Statistics", "data": data, "message": "Ok"})


def statistics_error(status: int, reason: str, headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
    """Give `reason` in the form that the vendor's errors have."""
    message = HTTPStatus(status).phrase
    content = {"code": status, "resource": "Statistics", "message": message, "errors": reason}
    return json_reply(status, content, headers)


def refused_token(reason: str) -> Reply:
    """Refuse a bearer token, with the challenge that Doorkeeper sends (RFC 6750, section 3)."""
    challenge = f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{reason}"'
    return statistics_error(401, reason, {"WWW-Authenticate": challenge})


def maintenance_page() -> Reply:
    """Give an HTML page with status 200, as a misconfigured proxy does."""
    return Reply(200, _MAINTENANCE, {"Content-Type": "text/html; charset=utf-8"})
