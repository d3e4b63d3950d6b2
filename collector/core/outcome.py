"""The values that travel through the collector.

A `Cell` goes in, an `Outcome` comes back: an `Answer`, or a `Failure` that says why there is
none. An expected failure is a value; exceptions (see `collector.core.errors`) are for what must
stop the whole run.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Annotated

import msgspec

__all__ = [
    "Answer",
    "Blame",
    "Counters",
    "Failure",
    "FailureKind",
    "Outcome",
]


_Count = Annotated[int, msgspec.Meta(ge=0)]


class Counters(msgspec.Struct, gc=False):
    """The documented part of an answer's `data`; fields that nobody knows yet are let pass."""

    total: _Count
    sended: _Count
    pending: _Count
    fails: _Count
    campaign: _Count
    actions: dict[str, _Count]

    @property
    def is_empty(self) -> bool:
        """Whether every counter and action is zero."""
        if self.total or self.sended or self.pending or self.fails or self.campaign:
            return False
        return not any(self.actions.values())


class FailureKind(StrEnum):
    """Why a cell has no answer: the closed set behind `kind` in `errors.jsonl`."""

    HTTP = "http"
    """A status other than 200 (redirects have their own kind)."""
    TIMEOUT = "timeout"
    """No whole answer within `--timeout` seconds of passing the gate."""
    CONNECTION = "connection"
    """The connection could not be made, or broke before the whole answer had come."""
    NOT_JSON = "not_json"
    """A 200 whose body is not JSON: an error page, a login form, an empty body."""
    API_CODE = "api_code"
    """A 200 whose envelope carries a `code` other than 200."""
    SCHEMA = "schema"
    """A 200 whose JSON is not the documented envelope, or whose counters are not counts."""
    TOO_LARGE = "too_large"
    """An answer of more than 1 MiB after decompression; it was cut off."""
    REDIRECT = "redirect"
    """A redirect. It is never followed: the token belongs to the configured origin only."""


class Blame(Enum):
    """To whom a failed try is charged."""

    CELL = auto()
    """To the cell: the try is one of its attempts."""
    RATE = auto()
    """To the rate: the request came too early, while others are let in."""
    SERVICE = auto()
    """To the service: nobody is let in or answered at present."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A checked answer.

    `statistics` is the API's `data` as it came, byte for byte but for line breaks between
    values, so that it fits on one line; `counters` is the documented part of it, read.
    `requests` is how many requests were sent for it, aiohttp's own resend included.
    """

    statistics: bytes
    counters: Counters
    fetched_at: datetime
    requests: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that brought no answer.

    `body` is an excerpt of at most 2 KiB, secrets removed. `requests` is how many requests were
    sent. `blame` says whether the cell itself is charged for it.
    """

    kind: FailureKind
    status: int | None
    message: str
    body: str | None
    failed_at: datetime
    requests: int
    blame: Blame = Blame.CELL


Outcome = Answer | Failure
