"""A small HTTP/1.1 server that knows what each cell's figure is, and how often it was asked."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import orjson

from benchmarks.server.answers import TOKEN

__all__ = ["Behaviour", "Seen", "figure", "serving"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is unusual about a server.

    * `latency`: seconds before each answer.
    * `limit`: requests per second that it accepts, in a bucket of `burst`; the others get a 429.
    * `ignores_dates`: every answer is for the last seven days, whatever was requested.
    * `repeats_every`: after each such answer on a connection it sends the same one again,
      `repeats_after` seconds later; 0 for never.
    """

    latency: float = 0.0
    limit: float | None = None
    burst: int = 5
    ignores_dates: bool = False
    repeats_every: int = 0
    repeats_after: float = 0.01


@dataclass(slots=True)
class Seen:
    """What the server has seen: how often each cell was accepted, and how many were not.

    `first` and `last` are the times of the first and the last accepted request, in seconds.
    """

    base_url: str = ""
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    limited: int = 0
    first: float = 0.0
    last: float = 0.0

    @property
    def requests(self) -> int:
        """Requests for statistics, accepted or not."""
        return self.accepted.total() + self.limited

    @property
    def rate(self) -> float:
        """Accepted requests per second."""
        return self.accepted.total() / max(self.last - self.first, 1e-9)


def figure(company: str, first: str, last: str) -> int:
    """Return the total of a company from one day to another: days add up, companies differ."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    ordinals = range(begin.toordinal(), end.toordinal() + 1)
    return sum(int(company) * 1000 + day * 37 % 101 for day in ordinals)


def _answer(total: int) -> bytes:
    actions = {"RECEIVED": total, "PRESS_ACTION": 0, "UNKNOWN": 0}
    data = {"total": total, "sended": total, "pending": 0, "fails": 0, "actions": actions}
    envelope = {"code": 200, "resource": "Statistics", "data": data | {"campaign": 5}}
    return orjson.dumps(envelope | {"message": "Ok"})


def _response(status: str, body: bytes, *, is_last: bool) -> bytes:
    close = "Connection: close\r\n" if is_last else ""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{close}\r\n".encode() + body


class _Server:
    def __init__(self, behaviour: Behaviour, today: date) -> None:
        self.seen = Seen()
        self._behaviour = behaviour
        self._today = today
        self._credit = float(behaviour.burst)
        self._at = time.monotonic()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the connection ends."""
        try:
            await self._serve(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has gone, or was killed, or the trial is over.
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, is_last = 0, False
        while not is_last:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            fields = head.lower().split("\r\n")
            length = [each for each in fields if each.startswith("content-length:")]
            if length:
                await reader.readexactly(int(length[0].partition(":")[2]))
            is_last = "connection: close" in fields
            method, target, _ = head.split(" ", 2)
            response = self._respond(method, target, is_last=is_last)
            await asyncio.sleep(self._behaviour.latency)
            writer.write(response)
            await writer.drain()
            answers += method == "GET"
            every = self._behaviour.repeats_every
            if every and not is_last and method == "GET" and answers % every == 0:
                await asyncio.sleep(self._behaviour.repeats_after)
                writer.write(response)

    def _respond(self, method: str, target: str, *, is_last: bool) -> bytes:
        address = urlsplit(target)
        if method != "GET":
            return _response("200 OK", TOKEN.encode(), is_last=is_last)
        if not self._accepts():
            self.seen.limited += 1
            return _response("429 Too Many Requests", b"{}", is_last=is_last)
        company, query = address.path.split("/")[-2], parse_qs(address.query)
        last = query.get("until_date", [str(self._today)])[0]
        first = query.get("from_date", [str(self._today - timedelta(6))])[0]
        self.seen.accepted[company, f"{first} {last}"] += 1
        if self._behaviour.ignores_dates:
            first, last = str(self._today - timedelta(6)), str(self._today)
        return _response("200 OK", _answer(figure(company, first, last)), is_last=is_last)

    def _accepts(self) -> bool:
        now = time.monotonic()
        limit = self._behaviour.limit
        if limit is not None:
            self._credit = min(self._behaviour.burst, self._credit + (now - self._at) * limit)
            self._at = now
            if self._credit < 1:
                return False
            self._credit -= 1
        self.seen.first = self.seen.first or now
        self.seen.last = now
        return True


@contextmanager
def serving(behaviour: Behaviour, today: date) -> Iterator[Seen]:
    """Serve on a free port, in a thread with a loop of its own; yield what the server has seen."""
    server = _Server(behaviour, today)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server")
    thread.start()
    try:
        listening = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(server.connected, "127.0.0.1", 0, backlog=1024), loop
        ).result()
        port = listening.sockets[0].getsockname()[1]
        server.seen.base_url = f"http://127.0.0.1:{port}"
        try:
            yield server.seen
        finally:
            asyncio.run_coroutine_threadsafe(_end(listening), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(listening: asyncio.Server) -> None:
    listening.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
