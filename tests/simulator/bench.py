"""A service, and clients of a server, that the tests of the embedded API share; not a test."""

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote

import orjson
from aiohttp import ClientSession
from yarl import URL

from collector.simulator import Simulator, SimulatorSettings
from collector.simulator.service import EmbeddedService, StatisticsRequest

TODAY = date(2026, 11, 23)
GRANT = b'{"grant_type":"client_credentials","client_id":"demo","client_secret":"demo-secret"}'


class Clock:
    """Seconds that stand still until they are told to move."""

    now = 1000.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.now


class Bench:
    """A service with clocks of its own and a valid token."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.clock, self.monotonic = Clock(), Clock()
        self.service = EmbeddedService(
            settings,
            clock=self.clock,
            monotonic=self.monotonic,
            today=lambda: TODAY,
            record_requests=True,
        )
        reply = self.service.oauth("token", GRANT, "application/json")
        self.header = f"Bearer {orjson.loads(reply.body)['access_token']}"

    def ask(
        self,
        raw_id: str = "1",
        first: Sequence[str] = (),
        last: Sequence[str] = (),
        *,
        access: bool = True,
    ) -> int:
        """Send a statistics request and return the status; `decision` keeps all of it."""
        header = self.header if access else None
        request = StatisticsRequest(raw_id, header, first, last)
        self.decision = self.service.statistics(request)
        return self.decision.reply.status

    def data(self) -> dict[str, object]:
        """Return the statistics of the last answer."""
        data: dict[str, object] = orjson.loads(self.decision.reply.body)["data"]
        return data

    def announced(self) -> dict[str, str]:
        """Return the rate headers of the last answer, without what they all begin with."""
        prefix = "RateLimit-"
        headers = self.decision.reply.headers.items()
        return {n.removeprefix(prefix): value for n, value in headers if n.startswith(prefix)}


def url_of(sim: Simulator, company_id: str = "1", query: str = "") -> URL:
    """Return the address of a company's statistics; encode the id as the collector does."""
    path = f"/campaigns/api/v1/company/{quote(company_id, safe='')}/statistics"
    return URL(f"{sim.base_url}{path}{query}", encoded=True)


def client_of(sim: Simulator) -> ClientSession:
    """Return a client that holds a token."""
    return ClientSession(headers={"Authorization": f"Bearer {sim.issue_token()}"})
