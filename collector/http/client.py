"""The client of the statistics endpoint: the address of a cell, and what came of its request."""

from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final, Protocol, TypeGuard
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from structlog.typing import FilteringBoundLogger
from yarl import URL

from collector.core.cell import Cell, Window
from collector.core.outcome import Answer, Blame, Failure, FailureKind, Outcome
from collector.core.secrets import Redactor
from collector.http.envelope import Checked, check_reply
from collector.http.gate import Gate
from collector.http.rate_headers import RateAllowance, read_rate_allowance, read_retry_after
from collector.http.retry import is_outage_evidence
from collector.http.token import TokenSource
from collector.http.transport import Response, TransportFailure
from collector.plan.date_params import DateQuery
from collector.telemetry.stats import RunStats

__all__ = ["Addresses", "Sender", "StatisticsClient", "excerpt"]

_PATH: Final = "campaigns/api/v1/company"
_REMEMBERED: Final = 4096
"""Windows and companies come back all the time in a plan; encoding them anew would cost a tenth
of the time of a request."""


class Addresses:
    """Builds the address of a cell, `addresses(cell)`, or of other parameters, `asking(...)`.

    The id is one path segment whatever it holds: everything but letters, digits and `_.-~` is
    percent-encoded. Raises `ValueError` for ids that a server would take for a step in the path.
    """

    def __init__(self, base_url: str, dates: DateQuery) -> None:
        base = urlsplit(f"{base_url.rstrip('/')}/{_PATH}/")
        self._scheme, self._netloc, self._path = base.scheme, base.netloc, base.path
        self._dates = dates
        self._query_of = lru_cache(_REMEMBERED)(self._query)

    def __call__(self, cell: Cell) -> URL:
        """Return the address, encoded once and for all."""
        return self._address(cell.company_id, self._query_of(cell.window))

    def asking(self, company_id: str, parameters: Mapping[str, str]) -> URL:
        """Return the address of a company with the given parameters in its query."""
        return self._address(company_id, urlencode(parameters))

    def _address(self, company_id: str, query: str) -> URL:
        # Given in parts, for they are known: taking a text to pieces costs three times as much.
        path = f"{self._path}{_segment(company_id)}/statistics"
        return URL(SplitResult(self._scheme, self._netloc, path, query, ""), encoded=True)

    def _query(self, window: Window) -> str:
        return urlencode(self._dates.parameters(window))


@lru_cache(_REMEMBERED)
def _segment(company_id: str) -> str:
    if company_id in {"", ".", ".."}:
        message = f"{company_id!r} cannot be a company id: it is a step in a path"
        raise ValueError(message)
    return quote(company_id, safe="")


_EXCERPT_BYTES: Final = 2048
_MESSAGE_BYTES: Final = 1024
"""Messages quote what the body says of itself, which may be long."""

_UNAUTHORIZED: Final = HTTPStatus.UNAUTHORIZED.value
_TOO_MANY_REQUESTS: Final = HTTPStatus.TOO_MANY_REQUESTS.value
_SERVER_ERROR: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value
_UNAVAILABLE: Final = HTTPStatus.SERVICE_UNAVAILABLE.value


class Sender(Protocol):
    """Sends one request through the gate: `collector.http.transport.Transport`."""

    def get(self, url: URL, tokens: TokenSource) -> Awaitable[Response | TransportFailure]:
        """Return the whole answer, or what broke."""


class StatisticsClient:
    """Turns a cell into an outcome; a failure is a value, not an exception.

    What each request says about the rate and about the service goes to the gate, which answers
    whom to blame.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        *,
        transport: Sender,
        gate: Gate,
        tokens: TokenSource,
        stats: RunStats,
        redact: Redactor,
        addresses: Addresses,
        log: FilteringBoundLogger,
    ) -> None:
        self._transport = transport
        self._gate = gate
        self._tokens = tokens
        self._stats = stats
        self._redact = redact
        self._addresses = addresses
        self._log = log

    def fetch(self, cell: Cell, *, is_retry: bool = False) -> Coroutine[object, None, Outcome]:
        """Ask for one cell: one request, and one more with a new token after a 401.

        A retry says less about the service than a first try: the cell itself may be the trouble.
        Raises `CredentialsError` when the service refuses the credentials, `OutageError` when
        nobody has been let in or answered for too long, or no token is issued.
        """
        return self._ask(self._addresses(cell), cell.company_id, is_retry=is_retry)

    async def ask_with(
        self, company_id: str, parameters: Mapping[str, str], *, is_retry: bool = False
    ) -> Outcome:
        """Ask for a company with the given parameters in the query; otherwise as `fetch`."""
        url = self._addresses.asking(company_id, parameters)
        return await self._ask(url, company_id, is_retry=is_retry)

    async def _ask(self, url: URL, company_id: str, *, is_retry: bool) -> Outcome:
        reply = await self._transport.get(url, self._tokens)
        requests = reply.requests
        if self._is_unauthorized(reply, company_id) and reply.token is not None:
            newer = await self._tokens.renewed(reply.token)
            if newer is not None:
                reply = await self._transport.get(url, self._tokens)
                requests += reply.requests
                self._is_unauthorized(reply, company_id)
        if isinstance(reply, TransportFailure):
            return self._broken(company_id, reply, requests, is_retry=is_retry)
        return self._read(company_id, reply, requests, is_retry=is_retry)

    def _is_unauthorized(
        self, reply: Response | TransportFailure, company_id: str
    ) -> TypeGuard[Response]:
        """Say whether the token was refused, and if so tell the gate of the answer."""
        if isinstance(reply, TransportFailure) or reply.status != _UNAUTHORIZED:
            return False
        # Said now: a new token may take long, and this was perhaps the probe that all wait for.
        self._gate.answered(reply.permit, company_id)
        return True

    def _broken(
        self, company_id: str, failure: TransportFailure, requests: int, *, is_retry: bool
    ) -> Failure:
        message = _cut(self._redact(failure.message), _MESSAGE_BYTES)
        blame = Blame.CELL
        if failure.permit is not None:
            blame = self._gate.failed(
                failure.permit,
                company_id,
                # A connection that cannot be made has nothing to do with the cell.
                is_evidence=not is_retry or failure.kind is FailureKind.CONNECTION,
                was_accepted=False,
            )
        now = datetime.now(UTC)
        return Failure(failure.kind, None, message, None, now, requests, blame)

    def _read(self, company_id: str, reply: Response, requests: int, *, is_retry: bool) -> Outcome:
        """Judge a whole answer, and draw what it says about the token and about the rate."""
        now = datetime.now(UTC)
        verdict = check_reply(reply.status, reply.body, is_cut=reply.is_cut)
        allowance = read_rate_allowance(reply.headers, now)
        if isinstance(verdict, Checked):
            self._tokens.accepted()
            self._gate.answered(reply.permit, company_id, allowance=allowance)
            self._stats.company_latencies.add(company_id, reply.seconds)
            return Answer(verdict.statistics, verdict.counters, now, requests)
        failure = Failure(
            kind=verdict.kind,
            status=reply.status if verdict.code is None else verdict.code,
            message=_cut(self._redact(verdict.message), _MESSAGE_BYTES),
            body=excerpt(reply.body, self._redact),
            failed_at=now,
            requests=requests,
        )
        if reply.status == _UNAUTHORIZED:
            self._tokens.rejected(company_id)
            return failure
        if reply.status < _SERVER_ERROR and reply.status != _TOO_MANY_REQUESTS:
            self._tokens.accepted()
        blame = self._report(company_id, reply, failure, allowance, is_retry=is_retry)
        return failure if blame is Blame.CELL else replace(failure, blame=blame)

    def _report(
        self,
        company_id: str,
        reply: Response,
        failure: Failure,
        allowance: RateAllowance | None,
        *,
        is_retry: bool,
    ) -> Blame:
        """Tell the gate what came instead of an answer."""
        gate, permit = self._gate, reply.permit
        if not is_outage_evidence(failure):
            gate.answered(permit, company_id, allowance=allowance)
            return Blame.CELL
        pause = self._pause(reply, failure.failed_at)
        if reply.status == _TOO_MANY_REQUESTS or pause is not None:
            blame = gate.refused(permit, company_id, pause=pause or 0.0, allowance=allowance)
        elif reply.status == _UNAVAILABLE:
            blame = gate.unavailable(permit, company_id, is_evidence=not is_retry)
        else:
            is_first = not is_retry
            blame = gate.failed(permit, company_id, is_evidence=is_first, was_accepted=True)
        self._stats.refused = gate.control.refusals
        return blame

    def _pause(self, reply: Response, now: datetime) -> float | None:
        """Return for how many seconds the server asks everybody to wait, if it does."""
        headers = reply.headers
        asked = read_retry_after(headers.get("Retry-After"), now, headers.get("Date"))
        if asked is None:
            return None
        if asked.problem is not None:
            self._log.warning("odd_retry_after", problem=asked.problem, status=reply.status)
        return asked.seconds


def excerpt(body: bytes, redact: Redactor) -> str:
    """Return the beginning of a body as text, at most 2 KiB of UTF-8, without secrets."""
    # Redacted before it is cut, or else half a secret could remain at the end.
    return _cut(redact(body.decode(errors="replace")), _EXCERPT_BYTES)


def _cut(text: str, limit: int) -> str:
    """Return as much of a text as fits into `limit` bytes of UTF-8."""
    return text.encode()[:limit].decode(errors="ignore")
