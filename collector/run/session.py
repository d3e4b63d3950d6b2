"""One session with the service: gate, connections, token and client, opened and closed together."""

from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Final, Self

from structlog.typing import FilteringBoundLogger

from collector.core.secrets import Redactor
from collector.http.client import Addresses, StatisticsClient
from collector.http.credentials import AccessToken, ClientCredentials, Credentials
from collector.http.gate import Gate
from collector.http.token import Token, TokenProvider, TokenSource
from collector.http.token_issuer import TokenIssuer
from collector.http.transport import Transport
from collector.pace import RateController, Share
from collector.plan.date_params import DateQuery
from collector.settings import CheckSettings, RunSettings
from collector.telemetry.stats import RunStats

__all__ = ["Session", "gate_for"]

_PROBE_GRACE_SECONDS: Final = 5.0
"""How much longer than the time limit of a request a probe is waited for, in case it gets lost."""


def gate_for(
    settings: RunSettings | CheckSettings,
    share: Share,
    companies: int,
    log: FilteringBoundLogger,
    *,
    patience: float,
) -> Gate:
    """Make the gate that every request to the service passes.

    An outage is waited for `patience` seconds.
    """
    gate = Gate(
        RateController(
            share.ceiling,
            start=share.start,
            companies=companies,
            probe_seconds=settings.timeout + _PROBE_GRACE_SECONDS,
            patience=patience,
            notify=log.warning,
        )
    )
    gate.share(share)
    return gate


class Session:
    """What is open towards the service. Use it as an async context manager.

    `tokens` has the token, `client` asks the statistics endpoint.
    """

    def __init__(  # noqa: PLR0913 - one collaborator each, all required, all by name
        self,
        settings: RunSettings | CheckSettings,
        credentials: Credentials | TokenProvider,
        *,
        gate: Gate,
        stats: RunStats,
        concurrency: int,
        patience: float,
        redact: Redactor,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._stats = stats
        self._patience = patience
        self._redact = redact
        self._log = log
        self._transport = Transport(gate, stats, concurrency=concurrency, timeout=settings.timeout)
        self.tokens = self._tokens(credentials)
        self._open = AsyncExitStack()

    def client(self, dates: DateQuery) -> StatisticsClient:
        """Return a client that puts windows into queries in the given way."""
        return StatisticsClient(
            transport=self._transport,
            gate=self._gate,
            tokens=self.tokens,
            stats=self._stats,
            redact=self._redact,
            addresses=Addresses(self._settings.base_url, dates),
            log=self._log,
        )

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self._transport)
        await self._open.enter_async_context(self.tokens)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    def _tokens(self, credentials: Credentials | TokenProvider) -> TokenSource:
        if isinstance(credentials, AccessToken):
            return TokenSource(None, Token.of(credentials.token))
        if not isinstance(credentials, ClientCredentials):
            issue = partial(credentials.issue, self._gate, self._redact)
            return TokenSource(issue, on_refused=self._gate.fail)
        return TokenSource(
            TokenIssuer(
                credentials,
                url=self._settings.token_url,
                transport=self._transport,
                gate=self._gate,
                max_attempts=self._settings.max_attempts,
                patience=self._patience,
                redact=self._redact,
                log=self._log,
            ),
            on_refused=self._gate.fail,
        )
