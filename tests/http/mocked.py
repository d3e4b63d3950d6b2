"""Answers of a test's own choice without a server: what becomes of statuses, bodies and exceptions.

`aioresponses` replaces what `ClientSession` does with a request. It runs no client middlewares, and
makes responses as aiohttp 3.13 wanted them; both are put right here. There are no connections, so
the tests of pauses in real time, resends, connections and limits have real servers: those of
`test_client_over_http.py`, `test_token_over_http.py` and `test_transport*.py`.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Self
from unittest.mock import Mock

from aiohttp import ClientRequest, ClientResponse, ClientSession
from aiohttp.client_middlewares import build_client_middlewares
from aioresponses import CallbackResult, aioresponses
from multidict import CIMultiDict
from yarl import URL

from collector.http.lease import PooledRequest

API = "https://api.example/base"
TOKEN_URL = "https://accounts.example/oauth/token/"  # noqa: S105 - an address


class Sent(NamedTuple):
    """A request as it leaves: after the middlewares, with the address as it is encoded.

    `number` counts all requests, from 1.
    """

    number: int
    method: str
    url: URL
    headers: CIMultiDict[str]
    body: bytes | None


Answer = CallbackResult | BaseException
"""An answer, or what is raised in place of one."""

Respond = Callable[[Sent], Answer | Awaitable[Answer]]
"""Answers a request."""


_WROTE_NOTHING = Mock(output_size=0)


class _Response(ClientResponse):
    """A response without a connection to which its request was written."""

    def __init__(self, method: str, url: URL, **more: Any) -> None:  # noqa: ANN401 - aiohttp's
        super().__init__(method, url, stream_writer=_WROTE_NOTHING, **more)


def answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> CallbackResult:
    """Make an answer: bytes as they are (128 KiB at most), everything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return CallbackResult(
        status=status, body=body, headers=dict(headers or {}), response_class=_Response
    )


async def hang(_: Sent) -> Answer:
    """Give no answer."""
    nothing: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    return await nothing


def row(*answers: Answer, then: Answer) -> Respond:
    """Answer so one after the other, and in one way after that."""
    waiting = list(answers)
    return lambda _: waiting.pop(0) if waiting else then


def together(number: int, respond: Respond) -> Respond:
    """Answer nothing before so many requests are on their way."""
    all_came = asyncio.Event()

    async def answer_later(sent: Sent) -> Answer:
        if sent.number == number:
            all_came.set()
        await all_came.wait()
        return await _given(respond, sent)

    return answer_later


async def _given(respond: Respond, sent: Sent) -> Answer:
    given = respond(sent)
    return await given if isinstance(given, Awaitable) else given


class MockedHttp(aioresponses):
    """Answers the requests of every session while it is entered, and keeps what was `sent`.

    What no `answer` was given for ends like a refused connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sent] = []

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def answer(self, method: str, address: str, respond: Respond) -> None:
        """Answer the requests to addresses that begin so."""

        async def called(_: URL, *, sent: Sent, **__: object) -> CallbackResult:
            given = await _given(respond, sent)
            if isinstance(given, BaseException):
                raise given
            return given

        self.add(re.compile(re.escape(address)), method, callback=called, repeat=True)

    async def _request_mock(
        self,
        orig_self: ClientSession,
        method: str,
        url: URL | str,
        *_: object,
        **kwargs: Any,  # noqa: ANN401 - aiohttp's
    ) -> ClientResponse:
        """Run the middlewares around the mocked request, as `ClientSession` does."""
        body, middlewares = kwargs.pop("data"), kwargs.pop("middlewares")
        mocked = super()._request_mock

        async def send(request: ClientRequest) -> ClientResponse:
            sent = Sent(
                len(self.sent) + 1, request.method, request.url, request.headers.copy(), body
            )
            self.sent.append(sent)
            return await mocked(
                orig_self, method, request.url, headers=sent.headers, sent=sent, **kwargs
            )

        request = PooledRequest(
            method, URL(url), headers=orig_self.headers, data=body, session=orig_self
        )
        return await build_client_middlewares(send, middlewares)(request)
