import asyncio
import gzip
import html
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.conftest import Command, Finished

pytestmark = pytest.mark.slow

_TOKEN: Final = "Hd7QxTok'\\\"<&>%41Md3JkTok+/=Tl9WzTok"  # noqa: S105 - made up
_CLIENT_ID: Final = "Hd7QxIdn\"'\\&Md3JkIdn;#Tl9WzIdn"
_CLIENT_SECRET: Final = "Hd7QxSec\\'\"%27<Md3JkSec&Tl9WzSec"  # noqa: S105 - made up
_SENT_FOR_A_TOKEN: Final = f"{_CLIENT_SECRET} {_CLIENT_ID}"
_SECRETS: Final = f"{_TOKEN} {_SENT_FOR_A_TOKEN}"

_MARKS: Final = ("Hd7Q", "Md3J", "Tl9W", "xTok", "kTok", "zTok", "xIdn", "zIdn", "xSec", "zSec")
"""In the beginning, the middle and the end of each secret, and without any character that an
escape changes: a half, or a secret in any spelling, has one of them."""

_GOOD: Final = json.dumps(
    {
        "code": 200,
        "data": {"total": 0, "sended": 0, "pending": 0, "fails": 0, "campaign": 0, "actions": {}},
    }
).encode()
_EXCERPTS: Final = (40, 500, 1024, 2048)
"""Where texts are cut."""


def _answer(body: bytes | str = b"", *headers: str, status: str = "404 Not Found") -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "", "")
    return "\r\n".join(lines).encode() + content


def _with_message(text: str, status: str = "404 Not Found", **more: object) -> bytes:
    return _answer(
        json.dumps({"code": 404, "message": text, "errors": text, **more}), status=status
    )


def _spellings(text: str) -> Iterator[str]:
    in_json = json.dumps(text)[1:-1]
    yield from (
        text,
        in_json,
        json.dumps(in_json),
        html.escape(text),
        json.dumps(html.escape(text)),
    )
    yield from (quote(text), quote(quote(text)), html.escape(in_json), repr(text), repr(repr(text)))
    yield "".join(f"\\u{ord(char):04x}" for char in text)
    yield "".join(f"&#x{ord(char):X};" for char in text)


def _heads(text: str) -> Iterator[bytes]:
    """Put a text into status lines and headers, valid or not."""
    for line in (f"HTTP/1.1 404 {text}", text, f"HTTP/1.1 {text} OK", f"{text}/1.1 404 Not Found"):
        yield f"{line}\r\nContent-Length: 0\r\n\r\n".encode()
    for header in (
        *(f"X-Echo: {text}", text, f"{text}: x", f"X: a\r\n {text}", f"X: \0{text}"),
        *(f"Set-Cookie: {text}", f"Server: {text * 300}", f"X-Long: {text * 3000}"),
        *(f"Content-Length: {text}", f"Transfer-Encoding: {text}", f"Content-Encoding: {text}"),
        *(f"Content-Type: text/plain; charset={text}", f"Content-Type: {text}", f"Date: {text}"),
        *(f"RateLimit: {text}", f"X-RateLimit-Remaining: {text}\r\nX-RateLimit-Reset: {text}"),
    ):
        yield f"HTTP/1.1 404 Not Found\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode()
        # Half a head: the connection is closed within it.
        yield f"HTTP/1.1 404 Not Found\r\n{header}".encode()
    yield _answer(b"", f"Location: /{text}", status="302 Found")
    for pad in range(0, 41, 8):
        yield _answer(b"", f"Retry-After: {'-' * pad}{text}", status="500 Oops")


def _bodies(text: str) -> Iterator[bytes]:
    """Put a text into bodies, and into what frames them."""
    for spelled in _spellings(text):
        for edge in _EXCERPTS:
            yield _answer("-" * (edge - 20) + spelled)
            yield _with_message("-" * (edge - 20) + spelled)
        yield _answer(spelled + "-" * 2_000_000)
        yield _answer(spelled, status="200 OK")
        yield _with_message(spelled, status="200 OK")
        yield _with_message(spelled, status="500 Oops")
    yield _answer(json.dumps({"code": text, "data": text}), status="200 OK")
    yield _answer(json.dumps({"code": 200, "data": {text: text}}), status="200 OK")
    counters = {"total": text, "actions": {text: text}}
    yield _answer(json.dumps({"code": 200, "data": counters}), status="200 OK")
    yield _answer(text.encode("utf-16"), "Content-Type: text/html; charset=utf-16")
    yield _answer(gzip.compress(text.encode())[:-9], "Content-Encoding: gzip")
    yield _answer(text, "Content-Encoding: deflate")
    chunked = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
    for chunks in (f"{text}\r\n", f"5;{text}\r\nabcde\r\n{text}", f"1\r\nx\r\n0\r\n{text}\r\n\r\n"):
        yield chunked + chunks.encode()


Answers = Callable[[str, int], bytes]
"""Gets the path of a request and its number, from 0."""


@asynccontextmanager
async def _serving(answers: Answers) -> AsyncIterator[str]:
    """Answer each request with the given bytes, and close its connection; gives the address."""
    number = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(answers(head.split()[1].decode(), number))
            number += 1
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _issued() -> bytes:
    body = json.dumps({"access_token": _TOKEN, "expires_in": 7200})
    return _answer(body, status="200 OK")


async def _run(command: Command, answers: Answers, *arguments: str) -> Finished:
    async with _serving(answers) as base_url:
        pointed = command.pointed_at(base_url, client_id=_CLIENT_ID, client_secret=_CLIENT_SECRET)
        return await pointed.run(*arguments)


def _assert_no_part_of_a_secret(directory: Path, finished: Finished) -> str:
    """Look into all files and both streams; return all of it."""
    files = {path: path.read_text() for path in directory.rglob("*") if path.is_file()}
    texts: dict[Any, str] = {**files, "stdout": finished.stdout, "stderr": finished.stderr}
    for where, text in texts.items():
        for mark in _MARKS:
            for spelled in _spellings(mark):
                at = text.find(spelled)
                assert at < 0, (where, text[max(0, at - 300) : at + 100])
    return "".join(texts.values())


_RUN: Final = (
    *("run", "companies.txt", "--output", "r", "--rate", "auto", "--concurrency", "1"),
    *("--max-attempts", "1", "--timeout", "10", "--log-level", "debug", "--metrics-file", "m.prom"),
)


@pytest.mark.parametrize("places", [_heads, _bodies])
async def test_no_text_of_the_server_brings_a_secret_into_a_file(
    command: Command, places: Callable[[str], Iterator[bytes]]
) -> None:
    """Neither in whole nor in part: the server echoes all of them wherever it can put a text.

    What it puts into the figures of a good answer is kept as it came.
    """
    leaks = list(places(_SECRETS))
    # A good answer before each: otherwise it is an outage.
    command.write("companies.txt", "".join(f"{n}\n" for n in range(2 * len(leaks))))

    def answer(path: str, _: int) -> bytes:
        if path.startswith("/oauth"):
            return _issued()
        company = int(path.split("/")[-2])
        return leaks[company // 2] if company % 2 else _answer(_GOOD, status="200 OK")

    finished = await _run(command, answer, *_RUN)
    assert finished.exit_code == 1, finished
    assert len(command.lines("r/errors.jsonl")) > len(leaks) - 3
    written = _assert_no_part_of_a_secret(command.directory, finished)
    assert "[secret]" in written


_REFUSALS: Final = (
    *("{}", '{"error":"invalid_client","error_description":"TEXT"}', "TEXT"),
    *('{"error":"TEXT"}', '{"access_token":"a b","error":"TEXT"}', '{"access_token":"TEXT TEXT"}'),
)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        *(((*_RUN, "--max-outage", "1s"), status) for status in ("200 OK", "503 Unavailable")),
        *((_RUN, status) for status in ("401 Unauthorized", "302 Found")),
        *((("check", "companies.txt"), status) for status in ("401 Unauthorized", "302 Found")),
    ],
)
async def test_no_refused_token_brings_a_secret_into_a_message(
    command: Command, arguments: tuple[str, ...], status: str
) -> None:
    """A token service may tell the client what it has sent."""
    command.write("companies.txt", "1\n")
    for refusal in _REFUSALS:
        text = "-" * 480 + json.dumps(json.dumps(_SENT_FOR_A_TOKEN))[1:-1]
        body = refusal.replace("TEXT", text)
        leak = _answer(body, f"Retry-After: {text}", f"Location: {text}", status=status)

        def answer(_path: str, _number: int, leak: bytes = leak) -> bytes:
            return leak

        finished = await _run(command, answer, *arguments)
        assert finished.exit_code in {3, 4}, finished
        _assert_no_part_of_a_secret(command.directory, finished)


async def test_no_failed_company_of_a_check_brings_a_secret_to_the_screen(
    command: Command,
) -> None:
    """Its table has the messages of failures."""
    command.write("companies.txt", "1\n2\n3\n")
    texts = list(_spellings(_SECRETS))

    def answer(path: str, number: int) -> bytes:
        if path.startswith("/oauth"):
            return _issued()
        return _with_message("-" * 30 + texts[number % len(texts)])

    finished = await _run(command, answer, "check", "companies.txt")
    assert finished.exit_code == 1, finished
    assert "[secret]" in _assert_no_part_of_a_secret(command.directory, finished)
