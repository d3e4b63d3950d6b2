"""A service whose answers a test decides: tokens, statuses, headers, bodies."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from tests.conftest import Command, serving

__all__ = ["GOOD", "Asked", "Service", "good"]

GOOD: Final = {
    "code": 200,
    "data": {"total": 9, "sended": 9, "pending": 0, "fails": 0, "campaign": 1, "actions": {}},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its company, how many of that company came before, its token, and when it came."""

    company: str
    before: int
    token: str
    at: float
    number: int


def good() -> web.Response:
    """Return a good answer."""
    return web.json_response(GOOD)


Judge = Callable[[Asked], web.Response]


@dataclass
class Service:
    """A server on loopback; `judge` decides over each request for statistics.

    `issued` has the moments at which tokens were issued, by their names: `t0`, `t1`, ...; `grant`
    answers a request for the token of that name in its own way.
    """

    judge: Judge
    latency: float = 0.005
    expires_in: float = 7200.0
    grant: Callable[[str], web.Response] | None = None
    issued: dict[str, float] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    base_url: str = ""

    def point(self, command: Command) -> Command:
        """Point the command at this server."""
        return command.pointed_at(self.base_url)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Service"]:
        """Serve until the block ends."""
        async with serving(self._token, self._statistics) as port:
            self.base_url = f"http://127.0.0.1:{port}"
            yield self

    async def _token(self, _request: web.Request) -> web.Response:
        name = f"t{len(self.issued)}"
        self.issued[name] = time.monotonic()
        if self.grant is not None:
            return self.grant(name)
        return web.json_response({"access_token": name, "expires_in": self.expires_in})

    async def _statistics(self, request: web.Request) -> web.Response:
        company = request.match_info["company"]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        before = sum(one.company == company for one in self.asked)
        asked = Asked(company, before, token, time.monotonic(), len(self.asked))
        self.asked.append(asked)
        answer = self.judge(asked)
        self.statuses[answer.status] += 1
        await asyncio.sleep(self.latency)
        return answer
