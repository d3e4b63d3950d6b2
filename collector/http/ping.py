"""Pings to a monitoring service for scheduled jobs: one at the start of a run, one at its end.

The addresses are those of healthchecks.io: `URL/start`, and `URL/<exit code>` with a summary.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import aiohttp
import orjson
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from collector.core.secrets import Secret
from collector.core.text import span_text
from collector.http.faults import fault_of
from collector.http.network import Network
from collector.http.resolver import Resolver

__all__ = ["Ping"]

_SECONDS: Final = 5.0
"""How long a ping may take."""


class Ping:
    """Tells a service that a run has started and how it has ended; never fails.

    * `address`: a secret, because it is all that is needed to ping.
    * `network`: how the service is reached.
    """

    def __init__(self, address: Secret, network: Network) -> None:
        self._address = URL(address.reveal())
        self._network = network

    async def started(self) -> str | None:
        """Tell that a run has started; return why it could not be told, if so."""
        return await self._send("start", b"")

    async def ended(self, exit_code: int, summary: Mapping[str, object]) -> str | None:
        """Tell how a run has ended, with the summary as JSON; return why it could not be told."""
        return await self._send(str(exit_code), orjson.dumps(summary))

    async def _send(self, what: str, body: bytes) -> str | None:
        url = self._address / what
        proxy = self._network.proxy_for(url)
        headers, proxy_headers = (None, None) if proxy is None else proxy.headers_for(url)
        try:
            async with (
                asyncio.timeout(_SECONDS),
                ClientSession(
                    cookie_jar=DummyCookieJar(),
                    connector=TCPConnector(ssl=self._network.verification(), resolver=Resolver()),
                    timeout=ClientTimeout(total=None),
                ) as session,
                session.post(
                    url,
                    data=body,
                    headers={"Content-Type": "application/json", **(headers or {})},
                    allow_redirects=False,
                    proxy=None if proxy is None else proxy.url,
                    proxy_headers=proxy_headers,
                ) as response,
            ):
                status = response.status
        except TimeoutError:
            return f"no answer within {span_text(_SECONDS)}"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return fault_of(error, url, None if proxy is None else proxy.url).text
        return None if status < HTTPStatus.MULTIPLE_CHOICES else f"HTTP {status}"
