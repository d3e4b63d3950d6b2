"""A server that is not the bottleneck: it parses next to nothing and answers from memory.

`python -m benchmarks.fast_server [LATENCY_SECONDS]` prints its port and serves until killed.
"""

import asyncio
import re
import sys
import time
from datetime import date
from functools import cache
from typing import Final

_TIMER_SLACK: Final = 0.0015
"""Seconds by which a timer may be late; the server spins through them, so that 50 ms are 50 ms."""

_STATISTICS: Final = (
    '{{"code":200,"resource":"Statistics","data":{{"total":{n},"sended":0,"pending":0,"fails":{n},'
    '"actions":{{"RECEIVED":0,"PRESS_ACTION":4,"UNKNOWN":0}},"campaign":5}},"message":"Ok"}}'
)

_LONGEST_LINE: Final = 200
"""Bytes of a request in which its dates are looked for."""

_DATES: Final = re.compile(rb"\?from_date=([0-9-]{10})&until_date=([0-9-]{10}) ")


def _reply(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@cache
def _statistics(first: bytes, last: bytes) -> bytes:
    """Answer for a window; days add up to windows, or else the collector would refuse to run."""
    begin, end = (date.fromisoformat(day.decode()).toordinal() for day in (first, last))
    days = range(begin, end + 1)
    return _reply(_STATISTICS.format(n=sum(1 + day % 7 for day in days)).encode())


class _Answering(asyncio.Protocol):
    """Answers every request on one connection after the same latency."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._default = _reply(_STATISTICS.format(n=6).encode())
        token = f'{{"access_token":"bench","expires_in":7200,"created_at":{int(time.time())}}}'
        self._token = _reply(token.encode())
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take each arrival for one whole request: clients here do not pipeline."""
        if data.startswith(b"POST"):
            if data.endswith(b"\r\n\r\n"):
                return  # the head of a request whose body is still on its way
            reply = self._token
        else:
            dates = _DATES.search(data, 0, _LONGEST_LINE)
            reply = _statistics(*dates.groups()) if dates else self._default
        if self._latency:
            moment = self._loop.time() + self._latency
            self._loop.call_at(moment - _TIMER_SLACK, self._answer_at, moment, reply)
        else:
            self._transport.write(reply)

    def _answer_at(self, moment: float, reply: bytes) -> None:
        """Answer at the moment, not up to a millisecond later as timers of the loop do."""
        if self._loop.time() < moment:
            self._loop.call_soon(self._answer_at, moment, reply)
        else:
            self._transport.write(reply)


async def _serve(latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(latency), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
