"""A server that lets a test answer with any bytes."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from yarl import URL

RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Answer = Callable[[int, asyncio.StreamWriter], Awaitable[None]]
"""Gets the number of the request (from 1) and writes whatever it likes."""


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """Write a whole answer that keeps the connection open."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def always(content: bytes, *, close: bool = False) -> Answer:
    """Give the same bytes to everyone, and close the connection after them if asked to."""

    async def answer(_: int, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        if close:
            writer.close()

    return answer


async def hang(_: int, __: asyncio.StreamWriter) -> None:
    """Give no answer."""
    await asyncio.get_running_loop().create_future()


async def reset(_: int, writer: asyncio.StreamWriter) -> None:
    """Break the connection off with RST."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


class _Closing:
    """Writer that declares the close in the first answer that it writes."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._has_declared = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._writer, name)

    def write(self, data: bytes) -> None:
        """Write bytes, with the declaration after the status line."""
        status, line_break, rest = data.partition(b"\r\n")
        if not self._has_declared and status.startswith(b"HTTP/1.") and rest:
            self._has_declared = True
            data = status + line_break + b"Connection: close" + line_break + rest
        self._writer.write(data)


class RawServer:
    """Reads the heads of requests, and lets a test answer with any bytes.

    Asked for `Connection: close`, it declares that in its next answer and closes the connection
    after it, unless it `ignores_close`. With `tls` it speaks TLS, on any connection only after
    `tls_begins`.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        ignores_close: bool = False,
        tls: ssl.SSLContext | None = None,
        tls_begins: asyncio.Event | None = None,
    ) -> None:
        self._ignores_close = ignores_close
        self._tls = tls
        self._tls_begins = tls_begins
        self.connections = 0
        self.heads: list[bytes] = []
        self.got_one = asyncio.Event()
        self._answer = answer
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        tls = None if self._tls_begins else self._tls
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=tls)
        port = self._server.sockets[0].getsockname()[1]
        scheme = "http" if self._tls is None else "https"
        self.url = URL(f"{scheme}://127.0.0.1:{port}/x")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._tls_begins:
            cast("asyncio.Transport", writer.transport).pause_reading()
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._tls and self._tls_begins:
                await self._tls_begins.wait()
                await writer.start_tls(self._tls)
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                self.got_one.set()
                closes = b"\r\nConnection: close\r\n" in self.heads[-1]
                if closes and not self._ignores_close:
                    await self._answer(
                        len(self.heads), cast("asyncio.StreamWriter", _Closing(writer))
                    )
                    break
                await self._answer(len(self.heads), writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
