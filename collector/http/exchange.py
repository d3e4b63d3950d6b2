"""One HTTP exchange, put together from aiohttp's parts: its requests, connections and answers.

`ClientSession.request` puts them together in the same way, and does much for each request that is
of no use here: redirects, cookies, proxies, netrc, a timer of its own, headers merged anew. That
is a quarter of the time that a request takes; to write the same headers for each is a tenth of the
rest. What is used of aiohttp here has public names, but not all of it is documented; so tests
compare what is sent with what `ClientSession` sends.
"""

import asyncio
from functools import cached_property
from types import SimpleNamespace
from typing import Final, cast

from aiohttp import ClientRequest, ClientResponse, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from collector import __version__
from collector.http.token import Token

__all__ = ["Exchange", "Get"]

_OUR_HEADERS: Final = {"User-Agent": f"collector/{__version__}", "Accept": "application/json"}

_NO_TRACES: Final[list[Trace]] = []

_WRITTEN: Final = cast("AbstractStreamWriter", SimpleNamespace(output_size=0))
"""An answer asks its writer how much was written, and nobody asks the answer."""

_NO_TIMEOUT: Final = ClientTimeout(total=None, sock_connect=None)
"""The time limit is that of the wire, for it begins behind the gate."""


class Get(ClientRequest):
    """A GET that is made once, and serves one address after the other."""

    home: "list[Get]"
    """Where it waits for another address of the same origin, and for the same token."""

    @cached_property
    def connection_key(self) -> ConnectionKey:
        """By what the connections to its origin are found; the same for every address."""
        return super().connection_key

    @cached_property
    def _head(self) -> bytes:
        """The headers with the empty line behind them; the same for every address."""
        # Whatever is read of a token is checked where it comes from; this is the last guard.
        assert all(map(str.isprintable, self.headers.values())), "no header breaks its line"  # noqa: S101
        headers = "".join(f"{name}: {text}\r\n" for name, text in self.headers.items())
        return f"{headers}\r\n".encode()

    def aim(self, url: URL) -> None:
        """Go to another address of the same origin."""
        self.url = self.original_url = url

    async def send(self, conn: Connection) -> ClientResponse:
        """Send it; of what goes out only the path is made anew.

        What is to be said of a connection that is closing, is left to aiohttp.
        """
        protocol = conn.protocol
        transport = None if protocol is None else protocol.transport
        if protocol is None or transport is None or transport.is_closing():
            return await super().send(conn)
        transport.write(b"GET %b HTTP/1.1\r\n%b" % (self.url.raw_path_qs.encode(), self._head))
        protocol.start_timeout()
        return ClientResponse(
            self.method,
            self.url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=_NO_TRACES,
            loop=self.loop,
            session=self._session,
            stream_writer=_WRITTEN,
        )


class Exchange:
    """Sends requests and receives the heads of answers, on connections that it keeps.

    There are `connections` of them at most. Redirects are not followed, cookies are not kept, and
    nothing is sent again.
    """

    def __init__(self, connections: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._connector = TCPConnector(limit=connections)
        self._purpose: tuple[object, ...] = ()
        self._idle: list[Get] = []

    async def close(self) -> None:
        """Close all connections."""
        await self._connector.close()

    def request(
        self, method: str, url: URL, headers: CIMultiDict[str], body: bytes | None
    ) -> ClientRequest:
        """Make a request with the given headers beside our own."""
        return ClientRequest(method, url, headers=_merged(headers), data=body, loop=self._loop)

    def get(self, url: URL, token: Token) -> Get:
        """Make a GET with a token, or use one again that was sent before.

        Its headers are always the same, and make up most of the work.
        """
        purpose = (token, url.scheme, url.raw_host, url.port)
        if purpose != self._purpose:
            # Those on their way come back to the old list, and are never used again.
            self._purpose, self._idle = purpose, []
        if self._idle:
            request = self._idle.pop()
            request.aim(url)
        else:
            request = Get("GET", url, headers=_merged(token.headers), loop=self._loop)
            request.home = self._idle
        return request

    async def send(self, request: ClientRequest) -> ClientResponse:
        """Send a request, and return its answer as soon as the head is there.

        Raises `aiohttp.ClientError` and `OSError`. The connection is free again at the end of the
        body; who does not read that far has to close the answer. A `Get` is over when this returns.
        """
        connection = await self._connector.connect(request, [], _NO_TIMEOUT)
        try:
            protocol = connection.protocol
            assert protocol is not None, "it is open"  # noqa: S101 - for the type checker
            protocol.set_response_params(read_until_eof=True)
            response = await request.send(connection)
            try:
                await response.start(connection)
            except BaseException:
                response.close()
                raise
        except BaseException:
            connection.close()
            raise
        if isinstance(request, Get):
            request.response = None
            request.home.append(request)
        return response


def _merged(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    merged = CIMultiDict(_OUR_HEADERS)
    merged.update(headers)
    return merged
