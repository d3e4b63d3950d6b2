"""A server that sends more than was requested, at moments that a test chooses."""

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

__all__ = ["Surplus", "UnsteadyServer", "answer_to", "wrong_lines"]

_REQUEST: Final = re.compile(
    rb"GET /campaigns/api/v1/company/(\d+)/statistics\?from_date=([\d-]+)&until_date=([\d-]+) "
)


class Surplus(NamedTuple):
    """Bytes that no request asked for, `delay` seconds after an answer.

    * `kind`: `repeat` (the answer once more), `other` (the answer of another cell), `408` (with
      `Connection: close`), `blank` (a line break), `rubbish`.
    * `split`: how many bytes go out at once; the rest follows after another `delay`. None for all.
    """

    kind: str
    delay: float
    split: int | None = None


Chooses = Callable[[int, int], Surplus | None]
"""Gets the number of the connection and of the answer on it, from 1; chooses what follows."""


def answer_to(company: int, day: str, *options: str, status: str = "200 OK") -> bytes:
    """Return an answer whose figures name the company and the day."""
    data = {"total": company, "sended": company, "pending": 0, "fails": 0, "campaign": _number(day)}
    envelope = {"code": 200, "resource": "statistics", "data": {**data, "actions": {}}}
    body = json.dumps({**envelope, "message": "ok"}).encode()
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *options, "", ""]
    return "\r\n".join(head).encode() + body


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def wrong_lines(answers: Path) -> list[dict[str, Any]]:
    """Return the lines of a file whose figures are those of another company or day."""
    lines = [json.loads(line) for line in answers.read_bytes().splitlines()]
    return [
        line
        for line in lines
        if line["statistics"]["total"] != int(line["company_id"])
        or line["statistics"]["campaign"] != _number(line["from_date"])
    ]


class UnsteadyServer:
    """Serves statistics over HTTP/1.1, and surplus bytes.

    * `chooses`: what follows an answer.
    * `greeting`: bytes that a new connection gets at once.
    * `honours_close`: answer a request for `Connection: close` with a declaration, and close.
    * `latency`: seconds before an answer.
    * `ends_by_close`: give no length, so that the end of the connection is that of the answer.
    * `most_answers`: answers on a connection; the server declares the close in the last one.
    """

    def __init__(  # noqa: PLR0913 - what tests vary
        self,
        chooses: Chooses = lambda _connection, _answer: None,
        *,
        greeting: bytes = b"",
        honours_close: bool = True,
        latency: float = 0.0,
        most_answers: int | None = None,
        ends_by_close: bool = False,
    ) -> None:
        self._ends_by_close = ends_by_close
        self._most_answers = most_answers
        self._chooses = chooses
        self._greeting = greeting
        self._honours_close = honours_close
        self._latency = latency
        self.connections = 0
        self.requests = 0
        self.surplus = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
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

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        serving = self._start(self._serve(self.connections, reader, writer))
        # Also if it is cancelled before it begins: Python 3.12 warns of a writer left open.
        serving.add_done_callback(lambda _: writer.close())

    def _start(self, what: Any) -> asyncio.Task[None]:  # noqa: ANN401 - a coroutine
        task: asyncio.Task[None] = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _serve(
        self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(self._greeting)
        number = 0
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"POST /oauth/token/ "):
                    if await self._issue_token(head, reader, writer):
                        break
                    continue
                number += 1
                self.requests += 1
                await asyncio.sleep(self._latency)
                closes = number == self._most_answers or (
                    self._honours_close and b"\r\nConnection: close\r\n" in head
                )
                found = _REQUEST.match(head)
                assert found is not None, head
                company, day = int(found[1]), found[2].decode()
                options = ["Connection: close"] if closes else []
                answer = answer_to(company, day, *options)
                if self._ends_by_close:
                    answer = re.sub(rb"\r\nContent-Length: \d+", b"", answer)
                    closes = True
                writer.write(answer)
                if (surplus := self._chooses(connection, number)) is not None:
                    self._start(self._send(surplus, company, day, answer, writer))
                if closes:
                    break
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _issue_token(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer with a token and, behind it, an answer for a company; return whether it closes."""
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        closes = self._honours_close and b"\r\nConnection: close\r\n" in head
        options = ["Connection: close"] if closes else []
        body = b'{"access_token":"made-up-token","expires_in":7200}'
        lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *options, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await asyncio.sleep(0.01)
        if not closes:
            writer.write(answer_to(7, "2026-09-03"))
        return closes

    async def _send(
        self, surplus: Surplus, company: int, day: str, answer: bytes, writer: asyncio.StreamWriter
    ) -> None:
        content = {
            "repeat": answer,
            "other": answer_to(company + 1, day),
            "408": answer_to(company, day, "Connection: close", status="408 Request Timeout"),
            "blank": b"\r\n",
            "rubbish": b"220 mail.example ESMTP\r\n",
        }[surplus.kind]
        await asyncio.sleep(surplus.delay)
        if writer.is_closing():
            return
        self.surplus += 1
        writer.write(content[: surplus.split])
        if surplus.split is not None:
            await asyncio.sleep(surplus.delay)
            if not writer.is_closing():
                writer.write(content[surplus.split :])
