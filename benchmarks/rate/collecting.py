"""A whole collection in virtual time: only the network is simulated.

The pool, the client with its judgement of 401 and 403, the token and its issuer, the gate and the
rate controller are the collector's own; the answers are those of the embedded API. It takes ten
times as long as `benchmarks.rate.virtual`, which has no client.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import count
from typing import Any, Final

from benchmarks.rate.scenario import Scenario
from benchmarks.rate.seen import Seen
from benchmarks.rate.virtual_loop import run_in_virtual_time
from benchmarks.rate.wire import Wire
from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.errors import CollectorError
from collector.core.outcome import Failure
from collector.core.secrets import Redactor, Secret
from collector.http.addresses import Addresses
from collector.http.client import StatisticsClient
from collector.http.credentials import ClientCredentials
from collector.http.gate import Gate
from collector.http.retry import RetryPolicy
from collector.http.silence import Service, Silence
from collector.http.token import TokenSource
from collector.http.token_issuer import TokenIssuer
from collector.http.unauthorized import TokenJudge
from collector.pace import RateController
from collector.plan.date_params import DateQuery
from collector.run.held import Settled
from collector.run.pool import Pool
from collector.simulator.service import EmbeddedService
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats

__all__ = ["Collection", "collect_virtually"]

_COMPANIES: Final = 1000
_PATIENCE: Final = 3600.0
_FIRST_PATIENCE: Final = 60.0
_URL: Final = "http://127.0.0.1"
_ENDLESS: Final = 10**9
_EPOCH: Final = 1_790_000_000.0
"""What the server's clock shows when that of the loop shows 0."""


@dataclass(slots=True)
class Collection:
    """What became of a collection.

    * `seen`: what the server saw.
    * `answered`, `failed`: how many cells of each company were.
    * `reasons`: of the failures, by status or kind.
    * `error`: what ended it early; None if every cell is settled, or its time was over.
    * `issued`: when tokens were issued, in seconds after the start.
    * `events`: how often each event was logged.
    """

    seen: Seen = field(default_factory=Seen)
    answered: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    reasons: Counter[object] = field(default_factory=Counter)
    error: CollectorError | None = None
    issued: list[float] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)


Control = Callable[..., RateController]
"""Makes the controller, as the class itself does."""


class _Collector:
    """Collects the cells of a scenario; see the module."""

    def __init__(self, scenario: Scenario, companies: int, control: Control) -> None:
        self._scenario = scenario
        self._clock = clock = asyncio.get_running_loop().time
        self._began = clock()
        self._companies = companies
        self.result = Collection()
        settings = replace(scenario.settings, today=date(2026, 11, 23))
        self._api = EmbeddedService(
            settings,
            clock=lambda: _EPOCH + clock(),
            monotonic=clock,
            today=date.today,
            record_requests=False,
        )
        self.result.seen.window_offset = (_EPOCH + self._began) % settings.limit_window
        self._log = EventLog("warning", Redactor()).logger
        self._stats = RunStats(scenario.cells or _ENDLESS, clock=clock)
        self._gate = Gate(
            control(
                scenario.ceiling,
                companies=companies,
                probe_seconds=scenario.timeout + 5.0,
                patience=_PATIENCE,
                notify=self._notify,
            ),
            silence=Silence(Service(_URL, "--base-url"), _FIRST_PATIENCE, _PATIENCE),
            clock=clock,
        )

    def _notify(self, event: str, **_fields: Any) -> None:  # noqa: ANN401 - values of any type
        self.result.events[event] += 1

    def _cells(self) -> Iterator[Cell]:
        numbers = count() if self._scenario.cells is None else range(self._scenario.cells)
        return (Cell(str(number % self._companies), SERVER_DEFAULT) for number in numbers)

    def _client(self, wire: Wire, tokens: TokenSource, redact: Redactor) -> StatisticsClient:
        others = (Cell(str(number % self._companies), SERVER_DEFAULT) for number in count())
        return StatisticsClient(
            transport=wire,
            gate=self._gate,
            tokens=tokens,
            stats=self._stats,
            redact=redact,
            addresses=Addresses(_URL, DateQuery("from_date", "until_date")),
            log=self._log,
            token_judge=TokenJudge(tokens, self._gate.sleep, clock=self._clock),
            another=partial(next, others),
        )

    def _issuer(self, wire: Wire, redact: Redactor) -> TokenIssuer:
        settings = self._scenario.settings
        return TokenIssuer(
            ClientCredentials(Secret(settings.client_id), Secret(settings.client_secret)),
            url=f"{_URL}/oauth/token/",
            transport=wire,
            gate=self._gate,
            silence=Silence(Service(_URL, "--token-url", "access token"), _FIRST_PATIENCE),
            patience=_PATIENCE,
            redact=redact,
            log=self._log,
            clock=self._clock,
        )

    async def collect(self) -> Collection:
        """Collect until the last cell is settled, the time is over, or something ends it."""
        scenario, control, redact = self._scenario, self._gate.control, Redactor()
        wire = Wire(self._gate, self._stats, self._api, scenario.timeout, self.result.seen)
        changing = asyncio.create_task(self._change())
        issuer = self._issuer(wire, redact)
        async with TokenSource(
            issuer, on_refused=self._gate.close_with, clock=self._clock
        ) as tokens:
            pool = Pool(
                self._cells(),
                fetch=self._client(wire, tokens, redact).fetch,
                decide=RetryPolicy(5).decide,
                settle=self._settle,
                on_retry=self._retried,
                stats=self._stats,
                concurrency=scenario.concurrency,
                rate=lambda: control.rate,
                prefers_new=lambda: control.is_doubtful or control.open_cause is not None,
                on_exhausted=control.no_more_cells,
                clock=self._clock,
            )
            try:
                async with asyncio.timeout(scenario.seconds):
                    await pool.run()
            except TimeoutError:
                pass
            except CollectorError as error:
                self.result.error = error
        changing.cancel()
        await asyncio.wait([changing])
        self.result.issued = wire.issued
        self.result.seen.seconds = self._clock() - self._began
        return self.result

    async def _change(self) -> None:
        for at, settings in self._scenario.changes:
            await asyncio.sleep(self._began + at - self._clock())
            if settings.get("revoke"):
                self._api.tokens.revoke_all()
            else:
                self._api.configure(replace(self._api.settings, **settings))

    async def _settle(self, settled: Sequence[Settled]) -> None:
        for item, outcome in settled:
            company = item.cell.company_id
            self.result.seen.cells += 1
            if isinstance(outcome, Failure):
                self.result.failed[company] += 1
                self.result.reasons[outcome.status or outcome.kind] += 1
                self.result.seen.failed_cells += 1
            else:
                self.result.answered[company] += 1

    def _retried(self, *_: object) -> None:
        self.result.seen.retried += 1


async def _collect(scenario: Scenario, companies: int, control: Control) -> Collection:
    return await _Collector(scenario, companies, control).collect()


def collect_virtually(
    scenario: Scenario,
    seed: int = 1,
    *,
    companies: int = _COMPANIES,
    control: Control = RateController,
) -> Collection:
    """Return what became of a scenario; the same seed gives the same result. Kills are ignored."""
    begin = 10_000.0 + random.Random(seed).uniform(0.0, 60.0)  # noqa: S311 - repeatable, no secret
    return run_in_virtual_time(_collect(scenario, companies, control), seed, begin)
