"""Connection pool, built from aiohttp's requests, connector and responses.

`ClientSession.request` combines them in the same way, but does more for each request than is needed
here: redirects, cookies, proxies, netrc, its own timer, merging the headers again. That is a
quarter of the time that a request takes; writing the same headers for each is a tenth of the rest.
The parts of aiohttp used here have public names, but not all are documented; so tests compare what
is sent with what `ClientSession` sends.
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
from collector.http.faults import MAX_HEADER_LINE_BYTES
from collector.http.token import Token

__all__ = ["ConnectionPool", "Get"]

_OUR_HEADERS: Final = {"User-Agent": f"collector/{__version__}", "Accept": "application/json"}

_NO_TRACES: Final[list[Trace]] = []

_FINISHED_WRITER: Final = cast("AbstractStreamWriter", SimpleNamespace(output_size=0))
"""Writer of a request that is already sent. A response reads `output_size`; its value is not used.
"""

_NO_TIMEOUT: Final = ClientTimeout(total=None, sock_connect=None)
"""No limit here: the transport's time limit applies, which begins after the permit."""


class Get(ClientRequest):
    """GET that is built once and sent to one address after another."""

    idle: "list[Get]"
    """Idle requests of the same origin and token; this one returns there after it is sent."""

    @cached_property
    def connection_key(self) -> ConnectionKey:
        """Key of the connections to its origin; the same for every address."""
        return super().connection_key

    @cached_property
    def _head(self) -> bytes:
        """The headers with the empty line after them; the same for every address."""
        # A token is checked where it is read; this is the last check.
        assert all(map(str.isprintable, self.headers.values())), "no header breaks its line"  # noqa: S101
        headers = "".join(f"{name}: {text}\r\n" for name, text in self.headers.items())
        return f"{headers}\r\n".encode()

    def retarget(self, url: URL) -> None:
        """Set another address of the same origin."""
        self.url = self.original_url = url

    async def send(self, conn: Connection) -> ClientResponse:
        """Send the request; only the path differs from the last one.

        If the connection is closing, aiohttp's own method reports it.
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
            stream_writer=_FINISHED_WRITER,
        )


class ConnectionPool:
    """Pool of at most `connections` connections; sends requests and receives response heads.

    It does not follow redirects, keep cookies or send anything again.
    """

    def __init__(self, connections: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._connector = TCPConnector(limit=connections)
        self._idle_key: tuple[object, ...] = ()
        self._idle: list[Get] = []

    async def close(self) -> None:
        """Close all connections."""
        await self._connector.close()

    def request(
        self, method: str, url: URL, headers: CIMultiDict[str], body: bytes | None
    ) -> ClientRequest:
        """Build a request with the given headers in addition to our own."""
        return ClientRequest(method, url, headers=_merged(headers), data=body, loop=self._loop)

    def get(self, url: URL, token: Token) -> Get:
        """Build a GET with a token, or reuse one that was sent before.

        Its headers are always the same; encoding them is most of the work.
        """
        key = (token, url.scheme, url.raw_host, url.port)
        if key != self._idle_key:
            # Requests in flight return to the old list, and are never used again.
            self._idle_key, self._idle = key, []
        if self._idle:
            request = self._idle.pop()
            request.retarget(url)
        else:
            request = Get("GET", url, headers=_merged(token.headers), loop=self._loop)
            request.idle = self._idle
        return request

    async def send(self, request: ClientRequest) -> ClientResponse:
        """Send a request, and return the response as soon as its head has arrived.

        Raises `aiohttp.ClientError` and `OSError`. The connection is free again at the end of the
        body; a caller that does not read that far must close the response. A `Get` can be reused
        when this returns.
        """
        connection = await self._connector.connect(request, [], _NO_TIMEOUT)
        try:
            protocol = connection.protocol
            assert protocol is not None, "it is open"  # noqa: S101 - for the type checker
            protocol.set_response_params(
                read_until_eof=True,
                max_line_size=MAX_HEADER_LINE_BYTES,
                max_field_size=MAX_HEADER_LINE_BYTES,
            )
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
            request.idle.append(request)
        return response


def _merged(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    merged = CIMultiDict(_OUR_HEADERS)
    merged.update(headers)
    return merged
