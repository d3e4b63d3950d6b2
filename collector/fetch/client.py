"""Asks the statistics endpoint for one cell and says what came of it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict
from yarl import URL

from collector.errors import OutageError
from collector.fetch.envelope import Checked, check_reply
from collector.fetch.gate import Gate
from collector.fetch.refusals import Refusals
from collector.fetch.retry import is_refusal, parse_retry_after
from collector.fetch.token import TokenSource
from collector.fetch.wire import Broken, Reply, Wire
from collector.models import Answer, Cell, Failure, Outcome
from collector.secrets import Redactor
from collector.tally import Tally

__all__ = ["StatisticsClient", "excerpt"]

_NO_HEADERS: Final[CIMultiDict[str]] = CIMultiDict()
_EXCERPT_BYTES: Final = 2048
_MESSAGE_BYTES: Final = 1024
"""Messages quote what the body says of itself, which may be long."""

_UNAUTHORIZED: Final = HTTPStatus.UNAUTHORIZED.value
_SERVER_ERROR: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value


class StatisticsClient:
    """Turns a cell into an outcome; a failure is a value, not an exception."""

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        *,
        wire: Wire,
        gate: Gate,
        tokens: TokenSource,
        tally: Tally,
        redact: Redactor,
        address_of: Callable[[Cell], URL],
    ) -> None:
        self._wire = wire
        self._gate = gate
        self._tokens = tokens
        self._tally = tally
        self._redact = redact
        self._address_of = address_of
        self._refusals = Refusals()

    async def fetch(self, cell: Cell) -> Outcome:
        """Ask for one cell: one request, and one more with a new token after a 401.

        Raises `CredentialsError` when the service refuses the credentials, `OutageError` when
        it has refused everything for long, or issues no tokens.
        """
        url = self._address_of(cell)
        reply = await self._wire.send("GET", url, _NO_HEADERS, tokens=self._tokens)
        requests = reply.requests
        if isinstance(reply, Reply) and reply.status == _UNAUTHORIZED and reply.token is not None:
            newer = await self._tokens.renewed(reply.token)
            if newer is not None:
                reply = await self._wire.send("GET", url, _NO_HEADERS, tokens=self._tokens)
                requests += reply.requests
        if isinstance(reply, Broken):
            message = _cut(self._redact(reply.message), _MESSAGE_BYTES)
            return Failure(reply.kind, None, message, None, None, datetime.now(UTC), requests)
        return self._read(cell, reply, requests)

    def _read(self, cell: Cell, reply: Reply, requests: int) -> Outcome:
        """Judge a whole answer, and draw what it says about the token and about the rate."""
        now = datetime.now(UTC)
        verdict = check_reply(reply.status, reply.body, is_cut=reply.is_cut)
        if isinstance(verdict, Checked):
            self._tokens.accepted()
            self._refusals.accepted(sent_at=reply.sent_at)
            return Answer(verdict.statistics, verdict.is_empty, now, requests)
        failure = Failure(
            kind=verdict.kind,
            status=reply.status if verdict.code is None else verdict.code,
            message=_cut(self._redact(verdict.message), _MESSAGE_BYTES),
            body=excerpt(reply.body, self._redact),
            retry_after=parse_retry_after(reply.headers.get("Retry-After"), now),
            failed_at=now,
            requests=requests,
        )
        self._learn(cell, reply, failure)
        return failure

    def _learn(self, cell: Cell, reply: Reply, failure: Failure) -> None:
        if reply.status == _UNAUTHORIZED:
            self._tokens.rejected(cell.company_id)
            return
        if is_refusal(failure):
            self._refused(reply, failure)
            return
        self._refusals.accepted(sent_at=reply.sent_at)
        if reply.status < _SERVER_ERROR:
            self._tokens.accepted()

    def _refused(self, reply: Reply, failure: Failure) -> None:
        self._tally.refused += 1
        now = time.monotonic()
        if self._refusals.hopeless(now):
            raise OutageError(
                f"the API has refused every request for half an hour (HTTP {reply.status}); "
                "what was collected so far is kept; try again later, with a lower --rate"
            )
        self._gate.close_for(
            self._refusals.refused(sent_at=reply.sent_at, now=now, retry_after=failure.retry_after)
        )


def excerpt(body: bytes, redact: Redactor) -> str:
    """Return the beginning of a body as text, at most 2 KiB of UTF-8, without secrets."""
    # Redacted before it is cut, or else half a secret could remain at the end.
    return _cut(redact(body.decode(errors="replace")), _EXCERPT_BYTES)


def _cut(text: str, limit: int) -> str:
    """Return as much of a text as fits into `limit` bytes of UTF-8."""
    return text.encode()[:limit].decode(errors="ignore")
