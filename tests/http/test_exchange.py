import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest
from aiohttp import (
    ClientConnectionResetError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ServerDisconnectedError,
)
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from collector import __version__
from collector.core.secrets import Secret
from collector.http.exchange import ConnectionPool, Get
from collector.http.token import Token
from tests.http.raw_server import RawServer, always, ok

TOKEN = Token.of(Secret("token-77aa"))
OURS = {"User-Agent": f"collector/{__version__}", "Accept": "application/json"}


@asynccontextmanager
async def exchange_of(connections: int = 4) -> AsyncIterator[ConnectionPool]:
    """Open an exchange, and close it."""
    exchange = ConnectionPool(connections)
    try:
        yield exchange
    finally:
        await exchange.close()


async def get(exchange: ConnectionPool, url: URL, token: Token = TOKEN) -> bytes:
    """Get what is at an address."""
    return await (await exchange.send(exchange.get(url, token))).read()


def lines(head: bytes) -> list[str]:
    """Return the request line, and the headers in the order of the alphabet."""
    first, *headers = head.decode().rstrip().split("\r\n")
    return [first, *sorted(headers)]


async def test_a_get_is_what_a_client_session_sends() -> None:
    """Made anew or used again: the same request line and headers, on one connection."""
    async with RawServer(always(ok())) as server:
        urls = [server.url.with_path(f"/{name}%2F", encoded=True) for name in "ab"]
        async with ClientSession(headers=OURS) as session:
            for url in urls:
                async with session.get(url, headers=TOKEN.headers) as response:
                    await response.read()
        async with exchange_of() as exchange:
            for url in urls:
                assert await get(exchange, url) == b"{}"
        heads = [lines(head) for head in server.heads]
        assert heads[:2] == heads[2:]
        assert heads[0] != heads[1]
        assert server.connections == 2


async def test_a_post_is_what_a_client_session_sends() -> None:
    """With its headers, and a body of the length that it says."""
    headers, content = CIMultiDict({"Content-Type": "application/json"}), b'{"a":1}'
    received = list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        received.append(await reader.readexactly(len(content)))
        writer.write(ok())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, exchange_of() as ours:
        url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/oauth")
        async with (
            ClientSession(headers=OURS) as session,
            session.post(url, headers=headers, data=content) as response,
        ):
            await response.read()
        answer = await ours.send(ours.request("POST", url, headers, content))
        assert await answer.read() == b"{}"
    assert lines(received[0]) == lines(received[2])
    assert received[1] == received[3] == content


async def test_a_request_is_used_again() -> None:
    """Only after its answer has come, and for another address."""
    async with RawServer(always(ok())) as server, exchange_of() as exchange:
        first, second = (exchange.get(server.url, TOKEN) for _ in range(2))
        assert first is not second
        await (await exchange.send(first)).read()
        again = exchange.get(server.url.with_path("/b"), TOKEN)
        assert again is first
        assert again.url == again.original_url == server.url.with_path("/b")
        assert exchange.get(server.url, TOKEN) is not first


async def test_an_answer_is_not_of_the_next_address() -> None:
    """Its request may be on its way to another one while the body is read."""
    async with RawServer(always(ok())) as server, exchange_of() as exchange:
        answers = [
            await exchange.send(exchange.get(server.url.with_path(path), TOKEN))
            for path in ("/a", "/b")
        ]
        assert [answer.url.path for answer in answers] == ["/a", "/b"]
        assert [await answer.read() for answer in answers] == [b"{}", b"{}"]


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_request_with_an_old_token_is_not_used_again(*, is_late: bool) -> None:
    """Whether its answer comes before the first one with the new token is made, or after that."""
    newer = Token.of(Secret("token-newer"))

    def sent(request: Get) -> str:
        return request.headers["Authorization"]

    async with RawServer(always(ok())) as server, exchange_of() as exchange:
        old = exchange.get(server.url, TOKEN)
        if is_late:
            exchange.get(server.url, newer)
        await (await exchange.send(old)).read()
        assert sent(exchange.get(server.url, newer)) == "Bearer token-newer"
        assert sent(exchange.get(server.url, TOKEN)) == "Bearer token-77aa"


async def test_every_origin_gets_its_own_name() -> None:
    """A request that was used for one host is not used for another."""
    async with RawServer(always(ok())) as server, exchange_of() as exchange:
        for host in ("127.0.0.1", "localhost", "127.0.0.1"):
            await get(exchange, server.url.with_host(host))
        named = [line for head in server.heads for line in lines(head) if line.startswith("Host:")]
        port = server.url.port
        assert named == [f"Host: {host}:{port}" for host in ("127.0.0.1", "localhost", "127.0.0.1")]


async def test_nothing_is_sent_again() -> None:
    """The transport decides about a request on a dead connection: it has to count resends."""
    async with RawServer(always(b"", close=True)) as server, exchange_of() as exchange:
        with pytest.raises(ServerDisconnectedError):
            await exchange.send(exchange.get(server.url, TOKEN))
        assert len(server.heads) == 1


async def test_an_answer_that_is_cut_short_leaves_no_connection_behind() -> None:
    """The place of a connection that broke is free for the next request."""

    async def first_breaks(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Le" if number == 1 else ok())
        if number == 1:
            writer.close()

    async with RawServer(first_breaks) as server, exchange_of(connections=1) as exchange:
        with pytest.raises(ServerDisconnectedError):
            await get(exchange, server.url)
        async with asyncio.timeout(5):
            assert await get(exchange, server.url) == b"{}"


async def test_a_request_that_cannot_be_sent_leaves_no_connection_behind() -> None:
    """Its place is free for the next request, too."""

    class Unsendable(Get):
        async def send(self, conn: Connection) -> NoReturn:  # noqa: ARG002 - as its base has it
            raise OSError("no way")

    async with RawServer(always(ok())) as server, exchange_of(connections=1) as exchange:
        with pytest.raises(OSError, match="no way"):
            await exchange.send(Unsendable("GET", server.url, loop=asyncio.get_running_loop()))
        async with asyncio.timeout(5):
            assert await get(exchange, server.url) == b"{}"


async def test_nothing_is_written_to_a_connection_that_is_closing() -> None:
    """It may have begun to close just when a request got it."""

    class Met(Get):
        async def send(self, conn: Connection) -> ClientResponse:
            assert conn.transport is not None
            conn.transport.close()
            return await super().send(conn)

    async with RawServer(always(ok())) as server, exchange_of() as exchange:
        request = Met("GET", server.url, loop=asyncio.get_running_loop())
        with pytest.raises(ClientConnectionResetError):
            await exchange.send(request)


async def test_an_answer_that_is_none_names_its_address() -> None:
    """The one that was asked for, and not the first that the request was made for."""

    async def second_is_none(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(ok() if number == 1 else b"no HTTP\r\n\r\n")

    async with RawServer(second_is_none) as server, exchange_of() as exchange:
        await get(exchange, server.url.with_path("/first"))
        with pytest.raises(ClientResponseError) as raised:
            await get(exchange, server.url.with_path("/second"))
        assert raised.value.request_info.real_url.path == "/second"


async def test_a_request_names_no_secret() -> None:
    """A request is written into tracebacks by its class only."""
    async with exchange_of() as exchange:
        assert "token-77aa" not in repr(exchange.get(URL("http://127.0.0.1:1/a"), TOKEN))
