"""Real exceptions of aiohttp, from real servers, in our own words."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from collector.http.faults import MAX_HEADER_LINE_BYTES, Fault, Nature, fault_of
from tests.http.certificates import Made, make_certificate
from tests.http.raw_server import Answer, RawServer, always, ok, reset

SECRET = "token-'77aa"  # noqa: S105 - made up
GET = URL("https://api.example/x")
PROXY = URL("http://proxy.example:3128")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a session with the limits of the transport."""
    async with aiohttp.ClientSession(
        max_line_size=MAX_HEADER_LINE_BYTES, max_field_size=MAX_HEADER_LINE_BYTES
    ) as session:
        yield session


async def _error(
    session: aiohttp.ClientSession,
    url: URL,
    *,
    proxy: URL | None = None,
    tls: ssl.SSLContext | bool = True,
) -> Exception:
    with pytest.raises((aiohttp.ClientError, OSError)) as caught:
        async with session.get(url, proxy=proxy, ssl=tls) as response:
            await response.read()
    return caught.value


def _unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def test_a_name_that_is_not_known(session: aiohttp.ClientSession) -> None:
    """`.invalid` has no addresses (RFC 6761)."""
    url = URL("http://nosuch.invalid/")
    assert fault_of(await _error(session, url), url) == Fault("name not known", Nature.TRANSIENT)


async def test_a_port_without_a_listener(session: aiohttp.ClientSession) -> None:
    """By address and by name."""
    for host in ("127.0.0.1", "localhost"):
        url = URL(f"http://{host}:{_unused_port()}/")
        fault = fault_of(await _error(session, url), url)
        assert fault == Fault("connection refused", Nature.TRANSIENT)


_HEAD = f"HTTP/1.1 200 OK\r\nSet-Cookie: {SECRET}\r\n".encode()


_NO_ANSWER = Fault("connection closed without an answer", Nature.TRANSIENT)
_HALF = Fault("connection closed before the whole answer came", Nature.TRANSIENT)
_NO_HTTP = Fault("malformed answer head: not an HTTP status line", Nature.UNUSABLE)
_MALFORMED = Fault("malformed answer head", Nature.UNUSABLE)
_TOO_LONG = Fault("header line longer than 64 KiB", Nature.UNUSABLE)
_UNDECODABLE = Fault("content encoding that cannot be decoded", Nature.UNUSABLE)

_CASES: dict[str, tuple[Answer, Fault]] = {
    "reset": (reset, Fault("connection reset", Nature.TRANSIENT)),
    "nothing": (always(b"", close=True), _NO_ANSWER),
    "half a head": (always(_HEAD, close=True), _NO_ANSWER),
    "half a body": (always(_HEAD + b"Content-Length: 9\r\n\r\n{}", close=True), _HALF),
    "half a chunk": (
        always(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}", close=True),
        _HALF,
    ),
    "status line": (always(f"HTP/1.1 200 {SECRET}\r\n\r\n".encode()), _NO_HTTP),
    "header": (always(_HEAD + f"Bad Name {SECRET}: x\r\n\r\n".encode()), _MALFORMED),
    "long header": (always(ok(b"{}", f"X: {SECRET}{'x' * 70_000}")), _TOO_LONG),
    "many headers": (always(ok(b"{}", *[f"X: {SECRET}"] * 500)), _MALFORMED),
    "no gzip": (always(ok(SECRET.encode(), "Content-Encoding: gzip")), _UNDECODABLE),
    "no deflate": (always(ok(SECRET.encode(), "Content-Encoding: deflate")), _UNDECODABLE),
    "no brotli": (always(ok(SECRET.encode(), "Content-Encoding: br")), _UNDECODABLE),
}


@pytest.mark.parametrize("case", _CASES)
async def test_what_a_server_does_is_named_without_its_words(
    session: aiohttp.ClientSession, case: str
) -> None:
    """Whatever it sent: none of it is in the text, which could hold a secret otherwise."""
    answer, expected = _CASES[case]
    async with RawServer(answer) as server:
        assert fault_of(await _error(session, server.url), server.url) == expected


async def test_a_long_header_line_is_read(session: aiohttp.ClientSession) -> None:
    """Up to 64 KiB."""
    async with (
        RawServer(always(ok(b"{}", "X: " + "x" * 60_000))) as server,
        session.get(server.url) as response,
    ):
        assert await response.read() == b"{}"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (Made("localhost"), None),
        (
            Made("localhost", is_expired=True),
            "certificate expired, or the clock of this machine is wrong",
        ),
        (Made("other.example"), "certificate issued for another host"),
        (
            Made("localhost", is_trusted=False),
            "certificate not trusted: self-signed certificate (see --ca-file)",
        ),
    ],
    ids=str,
)
async def test_a_certificate_is_named_with_what_is_wrong(
    session: aiohttp.ClientSession, tmp_path: Path, made: Made, text: str | None
) -> None:
    """In the handshake with a real TLS server."""
    certificate = make_certificate(tmp_path, made)
    async with RawServer(always(ok(b"{}")), tls=certificate.server) as server:
        url = server.url.with_host("localhost")
        if text is None:
            async with session.get(url, ssl=certificate.client) as response:
                assert response.status == 200
            return
        fault = fault_of(await _error(session, url, tls=certificate.client), url)
    assert fault == Fault(text, Nature.UNUSABLE)


async def test_a_server_that_speaks_no_tls(session: aiohttp.ClientSession) -> None:
    """Its first bytes are no handshake."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        url = URL(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        fault = fault_of(await _error(session, url), url)
    assert fault.text == "this port does not speak TLS (wrong version number)"
    assert fault.nature is Nature.UNUSABLE


@pytest.mark.parametrize(
    ("status", "text", "nature"),
    [
        (
            f"407 {SECRET}",
            "it requires a user name and a password, or others (HTTP 407)",
            Nature.UNUSABLE,
        ),
        (f"502 {SECRET}", "it refused the connection (HTTP 502)", Nature.TRANSIENT),
    ],
)
async def test_a_proxy_that_makes_no_connection_is_named(
    session: aiohttp.ClientSession, status: str, text: str, nature: Nature
) -> None:
    """With the option to look at, and without its user and password."""
    async with RawServer(always(ok(b"", status=status))) as server:
        proxy = server.url.origin()
        error = await _error(session, GET, proxy=proxy)
        with_password = proxy.with_user("ada").with_password(SECRET)
        fault = fault_of(error, GET, with_password)
    assert fault == Fault(f"proxy {proxy}: {text} (see --proxy and https_proxy)", nature)


async def test_a_proxy_that_is_down_is_named(session: aiohttp.ClientSession) -> None:
    """It is the proxy that refused the connection, or whose name is not known; not the host."""
    down = URL(f"http://127.0.0.1:{_unused_port()}")
    for proxy, text in (
        (down, "connection refused"),
        (URL("http://nosuch.invalid:1"), "name not known"),
    ):
        fault = fault_of(await _error(session, GET, proxy=proxy), GET, proxy)
        expected = f"proxy {proxy}: {text} (see --proxy and https_proxy)"
        assert fault == Fault(expected, Nature.TRANSIENT)


async def test_a_proxy_that_does_not_speak_http(session: aiohttp.ClientSession) -> None:
    """The malformed answer is that to CONNECT."""
    async with RawServer(always(b"HTP/1.1 200 OK\r\n\r\n")) as server:
        proxy = server.url.origin()
        fault = fault_of(await _error(session, GET, proxy=proxy), GET, proxy)
    assert fault.text.startswith(f"proxy {proxy}: malformed answer head")


async def test_behind_a_proxy_the_proxy_is_named_too(session: aiohttp.ClientSession) -> None:
    """When either may have closed the connection."""
    async with RawServer(always(b"", close=True)) as server:
        proxy = server.url.origin()
        fault = fault_of(await _error(session, GET, proxy=proxy), GET, proxy)
    expected = f"connection closed without an answer (through proxy {proxy})"
    assert fault == Fault(expected, Nature.TRANSIENT)


@pytest.mark.parametrize(
    "number",
    [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL],
    ids=errno.errorcode.get,
)
@pytest.mark.parametrize("kind", [aiohttp.ClientConnectorError, aiohttp.ClientConnectorDNSError])
def test_what_this_machine_lacks_is_local(
    number: int, kind: type[aiohttp.ClientConnectorError]
) -> None:
    """Also when it shows while a name is resolved, and also on the way to a proxy."""
    fault = fault_of(kind(_KEY, OSError(number, "text of the system")), GET, PROXY)
    assert fault.nature is Nature.LOCAL
    assert "proxy" not in fault.text


_KEY = ConnectionKey(
    "api.example", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (aiohttp.ClientConnectorError(_KEY, OSError(errno.ENETUNREACH, "")), "network is un"),
        (aiohttp.ClientConnectorError(_KEY, OSError(errno.ETIMEDOUT, "")), "connection timed out"),
        (aiohttp.ClientConnectorError(_KEY, OSError("Multiple exceptions")), "connection failed"),
        (
            aiohttp.ClientConnectorDNSError(_KEY, socket.gaierror(socket.EAI_AGAIN, "")),
            "name not resolved: no answer from a name server",
        ),
        (aiohttp.ClientConnectorDNSError(_KEY, OSError("of another")), "name not resolved"),
        (aiohttp.ConnectionTimeoutError("x"), "connection timed out"),
        (aiohttp.ClientConnectionResetError("x"), "connection reset"),
        (aiohttp.ClientPayloadError(SECRET), "connection closed before"),
        (aiohttp.ClientConnectionError(SECRET), "connection failed"),
        (aiohttp.ClientError(SECRET), "request failed: ClientError"),
        (OSError(SECRET), "connection failed"),
        (aiohttp.ClientOSError(1, f"[SSL: BAD] {SECRET}"), "operation not permitted"),
    ],
    ids=repr,
)
def test_what_only_its_class_or_number_tells(error: Exception, text: str) -> None:
    """Exceptions that other servers, systems and libraries cause."""
    fault = fault_of(error, GET)
    assert fault.text.startswith(text)
    assert fault.nature is Nature.TRANSIENT
    assert SECRET not in fault.text


def test_a_chain_that_is_a_circle_ends() -> None:
    """Whichever library made it."""
    one, two = aiohttp.ClientError(), aiohttp.ClientError()
    one.__cause__, two.__cause__ = two, one
    assert fault_of(one, GET).text == "request failed: ClientError"
