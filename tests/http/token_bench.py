"""A token issuer and its collaborators, for tests of the issuer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import hdrs

from collector.core.secrets import Redactor, Secret
from collector.http.credentials import ClientCredentials
from collector.http.gate import Gate
from collector.http.silence import Service, Silence
from collector.http.token import Token
from collector.http.token_issuer import TokenIssuer
from collector.http.transport import Transport
from collector.pace import RateController
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats
from tests.http.mocked import TOKEN_URL, MockedHttp, Respond, Sent

CLIENT = ClientCredentials(Secret("demo"), Secret("demo-secret"))
GRANTED = {"access_token": "granted-5f2e", "token_type": "Bearer", "expires_in": 7200}


class Clock:
    """Seconds that stand still until they are told to move."""

    now = 1000.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.now


class PatientGate(Gate):
    """A gate at which a sleep takes no time: it is noted, and the clock put forward."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(RateController(1e6, companies=1, probe_seconds=60.0))
        self.clock = clock
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Note it."""
        self.pauses.append(seconds)
        self.clock.now += seconds


class TokenBench:
    """An issuer and its collaborators. `sent` is what left, if the service is mocked."""

    def __init__(  # noqa: PLR0913 - what tests vary
        self,
        url: str = TOKEN_URL,
        *,
        client: ClientCredentials = CLIENT,
        gate: Gate | None = None,
        first: float = 60.0,
        patience: float = 600.0,
        timeout: float = 10.0,
    ) -> None:
        self.clock = Clock()
        self.patient = PatientGate(self.clock)
        gate = gate or self.patient
        self.redact = Redactor()
        self.redact.learn(client.client_id, client.client_secret)
        self.stats = RunStats(1)
        self.sent: list[Sent] = []
        self.lines: list[bytes] = []
        self.has_logged = asyncio.Event()
        self.log = EventLog("debug", self.redact)
        self.transport = Transport(gate, self.stats, concurrency=64, timeout=timeout)
        self.issue = TokenIssuer(
            client,
            url=url,
            transport=self.transport,
            gate=gate,
            silence=Silence(Service(url, "--token-url", "access token"), first),
            patience=patience,
            redact=self.redact,
            log=self.log.logger,
            clock=self.clock,
        )

    def write(self, line: bytes) -> None:
        """Take a line of the log."""
        self.lines.append(line)
        self.has_logged.set()

    @property
    def pauses(self) -> list[float]:
        """The sleeps so far."""
        return self.patient.pauses

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [orjson.loads(line) for line in self.lines]


@asynccontextmanager
async def issuer_at(
    url: str,
    **more: Any,  # noqa: ANN401 - see TokenBench
) -> AsyncIterator[TokenBench]:
    """Open an issuer that asks a server."""
    bench = TokenBench(url, **more)
    with bench.log.into(bench.write):
        async with bench.transport:
            yield bench


@asynccontextmanager
async def issuer_for(
    respond: Respond,
    **more: Any,  # noqa: ANN401 - see TokenBench
) -> AsyncIterator[TokenBench]:
    """Open an issuer that asks a service that answers as a test likes, without a server."""
    with MockedHttp() as http:
        http.answer(hdrs.METH_POST, TOKEN_URL, respond)
        async with issuer_at(TOKEN_URL, **more) as bench:
            bench.sent = http.sent
            yield bench
            # Each attempt passed the gate and was counted.
            assert bench.stats.requests == len(bench.sent)


def text_of(token: Token) -> str:
    """Return the secret of a token."""
    return token.authorization.removeprefix("Bearer ")
