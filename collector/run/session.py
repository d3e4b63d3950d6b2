"""A session with the service: what a run, a run on a cluster and a check open."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from math import inf
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from collector.core.cell import Cell
from collector.core.clock import AwakeClock
from collector.core.errors import ImplausibleError
from collector.core.secrets import Redactor
from collector.core.text import counted, span_text
from collector.dates.verify import DatesVerifier
from collector.http.addresses import Addresses
from collector.http.client import StatisticsClient
from collector.http.credentials import AccessToken, ClientCredentials, Credentials, secrets_of
from collector.http.first_tries import FirstTries
from collector.http.gate import Gate
from collector.http.in_flight import InFlight
from collector.http.limits import RequestBudget
from collector.http.network import DIRECT, Network
from collector.http.silence import Service, Silence
from collector.http.token import Token, TokenProvider, TokenSource
from collector.http.token_issuer import TokenIssuer
from collector.http.transport import Transport
from collector.http.unauthorized import MOST_ASKED, TokenJudge
from collector.http.witness import Witness
from collector.pace import LocalLimit, RateController, Share
from collector.plan.date_params import DateQuery
from collector.run.descriptors import reserve_descriptors, spare_descriptors
from collector.settings import CheckSettings, LogLevel, RunSettings
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats

__all__ = ["Session"]

_PROBE_GRACE_SECONDS: Final = 5.0
"""Added to the time limit of a request: after that a probe request counts as lost."""

_LONG_SUSPENSION: Final = 60.0
"""Seconds of suspension in all that the user is told of at the end."""

_SHORTAGE_PATIENCE: Final = 300.0
"""Seconds for which a run waits at most when this machine can make no connection at all."""

_ASKED_WITHIN_A_BUDGET: Final = 2
"""Other companies that one try of a token asks for if the requests in all are limited."""


class Session:
    """The gate, the log, the connections and the token of one run or check.

    The gate and the log exist from the start, so that a display can read them. Connections and
    token exist while the session is open: use it as an async context manager.

    * `settings`: the service, and the limits of a request.
    * `credentials`: what a token is requested with, the token itself, or a provider of tokens.
    * `share`: the rate (requests per second), or the part of it that this process has.
    * `network`: how the service is reached.
    * `companies`: how many the session requests; the circuit breaker needs that.
    * `stats`: counts every request.
    * `concurrency`: requests in flight, at most.
    * `patience`: seconds after which an outage ends the session.
    * `first_patience`: the same before the first answer and before the first token.
    * `log_level`: the minimum level of events in the log.
    * `most_requests`: requests in all, at most; None for no limit.
    """

    def __init__(  # noqa: PLR0913 - see the class
        self,
        settings: RunSettings | CheckSettings,
        credentials: Credentials | TokenProvider,
        *,
        share: Share,
        network: Network = DIRECT,
        companies: int,
        stats: RunStats,
        concurrency: int,
        patience: float,
        first_patience: float,
        log_level: LogLevel,
        most_requests: int | None = None,
    ) -> None:
        self.redact = Redactor()
        if isinstance(credentials, AccessToken | ClientCredentials):
            self.redact.learn(*secrets_of(credentials))
        self.redact.learn(*network.secrets())
        self.events = EventLog(log_level, self.redact)
        self.log = self.events.logger
        self.clock = AwakeClock(notify=self._was_asleep)
        """Seconds in which this process was awake; the clock of the gate."""
        self._local_limit = LocalLimit(min(patience, _SHORTAGE_PATIENCE))
        budget = None
        self._is_unlimited = most_requests is None
        if most_requests is not None:
            budget = RequestBudget(most_requests, lambda: stats.requests)
        self.gate = Gate(
            RateController(
                share.ceiling,
                start=share.start,
                companies=companies,
                probe_seconds=settings.timeout + _PROBE_GRACE_SECONDS,
                patience=patience,
                notify=self.log.warning,
            ),
            silence=Silence(
                Service(_origin(settings.base_url), "--base-url"), first_patience, patience
            ),
            budget=budget,
            clock=self.clock,
        )
        self.gate.share(share)
        self._in_flight = InFlight(
            self._local_limit, self.gate, notify=self.log.warning, clock=self.clock
        )
        self.tokens: TokenSource
        """The token; only while the session is open."""
        self._transport: Transport
        self._token_judge: TokenJudge
        self._witness = Witness()
        self.first_tries = FirstTries()
        self._settings = settings
        self._credentials = credentials
        self.network = network
        self._stats = stats
        self._concurrency = concurrency
        self._patience = patience
        issuer = Service(settings.token_url, "--token-url", "access token")
        self._issuer = Silence(issuer, first_patience)
        self._not_ours: int | None = None
        self._suspended_seconds = 0.0
        self._opened = AsyncExitStack()

    def reserve_descriptors(self) -> tuple[str, ...]:
        """Raise the limit of file descriptors if necessary; if it is too low, limit the requests.

        Return warnings for the user.
        """
        most, remark = reserve_descriptors(self._concurrency)
        if remark is None:
            return ()
        self._local_limit.ceiling = most
        return (remark,)

    @property
    def token_error(self) -> str | None:
        """The token service and its last failure; None while it issues tokens."""
        return self._issuer.last_error

    def client(
        self,
        dates: DateQuery,
        another: Callable[[], Cell | None] = lambda: None,
        answered: Cell | None = None,
    ) -> StatisticsClient:
        """Return a client that puts windows into queries as `dates` says.

        `another` returns a cell to ask with a token that was refused for its company. `answered` is
        a cell that was answered in an earlier attempt, with which a refusal can be compared.
        """
        addresses = Addresses(self._settings.base_url, dates)
        if answered is not None:
            self._witness.answered(addresses(answered), answered.company_id, -inf)
        return StatisticsClient(
            transport=self._transport,
            gate=self.gate,
            tokens=self.tokens,
            stats=self._stats,
            redact=self.redact,
            addresses=addresses,
            log=self.log,
            witness=self._witness,
            token_judge=self._token_judge,
            first_tries=self.first_tries,
            another=another,
        )

    def verifier(
        self, dates: DateQuery, another: Callable[[], Cell | None] = lambda: None
    ) -> DatesVerifier:
        """Return a verifier of dates that are sent as `dates` says; see `client`."""
        client = partial(self.client, another=another)
        return DatesVerifier(dates, self._settings.timezone, client, self.gate, self.log)

    @property
    def surplus(self) -> str | None:
        """Warning that the server sends more than was requested; None if it was not seen to."""
        if self._not_ours is None:
            return None
        again = counted(self._not_ours, "answer was", "answers were")
        return (
            f"{_origin(self._settings.base_url)} sends answers that were not requested, or does "
            f"not close a connection as it was asked to; {again} "
            "requested again, because they might belong to other cells"
        )

    @property
    def suspension(self) -> str | None:
        """Remark that the process was suspended for a minute or more; None if it was not."""
        if self._suspended_seconds < _LONG_SUSPENSION:
            return None
        return (
            f"the process was suspended for {span_text(self._suspended_seconds)} in all "
            "(stopped, or the machine was asleep); no limit of time counts that"
        )

    def judge_first_tries(self, end: Callable[[ImplausibleError], None]) -> None:
        """Call `end` if all first tries fail in the same definitive way."""
        self.first_tries.begin(self._in_flight, end)

    def _not_attributed(self, reason: str, answers: int) -> None:
        if reason != "lost":
            self._not_ours = (self._not_ours or 0) + answers
        self.log.warning("answers_not_attributed", reason=reason, answers=answers)

    def _was_asleep(self, seconds: float) -> None:
        self._suspended_seconds += seconds
        self.log.warning("process_was_suspended", seconds=round(seconds, 1))

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._opened.aclose()
            raise
        return self

    async def _open(self) -> None:
        self._opened.enter_context(spare_descriptors())
        self._opened.enter_context(self.clock.beating())
        self._transport = await self._opened.enter_async_context(
            Transport(
                self.gate,
                self._stats,
                concurrency=self._concurrency,
                timeout=self._settings.timeout,
                network=self.network,
                in_flight=self._in_flight,
                clock=self.clock,
                slept_since=self.clock.slept_since,
                notify=self._not_attributed,
            )
        )
        self.tokens = await self._opened.enter_async_context(self._token_source())
        self._token_judge = TokenJudge(
            self.tokens,
            self.gate.sleep,
            # Only so many requests are left to a check.
            most_asked=MOST_ASKED if self._is_unlimited else _ASKED_WITHIN_A_BUDGET,
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._opened.aclose()

    def _token_source(self) -> TokenSource:
        credentials = self._credentials
        if isinstance(credentials, AccessToken):
            return TokenSource(None, Token.of(credentials.token))
        if not isinstance(credentials, ClientCredentials):
            issue = partial(credentials.issue, self.gate, self.redact)
            return TokenSource(issue, on_refused=self.gate.close_with)
        issuer = TokenIssuer(
            credentials,
            url=self._settings.token_url,
            transport=self._transport,
            gate=self.gate,
            silence=self._issuer,
            patience=self._patience,
            redact=self.redact,
            log=self.log,
            awake=self.clock,
        )
        return TokenSource(partial(self._issue, issuer), on_refused=self.gate.close_with)

    async def _issue(self, issuer: TokenIssuer) -> Token:
        """Return a new token; its request is one of those with a good answer."""
        token = await issuer()
        self._stats.good += 1
        return token


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
